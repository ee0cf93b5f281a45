// SPDX-License-Identifier: Apache-2.0
#include "config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <exception>
#include <set>
#include <sstream>
#include <utility>

#include "config/suggest.h"
#include "config/text_file.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace octroi {

struct YamlDocument::Node {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  Place place;
  std::string text;         // Of a scalar.
  std::vector<Node> items;  // Of a list; of a map, key, value, key, value, ...
};

namespace {

using Node = YamlDocument::Node;

// Ends the library's parse from inside an event. Never leaves this file.
class Refusal : public std::exception {
 public:
  Refusal(const YAML::Mark& mark, std::string what)
      : mark_(mark), what_(std::move(what)) {}
  const char* what() const noexcept override { return what_.c_str(); }
  const YAML::Mark& mark() const { return mark_; }

 private:
  YAML::Mark mark_;
  std::string what_;
};

// Builds the tree from the library's events, and refuses what octroi does not
// read before the library has spent time or stack on it.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Node* root) { open_.push_back(root); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++document_count_ > 1) {
      throw Refusal(mark, "a second document begins; write one per file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, "", anchor, Node::Kind::kNull);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refusal(mark, "aliases are not read; write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& value) override {
    Add(mark, tag, anchor, Node::Kind::kScalar).text = value;
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Node::Kind::kList);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Node::Kind::kMap);
  }
  void OnMapEnd() override { open_.pop_back(); }

  void OnAnchor(const YAML::Mark& mark, const std::string&) override {
    throw Refusal(mark, "anchors are not read; write the value out");
  }

 private:
  Node& Add(const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor, Node::Kind kind) {
    if (++value_count_ > kMaxYamlValues) {
      throw Refusal(mark,
                    fmt::format("has more than {} values", kMaxYamlValues));
    }
    if (anchor != YAML::NullAnchor) {
      throw Refusal(mark, "anchors are not read; write the value out");
    }
    // The library says "?" of a plain value and "!" of a quoted one.
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refusal(
          mark, fmt::format("the tag {} is not read; remove it", Quoted(tag)));
    }
    Node& parent = *open_.back();
    Node* node = &parent;
    // The first value of all is the root itself.
    if (value_count_ > 1) node = &parent.items.emplace_back();
    node->kind = kind;
    node->place = {mark.line, mark.column};
    // Nothing stands behind the key: its place is the key's.
    if (kind == Node::Kind::kNull && parent.kind == Node::Kind::kMap &&
        parent.items.size() % 2 == 0 && value_count_ > 1) {
      node->place = parent.items[parent.items.size() - 2].place;
    }
    return *node;
  }

  void Open(const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor, Node::Kind kind) {
    if (open_.size() > static_cast<size_t>(kMaxYamlDepth)) {
      throw Refusal(mark, fmt::format("is nested more than {} levels deep",
                                      kMaxYamlDepth));
    }
    Node& node = Add(mark, tag, anchor, kind);
    open_.push_back(&node);
  }

  // Lists and maps not yet ended. A node does not move while it stands here:
  // its parent takes no further item before it has ended.
  std::vector<Node*> open_;
  size_t value_count_ = 0;
  int document_count_ = 0;
};

bool IsSpaceOrControl(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
}

}  // namespace

YamlDocument::YamlDocument(std::string text, std::string file,
                           std::vector<Problem>* problems)
    : text_(std::move(text)),
      file_(std::move(file)),
      root_(std::make_unique<Node>()),
      problems_(problems) {
  line_starts_.push_back(0);
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
  }
}

YamlDocument::~YamlDocument() = default;

std::unique_ptr<YamlDocument> YamlDocument::Parse(
    std::string text, std::string file, std::vector<Problem>* problems) {
  if (text.size() > kMaxYamlFileBytes) {
    problems->push_back({file, 0, 0,
                         fmt::format("is larger than {} MiB, the most that "
                                     "octroi reads of a configuration",
                                     kMaxYamlFileBytes >> 20)});
    return nullptr;
  }
  text = std::string(WithoutByteOrderMark(text));
  if (auto problem = FindBadCharacter(text, file)) {
    problems->push_back(*std::move(problem));
    return nullptr;
  }
  std::unique_ptr<YamlDocument> document(
      new YamlDocument(std::move(text), std::move(file), problems));
  Node* const root = document->root_.get();
  try {
    std::istringstream stream(document->text_);
    YAML::Parser parser(stream);
    TreeBuilder builder(root);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refusal) {
    document->Add({refusal.mark().line, refusal.mark().column}, refusal.what());
    return nullptr;
  } catch (const YAML::Exception& error) {
    // The library repeats bytes of what it found, and halves of characters.
    document->Add({error.mark.line, error.mark.column},
                  fmt::format("is not YAML: {}", Quoted(error.msg)));
    return nullptr;
  } catch (const std::exception& error) {
    document->Add({}, fmt::format("cannot be read as YAML: {}", error.what()));
    return nullptr;
  }
  if (root->kind == Node::Kind::kNull) root->kind = Node::Kind::kMap;
  return document;
}

