// SPDX-License-Identifier: Apache-2.0
// YAML text as values that know where they stand, so that every error reads
// `octroi.yaml:14:15: policy.workloads[0].name: what; what to write`. The only
// part of octroi that knows the YAML library.
//
// What is read is what a configuration needs: one document of maps, lists and
// scalars, in block or flow style. Anchors, aliases and tags are refused, and
// so is more text, more values or deeper nesting than the limits below.
//
// Thread safety: one thread. A YamlDocument outlives its fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/problem.h"
#include "geo/calendar.h"
#include "geo/ip_prefix.h"

namespace octroi {

// The library needs up to 240 bytes for a byte of hostile text.
inline constexpr size_t kMaxYamlFileBytes = size_t{1} << 20;
inline constexpr size_t kMaxYamlValues = 250'000;
inline constexpr int kMaxYamlDepth = 32;
// Further problems of a document are not added.
inline constexpr size_t kMaxYamlProblems = 100;

class YamlField;

// A parsed text.
class YamlDocument {
 public:
  // Nothing, with a problem added, if the text is not YAML as above. An empty
  // text is an empty map. `file` is the name for messages; `problems` must
  // outlive the document.
  static std::unique_ptr<YamlDocument> Parse(std::string text, std::string file,
                                             std::vector<Problem>* problems);
  ~YamlDocument();
  YamlDocument(const YamlDocument&) = delete;
  YamlDocument& operator=(const YamlDocument&) = delete;

  // The document's value, of path "".
  YamlField root() const;

  // A scalar, list, map, or nothing at all.
  struct Node;

 private:
  friend class YamlField;
  friend class YamlMap;
  struct Place {
    int line = 0;         // From 0.
    int byte_column = 0;  // From 0.
  };

  YamlDocument(std::string text, std::string file,
               std::vector<Problem>* problems);

  // The column of a place from 1, in characters.
  int ColumnOf(const Place& place) const;
  void Add(const Place& place, std::string what) const;

  std::string text_;
  std::string file_;
  std::vector<size_t> line_starts_;
  std::unique_ptr<Node> root_;
  std::vector<Problem>* problems_;
  mutable size_t problem_count_ = 0;
};

class YamlMap;

// One value, by reference. Readers return nothing after adding a problem, so
// that the caller can go on and find the next one.
class YamlField {
 public:
  // "policy.workloads[0].name"; "" for the whole document.
  const std::string& path() const { return path_; }
  // From 1; the column counts characters.
  int line() const;
  int column() const;

  bool is_null() const;
  bool is_scalar() const;
  bool is_list() const;
  bool is_map() const;

  // Adds `FILE:LINE:COLUMN: path: what`.
  void Error(std::string_view what) const;

  // Whether the value is a scalar of exactly this text.
  bool IsWord(std::string_view word) const;
  // The text of a scalar as it is, unchecked; "" for anything else.
  std::string ScalarText() const;
  // What stands there, for messages: the quoted text, "a list", "nothing".
  std::string Found() const;

  // The text of a scalar that is not empty, as written (numbers and words
  // included) without white space around it and on one line.
  std::optional<std::string> ReadText() const;
  // true or false.
  std::optional<bool> ReadBool() const;
  // A decimal number of [minimum, maximum].
  std::optional<int64_t> ReadInteger(int64_t minimum, int64_t maximum) const;
  // YYYY-MM-DD.
  std::optional<Day> ReadDay() const;
  // A prefix without host bits, or an address alone.
  std::optional<IpPrefix> ReadPrefix() const;
  // One of `words`; `what_it_is` ("a scheme") is for the message.
  std::optional<std::string> ReadWord(
      std::string_view what_it_is,
      std::span<const std::string_view> words) const;

  // The items of a list, path[0], path[1], ... A value that is not a list is a
  // problem and has none.
  std::vector<YamlField> ReadList() const;
  // The same, but a scalar or a map alone counts as a list of one.
  std::vector<YamlField> ReadListOrOne() const;

  // The entries of a map whose keys are the user's to choose, in order: key and
  // value. Keys that are no text or stand twice are problems; a value that is
  // not a map is a problem and has no entries. A value's path is path.KEY.
  std::vector<std::pair<YamlField, YamlField>> ReadEntries() const;

  // The entries of a map whose keys are some of `keys`. Unknown keys and keys
  // that stand twice are problems; a value that is not a map is a problem and
  // has no entries.
  YamlMap ReadMap(std::span<const std::string_view> keys) const;

 private:
  friend class YamlDocument;
  friend class YamlMap;

  YamlField(const YamlDocument* document, const YamlDocument::Node* node,
            std::string path);

  const YamlDocument* document_;
  const YamlDocument::Node* node_;
  std::string path_;
};

// The entries of a map. The map's field need not outlive it.
class YamlMap {
 public:
  // The value of a key, or nothing if the map does not have it or has nothing
  // behind it (`key:` is the same as no key). REQUIRES: `key` is known.
  std::optional<YamlField> Find(std::string_view key) const;

  // The same, and a problem if there is nothing: `path.key is missing; hint`,
  // at the place of the map. An unknown key that was meant for it is problem
  // enough.
  std::optional<YamlField> Require(std::string_view key,
                                   std::string_view hint) const;

  // The map itself.
  const YamlField& field() const { return field_; }
  // Whether the map has no known key.
  bool is_empty() const { return entries_.empty(); }
  bool has_unknown_keys() const { return has_unknown_keys_; }

 private:
  friend class YamlField;
  explicit YamlMap(YamlField field) : field_(std::move(field)) {}

  YamlField field_;
  std::vector<std::pair<std::string, YamlField>> entries_;
  bool has_unknown_keys_ = false;
  std::vector<std::string_view> misspelt_;  // Known keys that were meant.
};

}  // namespace octroi
