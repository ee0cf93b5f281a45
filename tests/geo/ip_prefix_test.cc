// SPDX-License-Identifier: Apache-2.0
#include "geo/ip_prefix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::Address;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Prefix;

std::string ErrorOf(std::string_view text) {
  const absl::StatusOr<IpPrefix> prefix = IpPrefix::Parse(text);
  if (prefix.ok()) return "accepted as " + prefix->ToString();
  EXPECT_EQ(prefix.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(prefix.status().message());
}

TEST(IpPrefixTest, ReadsAndWritesPrefixes) {
  struct Case {
    const char* input;
    const char* text;
  };
  const Case cases[] = {
      {"192.0.2.0/24", "192.0.2.0/24"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"255.255.255.255/32", "255.255.255.255/32"},
      {"2001:DB8::/32", "2001:db8::/32"},
      {"::/0", "::/0"},
      {"::1/128", "::1/128"},
      // An address alone is a prefix of full length.
      {"192.0.2.1", "192.0.2.1/32"},
      {"2001:db8::1", "2001:db8::1/128"},
      {"::ffff:192.0.2.0/120", "::ffff:192.0.2.0/120"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Prefix(c.input).ToString(), c.text) << c.input;
  }
  EXPECT_EQ(IpPrefix().ToString(), "0.0.0.0/0");
}

TEST(IpPrefixTest, NamesBothThatSetHostBitsMayMean) {
  EXPECT_THAT(ErrorOf("192.0.2.1/24"),
              AllOf(HasSubstr("\"192.0.2.1/24\" has host bits set"),
                    HasSubstr("192.0.2.0/24"), HasSubstr(" 192.0.2.1 ")));
  EXPECT_THAT(ErrorOf("2001:db8::1/32"),
              AllOf(HasSubstr("2001:db8::/32"), HasSubstr(" 2001:db8::1 ")));
  EXPECT_THAT(ErrorOf("128.0.0.0/0"), HasSubstr("0.0.0.0/0"));
}

// Found by this test: "0.0.0.0/-0" was read as /0.
TEST(IpPrefixTest, SaysWhichLengthsAreAccepted) {
  for (const char* text :
       {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "0.0.0.0/-0",
        "0.0.0.0/+8", "10.0.0.0/08", "0.0.0.0/00", "10.0.0.0/8 ", "10.0.0.0/ 8",
        "10.0.0.0/8x", "10.0.0.0/255.0.0.0", "10.0.0.0/8/8",
        "10.0.0.0/4294967304", "10.0.0.0/99999999999999999999"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("write 0 to 32")) << text;
  }
  EXPECT_THAT(ErrorOf("2001:db8::/129"),
              AllOf(HasSubstr("\"129\" is not a prefix length"),
                    HasSubstr("write 0 to 128")));
}

TEST(IpPrefixTest, ShowsAnExampleForTextThatIsNoPrefix) {
  for (const char* text : {"", "/", "/24", "any", "192.0.2/24", "192.0.2.*",
                           "fe80::1%eth0/64", "192.0.2.0 /24"}) {
    EXPECT_THAT(ErrorOf(text),
                AllOf(HasSubstr("is not a prefix"), HasSubstr("192.0.2.0/24")))
        << text;
  }
}

TEST(IpPrefixTest, KnowsItsFirstAndLastAddress) {
  const Uint128 all_ones = ~Uint128{0};

  EXPECT_TRUE(Prefix("192.0.2.0/24").last() == 0xc00002ff);
  EXPECT_TRUE(Prefix("192.0.2.1/32").last() == 0xc0000201);
  EXPECT_TRUE(Prefix("0.0.0.0/0").first() == 0);
  EXPECT_TRUE(Prefix("0.0.0.0/0").last() == 0xffffffff);
  EXPECT_TRUE(Prefix("::/0").last() == all_ones);
  EXPECT_TRUE(Prefix("::/1").last() == all_ones >> 1);
  EXPECT_TRUE(Prefix("::1/128").first() == 1);
  EXPECT_TRUE(Prefix("::1/128").last() == 1);
}

TEST(IpPrefixTest, ContainsNothingOfTheOtherFamily) {
  EXPECT_TRUE(Prefix("0.0.0.0/0").Contains(Address("192.0.2.1")));
  EXPECT_FALSE(Prefix("0.0.0.0/0").Contains(Address("::1")));
  EXPECT_FALSE(Prefix("::/0").Contains(Address("192.0.2.1")));
  EXPECT_FALSE(Prefix("::/0").Contains(Prefix("0.0.0.0/0")));
  EXPECT_FALSE(Prefix("::/0").Overlaps(Prefix("0.0.0.0/0")));
}

TEST(IpPrefixTest, ContainsAndOverlapsAsItsBoundsSay) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const auto draw = [&random] {
    // Few bits differ, so that prefixes are often nested.
    const bool is_v4 = random() % 2 == 0;
    const IpAddress address =
        is_v4 ? IpAddress::V4(0xc0000200 ^
                              static_cast<uint32_t>(random() & random()))
              : IpAddress::V6(0x20010db8'00000000 ^ (random() & random()),
                              random() & random());
    const int length = static_cast<int>(random() % (is_v4 ? 33 : 129));
    return IpPrefix::Containing(address, length);
  };
  for (int i = 0; i < 20'000; ++i) {
    const IpPrefix a = draw();
    const IpPrefix b = draw();
    const bool same_family = a.family() == b.family();
    const bool contains =
        same_family && a.first() <= b.first() && b.last() <= a.last();
    const bool overlaps =
        same_family && a.first() <= b.last() && b.first() <= a.last();

    ASSERT_EQ(a.Contains(b), contains) << a.ToString() << " " << b.ToString();
    ASSERT_EQ(a.Overlaps(b), overlaps) << a.ToString() << " " << b.ToString();
    ASSERT_EQ(b.Overlaps(a), overlaps);
    ASSERT_EQ(a.Contains(b.address()),
              same_family && a.first() <= b.first() && b.first() <= a.last());
    ASSERT_TRUE(a.Contains(a));
    ASSERT_EQ(Prefix(a.ToString()), a);
  }
}

TEST(IpPrefixTest, OrdersAPrefixBeforeThoseInsideIt) {
  EXPECT_LT(Prefix("10.0.0.0/8"), Prefix("10.0.0.0/16"));
  EXPECT_LT(Prefix("10.0.0.0/16"), Prefix("10.1.0.0/16"));
  EXPECT_LT(Prefix("255.0.0.0/8"), Prefix("::/0"));
}

}  // namespace
}  // namespace octroi
