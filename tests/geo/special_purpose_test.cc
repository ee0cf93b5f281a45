// SPDX-License-Identifier: Apache-2.0
#include "geo/special_purpose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::Address;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Prefix;

SpecialPurposeRow Row(std::string_view prefix, SpecialKind kind, int line) {
  SpecialPurposeRow row;
  row.prefix = Prefix(prefix);
  row.kind = kind;
  row.line = line;
  return row;
}

std::vector<SpecialKind> AllKinds() {
  std::vector<SpecialKind> kinds;
  for (size_t i = 0; i < static_cast<size_t>(SpecialKind::kCount); ++i) {
    kinds.push_back(static_cast<SpecialKind>(i));
  }
  return kinds;
}

TEST(SpecialKindTest, HasANameOfItsOwnThatIsReadBack) {
  std::set<std::string_view> names;
  for (const SpecialKind kind : AllKinds()) {
    EXPECT_EQ(ParseSpecialKind(SpecialKindName(kind)), kind);
    EXPECT_TRUE(names.insert(SpecialKindName(kind)).second);
  }
  EXPECT_EQ(SpecialKindName(SpecialKind::kLinkLocal), "link_local");
  EXPECT_FALSE(ParseSpecialKind("").has_value());
  EXPECT_FALSE(ParseSpecialKind("Private").has_value());
}

TEST(SpecialKindTest, StaysInsideIfPacketsCannotLeaveANetwork) {
  std::set<SpecialKind> inside;
  for (const SpecialKind kind : AllKinds()) {
    if (StaysInside(kind)) inside.insert(kind);
  }

  EXPECT_EQ(inside, (std::set<SpecialKind>{
                        SpecialKind::kThisNetwork, SpecialKind::kPrivate,
                        SpecialKind::kShared, SpecialKind::kLoopback,
                        SpecialKind::kLinkLocal, SpecialKind::kMulticast,
                        SpecialKind::kBroadcast, SpecialKind::kUniqueLocal,
                        SpecialKind::kUnspecified, SpecialKind::kSiteLocal,
                        SpecialKind::kSegmentRouting}));
}

TEST(SpecialPurposeTableTest, FindsTheMostSpecificRow) {
  const SpecialPurposeTable table =
      SpecialPurposeTable::Create(
          {Row("192.0.0.9/32", SpecialKind::kAnycastService, 1),
           Row("192.0.0.0/24", SpecialKind::kProtocolAssignment, 2),
           Row("fe80::/10", SpecialKind::kLinkLocal, 3)})
          .value();

  EXPECT_EQ(table.Find(Address("192.0.0.9"))->line, 1);
  EXPECT_EQ(table.Find(Address("192.0.0.8"))->line, 2);
  EXPECT_EQ(table.Find(Address("fe80::1"))->line, 3);
  EXPECT_EQ(table.Find(Address("192.0.1.0")), nullptr);
  EXPECT_EQ(table.Find(Address("::c000:9")), nullptr);
  EXPECT_EQ(SpecialPurposeTable().Find(Address("10.0.0.1")), nullptr);
}

TEST(SpecialPurposeTableTest, RefusesAPrefixThatStandsTwice) {
  const absl::StatusOr<SpecialPurposeTable> table =
      SpecialPurposeTable::Create({Row("10.0.0.0/8", SpecialKind::kPrivate, 4),
                                   Row("10.0.0.0/9", SpecialKind::kPrivate, 5),
                                   Row("10.0.0.0/8", SpecialKind::kShared, 6)});

  ASSERT_FALSE(table.ok());
  EXPECT_THAT(std::string(table.status().message()),
              AllOf(HasSubstr("line 6"), HasSubstr("10.0.0.0/8")));
}

}  // namespace
}  // namespace octroi
