// SPDX-License-Identifier: Apache-2.0
#include "config/yaml.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr std::string_view kKeys[] = {"name", "items", "until"};

class YamlTest : public ::testing::Test {
 protected:
  YamlField Parse(std::string text) {
    document_ = YamlDocument::Parse(std::move(text), "a.yaml", &problems_);
    EXPECT_NE(document_, nullptr) << Lines();
    return document_->root();
  }
  // Of a text that is refused.
  std::vector<std::string> ProblemsOf(std::string text) {
    problems_.clear();
    document_ = YamlDocument::Parse(std::move(text), "a.yaml", &problems_);
    EXPECT_EQ(document_, nullptr);
    return LineList();
  }
  std::vector<std::string> LineList() const {
    std::vector<std::string> lines;
    for (const Problem& problem : problems_) lines.push_back(problem.text());
    return lines;
  }
  std::string Lines() const {
    return fmt::format("{}", std::string(ToStatus(problems_).message()));
  }

  std::vector<Problem> problems_;
  std::unique_ptr<YamlDocument> document_;
};

TEST_F(YamlTest, ReadsScalarsAsTheyAreWritten) {
  const YamlMap map = Parse("name: 3.10\nuntil: \"x: y\"\n").ReadMap(kKeys);

  EXPECT_EQ(map.Find("name")->ReadText(), "3.10");
  EXPECT_EQ(map.Find("until")->ReadText(), "x: y");
  EXPECT_EQ(map.Find("items"), std::nullopt);
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(YamlTest, ReadsBlockAndFlowStyleAlike) {
  for (const char* text :
       {"items:\n  - name: a\n  - name: b\n", "items: [{name: a}, name: b]"}) {
    const YamlMap map = Parse(text).ReadMap(kKeys);
    const std::vector<YamlField> items = map.Find("items")->ReadList();

    ASSERT_THAT(items, SizeIs(2)) << text;
    EXPECT_EQ(items[0].path(), "items[0]");
    EXPECT_EQ(items[1].ReadMap(kKeys).Find("name")->path(), "items[1].name");
    EXPECT_EQ(items[1].ReadMap(kKeys).Find("name")->ReadText(), "b");
  }
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(YamlTest, KnowsWhereAValueStands) {
  const YamlMap map =
      Parse("# caf\xC3\xA9\nitems: [\xC3\xA9, \xC3\xA9, b]\n").ReadMap(kKeys);
  const std::vector<YamlField> items = map.Find("items")->ReadList();

  ASSERT_THAT(items, SizeIs(3));
  EXPECT_EQ(items[2].line(), 2);
  EXPECT_EQ(items[2].column(), 15);
}

TEST_F(YamlTest, TakesNothingBehindAKeyForNoKey) {
  const YamlMap map = Parse("name:\nuntil: ~\n").ReadMap(kKeys);

  EXPECT_EQ(map.Find("name"), std::nullopt);
  EXPECT_EQ(map.Find("until"), std::nullopt);
  EXPECT_EQ(map.Require("name", "name the workload"), std::nullopt);
  EXPECT_THAT(LineList(),
              ElementsAre("a.yaml:1:1: name is missing; name the workload"));
}

TEST_F(YamlTest, TakesAnEmptyTextForAnEmptyMap) {
  for (const char* text : {"", "\n", "# comment\n", "---\n"}) {
    EXPECT_TRUE(Parse(text).is_map()) << text;
    EXPECT_TRUE(Parse(text).ReadMap(kKeys).is_empty()) << text;
  }
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(YamlTest, ReportsUnknownAndRepeatedKeys) {
  const YamlMap map =
      Parse("name: a\nutnil: x\nname: b\n[c]: d\n").ReadMap(kKeys);

  EXPECT_EQ(map.Find("name")->ReadText(), "a");
  EXPECT_THAT(
      LineList(),
      ElementsAre("a.yaml:2:1: unknown key \"utnil\"; did you mean \"until\"? "
                  "known keys: name, items, until",
                  "a.yaml:3:1: key \"name\" stands twice; keep one of them",
                  "a.yaml:4:1: a list is not a key"));
}

TEST_F(YamlTest, ReportsAValueOfAnotherType) {
  const YamlMap map =
      Parse("name: [a]\nitems: b\nuntil: {x: y}\n").ReadMap(kKeys);

  EXPECT_EQ(map.Find("name")->ReadText(), std::nullopt);
  EXPECT_THAT(map.Find("items")->ReadList(), IsEmpty());
  EXPECT_TRUE(map.Find("items")->ReadMap(kKeys).is_empty());
  EXPECT_EQ(map.Find("until")->ReadDay(), std::nullopt);
  EXPECT_THAT(
      LineList(),
      ElementsAre("a.yaml:1:7: name: a list is not a text; write one value",
                  "a.yaml:2:8: items: \"b\" is not a list; write [...], or "
                  "lines that begin with '-'",
                  "a.yaml:2:8: items: \"b\" is not a map; write name: ..., "
                  "items: ..., until: ...",
                  "a.yaml:3:8: until: a map is not a day; write YYYY-MM-DD"));
}

TEST_F(YamlTest, ChecksTexts) {
  const YamlField root = Parse(R"(["", " a", "a\nb", "\e[31m", 'a b'])");
  const std::vector<YamlField> items = root.ReadList();

  ASSERT_THAT(items, SizeIs(5));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(items[i].ReadText(), std::nullopt);
  EXPECT_EQ(items[4].ReadText(), "a b");
  EXPECT_THAT(
      LineList(),
      ElementsAre("a.yaml:1:2: [0]: is empty; a value is needed",
                  "a.yaml:1:6: [1]: \" a\" begins or ends with white space; "
                  "remove it",
                  "a.yaml:1:12: [2]: \"a\\x0ab\" has control characters; "
                  "write it on one line",
                  "a.yaml:1:20: [3]: \"\\x1b[31m\" begins or ends with white "
                  "space; remove it"));
}

TEST_F(YamlTest, ReadsTypedValues) {
  constexpr std::string_view kWords[] = {"report", "violation"};
  const std::vector<YamlField> good =
      Parse("[true, 22, 2026-12-31, 10.0.0.0/8, report]").ReadList();

  EXPECT_EQ(good[0].ReadBool(), true);
  EXPECT_EQ(good[1].ReadInteger(1, 65535), 22);
  EXPECT_EQ(good[2].ReadDay(), ParseDay("2026-12-31"));
  EXPECT_EQ(good[3].ReadPrefix()->ToString(), "10.0.0.0/8");
  EXPECT_EQ(good[4].ReadWord("a way", kWords), "report");
  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(YamlTest, ChecksTypedValues) {
  constexpr std::string_view kWords[] = {"report", "violation"};
  const std::vector<YamlField> bad =
      Parse(
          "- yes\n- 65536\n- 22x\n- 2026-02-30\n- 10.0.0.1/8\n- reporx\n- []\n")
          .ReadList();

  EXPECT_EQ(bad[0].ReadBool(), std::nullopt);
  EXPECT_EQ(bad[1].ReadInteger(1, 65535), std::nullopt);
  EXPECT_EQ(bad[2].ReadInteger(1, 65535), std::nullopt);
  EXPECT_EQ(bad[3].ReadDay(), std::nullopt);
  EXPECT_EQ(bad[4].ReadPrefix(), std::nullopt);
  EXPECT_EQ(bad[5].ReadWord("a way", kWords), std::nullopt);
  EXPECT_EQ(bad[6].ReadInteger(1, 2), std::nullopt);
  EXPECT_THAT(
      LineList(),
      ElementsAre(
          "a.yaml:1:3: [0]: \"yes\" is neither true nor false; write one of "
          "them",
          "a.yaml:2:3: [1]: \"65536\" is not a number from 1 to 65535",
          "a.yaml:3:3: [2]: \"22x\" is not a number from 1 to 65535",
          "a.yaml:4:3: [3]: \"2026-02-30\" is not a day; write YYYY-MM-DD",
          "a.yaml:5:3: [4]: \"10.0.0.1/8\" has host bits set; write 10.0.0.0/8 "
          "for the network, or 10.0.0.1 for the address alone",
          "a.yaml:6:3: [5]: \"reporx\" is not a way; did you mean \"report\"? "
          "write report or violation",
          "a.yaml:7:3: [6]: a list is not a number from 1 to 2"));
}

// The library repeats the first byte of the character.
TEST_F(YamlTest, RepeatsNoHalfCharacterOfTheText) {
  std::vector<Problem> problems;

  EXPECT_EQ(YamlDocument::Parse("a: \"\\é\"", "a.yaml", &problems), nullptr);

  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].text(),
            "a.yaml:1:7: is not YAML: \"unknown escape character: \\xc3\"");
}

TEST_F(YamlTest, RefusesWhatIsNotYaml) {
  EXPECT_THAT(ProblemsOf("name: [a\n"),
              ElementsAre(StartsWith("a.yaml:2:1: is not YAML: ")));
  EXPECT_THAT(ProblemsOf("name: a\n\tb: c\n"),
              ElementsAre(StartsWith("a.yaml:2:")));
  EXPECT_THAT(ProblemsOf("a: b: c\n"),
              ElementsAre(StartsWith("a.yaml:1:5: is not YAML: ")));
  EXPECT_THAT(ProblemsOf("name: \xFF\n"),
              ElementsAre("a.yaml:1:7: byte 0xff is not UTF-8; write the file "
                          "as UTF-8 text"));
}

TEST_F(YamlTest, RefusesWhatAConfigurationDoesNotNeed) {
  EXPECT_THAT(ProblemsOf("name: &a b\n"),
              ElementsAre("a.yaml:1:7: anchors are not read; write the value "
                          "out"));
  EXPECT_THAT(ProblemsOf("name: *a\n"), ElementsAre(StartsWith("a.yaml:1:7:")));
  EXPECT_THAT(ProblemsOf("name: !!str b\n"),
              ElementsAre("a.yaml:1:7: the tag \"tag:yaml.org,2002:str\" is "
                          "not read; remove it"));
  EXPECT_THAT(ProblemsOf("items: !x []\n"),
              ElementsAre("a.yaml:1:8: the tag \"!x\" is not read; remove it"));
  EXPECT_THAT(ProblemsOf("name: a\n---\nname: b\n"),
              ElementsAre("a.yaml:2:1: a second document begins; write one per "
                          "file"));
}

// Each level of nesting is a call of the library's parser: without a limit the
// stack would overflow.
TEST_F(YamlTest, RefusesDeepNestingBeforeItCostsStack) {
  EXPECT_THAT(ProblemsOf(std::string(100'000, '[')),
              ElementsAre(EndsWith("is nested more than 32 levels deep")));
  EXPECT_THAT(ProblemsOf(std::string(100'000, '{')),
              ElementsAre(StartsWith("a.yaml:1:")));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_THAT(ProblemsOf(dashes),
              ElementsAre("a.yaml:1:65: is nested more than 32 levels deep"));
  std::string keys;
  for (int i = 0; i < 100; ++i) keys += std::string(i, ' ') + "a:\n";
  EXPECT_THAT(ProblemsOf(keys),
              ElementsAre("a.yaml:33:33: is nested more than 32 levels deep"));
}

TEST_F(YamlTest, AcceptsNestingUpToTheLimit) {
  Parse(std::string(32, '[') + std::string(32, ']'));

  EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(YamlTest, RefusesMoreThanItReads) {
  std::string many = "[";
  for (size_t i = 0; i < kMaxYamlValues; ++i) many += "a,\n";
  many += "]";

  EXPECT_THAT(ProblemsOf(many),
              ElementsAre("a.yaml:250000:1: has more than 250000 values"));
  EXPECT_THAT(ProblemsOf(std::string(kMaxYamlFileBytes + 1, ' ')),
              ElementsAre("a.yaml: is larger than 1 MiB, the most that octroi "
                          "reads of a configuration"));
}

TEST_F(YamlTest, ShowsAHundredProblemsAtMost) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += fmt::format("k{}: x\n", i);

  Parse(text).ReadMap(kKeys);

  ASSERT_THAT(problems_, SizeIs(kMaxYamlProblems));
  EXPECT_EQ(problems_.back().text(),
            "a.yaml:100:1: and more problems; 99 are shown");
}

}  // namespace
}  // namespace octroi
