// SPDX-License-Identifier: Apache-2.0
#include "config/csv.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "config/suggest.h"
#include "config/text_file.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace octroi {

CsvTable::CsvTable(std::string_view text, std::string file,
                   std::span<const std::string_view> columns,
                   std::vector<Problem>* problems)
    : text_(text),
      file_(std::move(file)),
      columns_(columns),
      problems_(problems) {}

std::optional<CsvTable> CsvTable::Open(
    std::string_view text, std::string file,
    std::span<const std::string_view> columns, std::vector<Problem>* problems) {
  assert(columns.size() <= kMaxCsvColumns);
  text = WithoutByteOrderMark(text);
  if (auto problem = FindBadCharacter(text, file)) {
    problems->push_back(*std::move(problem));
    return std::nullopt;
  }
  CsvTable table(text, std::move(file), columns, problems);
  if (!table.ReadHeader()) return std::nullopt;
  return table;
}

bool CsvTable::ReadHeader() {
  SkipLinesBeforeHeader();
  switch (ReadRecord()) {
    case ReadResult::kBroken:
      return false;
    case ReadResult::kEnd:
      problems_->push_back({file_, 0, 0,
                            fmt::format("is empty; begin with the header {}",
                                        fmt::join(columns_, ","))});
      return false;
    case ReadResult::kRecord:
      break;
  }
  constexpr size_t kMissing = SIZE_MAX;
  field_of_column_.assign(columns_.size(), kMissing);
  std::vector<bool> is_explained(columns_.size(), false);
  for (size_t i = 0; i < field_count_; ++i) {
    const Field& field = record_[i];
    const auto column = std::find(columns_.begin(), columns_.end(), field.text);
    if (column == columns_.end()) {
      Add(field, UnknownWord("column", field.text, columns_));
      const auto nearest = std::find(columns_.begin(), columns_.end(),
                                     NearestWord(field.text, columns_));
      if (nearest != columns_.end()) {
        is_explained[static_cast<size_t>(nearest - columns_.begin())] = true;
      }
      continue;
    }
    size_t& index =
        field_of_column_[static_cast<size_t>(column - columns_.begin())];
    if (index != kMissing) {
      Add(field, fmt::format("column \"{}\" stands twice", *column));
    }
    index = i;
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (field_of_column_[i] == kMissing && !is_explained[i]) {
      ++problem_count_;
      problems_->push_back(
          {file_, record_[0].line, 0,
           fmt::format("column \"{}\" is missing; the columns are {}",
                       columns_[i], fmt::join(columns_, ","))});
    }
  }
  return problem_count_ == 0;
}

void CsvTable::SkipLinesBeforeHeader() {
  while (position_ < text_.size()) {
    if (text_[position_] == '#') {
      SkipLine();
    } else if (AtLineEnd()) {
      SkipLineEnd();
    } else {
      return;
    }
  }
}

bool CsvTable::Next() {
  if (is_broken_) return false;
  for (;;) {
    if (problem_count_ >= kMaxCsvProblems) {
      is_broken_ = true;
      problems_->push_back(
          {file_, 0, 0,
           fmt::format("has {} problems or more; the rest of the file was "
                       "not read",
                       kMaxCsvProblems)});
      return false;
    }
    row_is_good_ = true;
    const ReadResult result = ReadRecord();
    if (result == ReadResult::kBroken) is_broken_ = true;
    if (result != ReadResult::kRecord) return false;
    if (field_count_ == columns_.size()) return true;
    Add(record_[0], fmt::format("the row has {} values, the header {}",
                                field_count_, columns_.size()));
  }
}

std::string_view CsvTable::Text(std::string_view column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  assert(found != columns_.end());
  const auto index = static_cast<size_t>(found - columns_.begin());
  return record_[field_of_column_[index]].text;
}

