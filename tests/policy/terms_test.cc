// SPDX-License-Identifier: Apache-2.0
#include "policy/terms.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace octroi {
namespace {

TEST(VerdictTest, HasANameThatIsReadBack) {
  constexpr std::string_view kNames[] = {"not_judged", "compliant", "excepted",
                                         "undetermined", "violation"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    const auto verdict = static_cast<Verdict>(i);
    EXPECT_EQ(VerdictName(verdict), kNames[i]);
    EXPECT_EQ(ParseVerdict(kNames[i]), verdict);
  }
  EXPECT_EQ(std::size(kNames), static_cast<size_t>(Verdict::kCount));
  EXPECT_FALSE(ParseVerdict("").has_value());
  EXPECT_FALSE(ParseVerdict("Violation").has_value());
}

TEST(ReasonTest, HasANameAndAMeaningOfItsOwn) {
  std::set<std::string_view> names;
  std::set<std::string_view> meanings;
  for (size_t i = 0; i < kReasonCount; ++i) {
    const auto reason = static_cast<Reason>(i);
    const ReasonInfo& info = InfoOf(reason);
    EXPECT_EQ(info.reason, reason);
    EXPECT_EQ(ParseReason(info.name), reason);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(meanings.insert(info.meaning).second) << info.name;
    EXPECT_EQ(info.meaning.back(), '.') << info.name;
    EXPECT_EQ(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"),
              std::string_view::npos)
        << info.name;
  }
  EXPECT_FALSE(ParseReason("").has_value());
  EXPECT_FALSE(ParseReason("OUTSIDE_EU").has_value());
}

TEST(ReasonTest, NamesTheClauseThatItRefersTo) {
  EXPECT_EQ(InfoOf(Reason::kOutsideEu).clause, "19.2");
  EXPECT_EQ(InfoOf(Reason::kForeignControl).clause, "19.6");
  EXPECT_EQ(InfoOf(Reason::kAdministeredFromOutsideEu).clause, "19.3");
  EXPECT_EQ(InfoOf(Reason::kMeetsRequirement).clause, "");
}

TEST(QualificationStatusTest, HasAName) {
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kNone), "none");
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kUnknown), "unknown");
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kInQualification),
            "in_qualification");
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kQualified),
            "qualified");
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kExpired), "expired");
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kSuspended),
            "suspended");
  EXPECT_EQ(QualificationStatusName(QualificationStatus::kWithdrawn),
            "withdrawn");
}

}  // namespace
}  // namespace octroi
