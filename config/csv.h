// SPDX-License-Identifier: Apache-2.0
// The one reader of comma-separated values (RFC 4180), strict: UTF-8, LF or
// CRLF, quotes where a value needs them, and exactly the columns that the
// caller knows, in any order. Lines that begin with '#' may stand before the
// header, and nowhere else. A cursor: one row is in memory at a time.
//
//   auto table = CsvTable::Open(text, file, columns, &problems);
//   while (table && table->Next()) Use(table->Text("name"));
//
// Thread safety: one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

namespace octroi {

inline constexpr size_t kMaxCsvFileBytes = size_t{256} << 20;
inline constexpr size_t kMaxCsvFieldBytes = size_t{64} << 10;
inline constexpr size_t kMaxCsvColumns = 64;
// After this many problems a file is not read further.
inline constexpr size_t kMaxCsvProblems = 20;

class CsvTable {
 public:
  // Checks the text's characters and its header. Nothing, with problems added,
  // if they are not as they must be. `file` is the name for messages; `text`,
  // `columns` and `problems` must outlive the table.
  static std::optional<CsvTable> Open(std::string_view text, std::string file,
                                      std::span<const std::string_view> columns,
                                      std::vector<Problem>* problems);

  // Goes to the next row. False at the end, after text that is not CSV (a
  // problem is added), or once the file has kMaxCsvProblems problems. A row
  // with another number of values than the header is a problem and is skipped;
  // empty lines are skipped.
  bool Next();

  // The line on which the row begins, from 1.
  int line() const { return record_[0].line; }

  // The row's value in a column, quotes undone; "" for an empty one. Valid
  // until Next. REQUIRES: `column` is one of the columns; Next returned true.
  std::string_view Text(std::string_view column) const;

  // Adds a problem of the row's value:
  // `FILE:LINE:COLUMN: column "until": what`.
  void Error(std::string_view column, std::string_view what);

  // Whether Error has not been called for this row.
  bool row_is_good() const { return row_is_good_; }

 private:
  struct Field {
    std::string text;
    size_t offset = 0;      // Of its first character, or of its quote.
    size_t line_start = 0;  // Offset of the line on which it begins.
    int line = 0;
  };
  enum class ReadResult { kRecord, kEnd, kBroken };

  CsvTable(std::string_view text, std::string file,
           std::span<const std::string_view> columns,
           std::vector<Problem>* problems);

  bool ReadHeader();
  void SkipLinesBeforeHeader();
  ReadResult ReadRecord();
  bool ReadField(Field* field);
  bool ReadQuoted(Field* field);
  bool ReadPlain(Field* field);
  bool AtLineEnd() const;
  // REQUIRES: AtLineEnd().
  void SkipLineEnd();
  void SkipLine();
  void Add(const Field& place, std::string what);

  // Constant after Open.
  std::string_view text_;
  std::string file_;
  std::span<const std::string_view> columns_;
  std::vector<size_t> field_of_column_;

  // Where reading stands.
  size_t position_ = 0;
  size_t line_start_ = 0;
  int line_ = 1;
  std::vector<Field> record_;  // The first field_count_ are the row's.
  size_t field_count_ = 0;
  bool is_broken_ = false;

  std::vector<Problem>* problems_;
  size_t problem_count_ = 0;
  bool row_is_good_ = true;
};

// `text` as a value of a row that this reader reads back: in quotes if it needs
// them (RFC 4180 section 2), with quotes in it doubled. REQUIRES: UTF-8 without
// control characters, at most kMaxCsvFieldBytes.
std::string CsvField(std::string_view text);

}  // namespace octroi