void CsvTable::Error(std::string_view column, std::string_view what) {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  assert(found != columns_.end());
  const auto index = static_cast<size_t>(found - columns_.begin());
  row_is_good_ = false;
  Add(record_[field_of_column_[index]],
      fmt::format("column \"{}\": {}", column, what));
}

CsvTable::ReadResult CsvTable::ReadRecord() {
  while (position_ < text_.size() && AtLineEnd()) SkipLineEnd();
  if (position_ == text_.size()) return ReadResult::kEnd;
  field_count_ = 0;
  for (;;) {
    if (record_.size() == field_count_) record_.emplace_back();
    Field& field = record_[field_count_++];
    if (!ReadField(&field)) return ReadResult::kBroken;
    if (position_ == text_.size()) return ReadResult::kRecord;
    if (AtLineEnd()) {
      SkipLineEnd();
      return ReadResult::kRecord;
    }
    ++position_;  // The comma.
    if (field_count_ == kMaxCsvColumns) {
      Add(field, fmt::format("a row has more than {} values", kMaxCsvColumns));
      return ReadResult::kBroken;
    }
  }
}

bool CsvTable::ReadField(Field* field) {
  field->text.clear();
  field->offset = position_;
  field->line_start = line_start_;
  field->line = line_;
  const bool is_quoted = position_ < text_.size() && text_[position_] == '"';
  if (!(is_quoted ? ReadQuoted(field) : ReadPlain(field))) return false;
  if (position_ == text_.size() || text_[position_] == ',' || AtLineEnd()) {
    return true;
  }
  Add(*field, text_[position_] == '\r'
                  ? "a carriage return without a line feed; end lines with "
                    "LF or CRLF"
                  : "text after the closing quote; write \"\" for a quote "
                    "inside a quoted value");
  return false;
}

bool CsvTable::ReadQuoted(Field* field) {
  ++position_;
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '"') {
      ++position_;
      if (position_ == text_.size() || text_[position_] != '"') return true;
    } else if (c == '\n') {
      ++line_;
      line_start_ = position_ + 1;
    }
    if (field->text.size() == kMaxCsvFieldBytes) {
      Add(*field, fmt::format("a quoted value is longer than {} KiB; is its "
                              "closing quote missing?",
                              kMaxCsvFieldBytes >> 10));
      return false;
    }
    field->text += c;
    ++position_;
  }
  Add(*field, "the closing quote is missing");
  return false;
}

bool CsvTable::ReadPlain(Field* field) {
  const size_t end =
      std::min(text_.find_first_of(",\r\n\"", position_), text_.size());
  if (end - position_ > kMaxCsvFieldBytes) {
    Add(*field,
        fmt::format("a value is longer than {} KiB", kMaxCsvFieldBytes >> 10));
    return false;
  }
  if (end < text_.size() && text_[end] == '"') {
    Add(*field,
        "a quote inside a value; put the whole value in quotes and write "
        "\"\" for the quote");
    return false;
  }
  field->text.assign(text_, position_, end - position_);
  position_ = end;
  return true;
}

bool CsvTable::AtLineEnd() const {
  return text_[position_] == '\n' ||
         text_.substr(position_, 2) == std::string_view("\r\n");
}

void CsvTable::SkipLineEnd() {
  position_ += text_[position_] == '\n' ? 1 : 2;
  ++line_;
  line_start_ = position_;
}

void CsvTable::SkipLine() {
  const size_t end = text_.find('\n', position_);
  position_ = end == std::string_view::npos ? text_.size() : end;
  if (position_ < text_.size()) SkipLineEnd();
}

void CsvTable::Add(const Field& place, std::string what) {
  row_is_good_ = false;
  ++problem_count_;
  const std::string_view before =
      text_.substr(place.line_start, place.offset - place.line_start);
  problems_->push_back({file_, place.line,
                        static_cast<int>(CountCharacters(before) + 1),
                        std::move(what)});
}

std::string CsvField(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos &&
      !text.starts_with('#')) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace octroi