YamlField YamlDocument::root() const {
  return YamlField(this, root_.get(), "");
}

int YamlDocument::ColumnOf(const Place& place) const {
  if (place.line < 0 || place.byte_column < 0 ||
      static_cast<size_t>(place.line) >= line_starts_.size()) {
    return 1;
  }
  const std::string_view before = std::string_view(text_).substr(
      line_starts_[static_cast<size_t>(place.line)],
      static_cast<size_t>(place.byte_column));
  return static_cast<int>(CountCharacters(before) + 1);
}

void YamlDocument::Add(const Place& place, std::string what) const {
  if (++problem_count_ > kMaxYamlProblems) return;
  if (problem_count_ == kMaxYamlProblems) {
    what = fmt::format("and more problems; {} are shown", kMaxYamlProblems - 1);
  }
  problems_->push_back(
      {file_, std::max(place.line, 0) + 1, ColumnOf(place), std::move(what)});
}

YamlField::YamlField(const YamlDocument* document,
                     const YamlDocument::Node* node, std::string path)
    : document_(document), node_(node), path_(std::move(path)) {}

int YamlField::line() const { return std::max(node_->place.line, 0) + 1; }
int YamlField::column() const { return document_->ColumnOf(node_->place); }
bool YamlField::is_null() const { return node_->kind == Node::Kind::kNull; }
bool YamlField::is_scalar() const { return node_->kind == Node::Kind::kScalar; }
bool YamlField::is_list() const { return node_->kind == Node::Kind::kList; }
bool YamlField::is_map() const { return node_->kind == Node::Kind::kMap; }

void YamlField::Error(std::string_view what) const {
  document_->Add(node_->place, path_.empty()
                                   ? std::string(what)
                                   : fmt::format("{}: {}", path_, what));
}

std::string YamlField::Found() const {
  switch (node_->kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return Quoted(node_->text);
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

bool YamlField::IsWord(std::string_view word) const {
  return is_scalar() && node_->text == word;
}

std::string YamlField::ScalarText() const {
  return is_scalar() ? node_->text : "";
}

std::optional<std::string> YamlField::ReadText() const {
  if (!is_scalar()) {
    Error(fmt::format("{} is not a text; write one value", Found()));
    return std::nullopt;
  }
  const std::string& text = node_->text;
  if (text.empty()) {
    Error("is empty; a value is needed");
    return std::nullopt;
  }
  if (IsSpaceOrControl(text.front()) || IsSpaceOrControl(text.back())) {
    Error(
        fmt::format("{} begins or ends with white space; remove it", Found()));
    return std::nullopt;
  }
  // A quoted YAML text may hold any character by an escape.
  if (const auto problem = FindBadCharacter(text, "");
      problem || text.find_first_of("\t\r\n") != std::string::npos) {
    Error(fmt::format("{} has control characters; write it on one line",
                      Found()));
    return std::nullopt;
  }
  return text;
}

std::optional<bool> YamlField::ReadBool() const {
  if (is_scalar() && node_->text == "true") return true;
  if (is_scalar() && node_->text == "false") return false;
  Error(
      fmt::format("{} is neither true nor false; write one of them", Found()));
  return std::nullopt;
}

std::optional<int64_t> YamlField::ReadInteger(int64_t minimum,
                                              int64_t maximum) const {
  const std::string& text = node_->text;
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (is_scalar() && error == std::errc() && end == text.data() + text.size() &&
      value >= minimum && value <= maximum) {
    return value;
  }
  Error(fmt::format("{} is not a number from {} to {}", Found(), minimum,
                    maximum));
  return std::nullopt;
}

std::optional<Day> YamlField::ReadDay() const {
  const std::optional<Day> day =
      is_scalar() ? ParseDay(node_->text) : std::nullopt;
  if (!day) Error(fmt::format("{} is not a day; write YYYY-MM-DD", Found()));
  return day;
}

std::optional<IpPrefix> YamlField::ReadPrefix() const {
  if (!is_scalar()) {
    Error(fmt::format("{} is not a prefix; write for example 192.0.2.0/24",
                      Found()));
    return std::nullopt;
  }
  const absl::StatusOr<IpPrefix> prefix = ParsePrefix(node_->text);
  if (prefix.ok()) return *prefix;
  Error(std::string(prefix.status().message()));
  return std::nullopt;
}

std::optional<std::string> YamlField::ReadWord(
    std::string_view what_it_is,
    std::span<const std::string_view> words) const {
  if (is_scalar() &&
      std::find(words.begin(), words.end(), node_->text) != words.end()) {
    return node_->text;
  }
  const std::string_view nearest =
      is_scalar() ? NearestWord(node_->text, words) : "";
  Error(fmt::format(
      "{} is not {};{} write {}", Found(), what_it_is,
      nearest.empty() ? "" : fmt::format(" did you mean \"{}\"?", nearest),
      OneOf(words)));
  return std::nullopt;
}

std::vector<YamlField> YamlField::ReadList() const {
  std::vector<YamlField> items;
  if (!is_list()) {
    Error(
        fmt::format("{} is not a list; write [...], or lines that begin "
                    "with '-'",
                    Found()));
    return items;
  }
  items.reserve(node_->items.size());
  for (size_t i = 0; i < node_->items.size(); ++i) {
    items.push_back(YamlField(document_, &node_->items[i],
                              fmt::format("{}[{}]", path_, i)));
  }
  return items;
}

std::vector<YamlField> YamlField::ReadListOrOne() const {
  if (is_scalar() || is_map()) return {*this};
  return ReadList();
}

std::vector<std::pair<YamlField, YamlField>> YamlField::ReadEntries() const {
  std::vector<std::pair<YamlField, YamlField>> entries;
  if (!is_map()) {
    Error(fmt::format("{} is not a map; write KEY: VALUE", Found()));
    return entries;
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i + 1 < node_->items.size(); i += 2) {
    const YamlField key(document_, &node_->items[i], path_);
    const auto name = key.ReadText();
    if (!name) continue;
    if (!seen.insert(key.node_->text).second) {
      key.Error(
          fmt::format("key {} stands twice; keep one of them", Quoted(*name)));
      continue;
    }
    entries.emplace_back(
        key, YamlField(document_, &node_->items[i + 1],
                       path_.empty() ? *name : path_ + "." + *name));
  }
  return entries;
}

YamlMap YamlField::ReadMap(std::span<const std::string_view> keys) const {
  YamlMap map(*this);
  if (!is_map()) {
    Error(fmt::format("{} is not a map; write {}", Found(),
                      fmt::format("{}: ...", fmt::join(keys, ": ..., "))));
    return map;
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i + 1 < node_->items.size(); i += 2) {
    const YamlField key(document_, &node_->items[i], path_);
    if (!key.is_scalar()) {
      key.Error(fmt::format("{} is not a key", key.Found()));
      continue;
    }
    const std::string& name = key.node_->text;
    if (std::find(keys.begin(), keys.end(), name) == keys.end()) {
      key.Error(UnknownWord("key", name, keys));
      map.has_unknown_keys_ = true;
      map.misspelt_.push_back(NearestWord(name, keys));
    } else if (!seen.insert(name).second) {
      key.Error(fmt::format("key \"{}\" stands twice; keep one of them", name));
    } else {
      map.entries_.emplace_back(
          name, YamlField(document_, &node_->items[i + 1],
                          path_.empty() ? name : path_ + "." + name));
    }
  }
  return map;
}

std::optional<YamlField> YamlMap::Find(std::string_view key) const {
  for (const auto& [name, field] : entries_) {
    if (name == key && !field.is_null()) return field;
  }
  return std::nullopt;
}

std::optional<YamlField> YamlMap::Require(std::string_view key,
                                          std::string_view hint) const {
  std::optional<YamlField> found = Find(key);
  // A value that is not a map is already a problem.
  const bool is_misspelt =
      std::find(misspelt_.begin(), misspelt_.end(), key) != misspelt_.end();
  if (!found && field_.is_map() && !is_misspelt) {
    const std::string& path = field_.path();
    field_.document_->Add(field_.node_->place,
                          fmt::format("{}{}{} is missing; {}", path,
                                      path.empty() ? "" : ".", key, hint));
  }
  return found;
}

}  // namespace octroi
