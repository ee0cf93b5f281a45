// SPDX-License-Identifier: Apache-2.0
#include "geo/ip_address.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace octroi {
namespace {

using namespace std::string_view_literals;

std::array<uint8_t, 16> BytesOf(const IpAddress& address) {
  std::array<uint8_t, 16> bytes;
  for (int i = 0; i < 8; ++i) {
    bytes[i] = static_cast<uint8_t>(address.high() >> (56 - 8 * i));
    bytes[8 + i] = static_cast<uint8_t>(address.low() >> (56 - 8 * i));
  }
  return bytes;
}

std::string TextByLibc(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const std::array<uint8_t, 16> bytes = BytesOf(address);
  return address.is_v4()
             ? inet_ntop(AF_INET, bytes.data() + 12, text, sizeof(text))
             : inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
}

// Groups are often zero, so that runs of zeros of every length occur.
IpAddress RandomV6(std::mt19937_64& random) {
  Uint128 number = 0;
  for (int i = 0; i < 8; ++i) {
    const uint64_t draw = random();
    uint64_t group = draw >> 48;
    if ((draw & 3) < 2) group = 0;
    if ((draw & 7) == 7) group &= 0xf;
    number = number << 16 | group;
  }
  return IpAddress::V6(number);
}

TEST(IpAddressTest, WritesTheCanonicalTextOfRfc5952) {
  struct Case {
    const char* input;
    const char* canonical;
  };
  const Case cases[] = {
      // §4.1: leading zeros go. §4.3: small letters.
      {"2001:0db8::0001", "2001:db8::1"},
      {"2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"},
      // §4.2.1: as short as can be.
      {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},
      // §4.2.2: one group is not shortened.
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"0:1:1:1:1:1:1:1", "0:1:1:1:1:1:1:1"},
      {"1:1:1:1:1:1:1:0", "1:1:1:1:1:1:1:0"},
      // §4.2.3: the longest run; the first among equals.
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"0:0:1:0:0:1:0:0", "::1:0:0:1:0:0"},
      {"1:0:0:2:0:0:0:0", "1:0:0:2::"},
      // Runs at either end, and everywhere.
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"fe80::", "fe80::"},
      {"0:0:0:0:0:0:1:1", "::1:1"},
      {"1:0:0:0:0:0:0:1", "1::1"},
      {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
      // §5: the mixed form for mapped addresses, and for these alone.
      {"::ffff:c000:201", "::ffff:192.0.2.1"},
      {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
      {"::ffff:0:0", "::ffff:0.0.0.0"},
      {"::192.0.2.1", "::c000:201"},
      {"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
      {"192.0.2.1", "192.0.2.1"},
      {"0.0.0.0", "0.0.0.0"},
      {"255.255.255.255", "255.255.255.255"},
  };
  for (const Case& c : cases) {
    const std::optional<IpAddress> address = IpAddress::Parse(c.input);
    ASSERT_TRUE(address.has_value()) << c.input;
    EXPECT_EQ(address->ToString(), c.canonical) << c.input;
  }
}

TEST(IpAddressTest, RefusesTextThatIsNotAnAddress) {
  const std::string_view cases[] = {
      "",
      " ",
      "192.0.2",
      "192.0.2.1.1",
      "192.0.2.256",
      "192.0.2.-1",
      // Leading zeros: some read them as octal (RFC 6943 §3.1.1).
      "192.0.2.01",
      "010.0.0.1",
      "00.0.0.0",
      "0x7f.0.0.1",
      "127.1",
      "3232235777",
      // White space and other trailing or leading junk.
      " 192.0.2.1",
      "192.0.2.1 ",
      "192.0.2.1\n",
      "192.0.2.1/32",
      "192.0.2.1:80",
      "[2001:db8::1]",
      "2001:db8::1/64",
      // Zone indexes are of one host only.
      "fe80::1%eth0",
      "fe80::1%1",
      "fe80::1%",
      // Shapes that IPv6 does not have.
      ":",
      ":::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1::2::3",
      "12345::",
      "::g",
      ":1:2:3:4:5:6:7:8",
      "1:2:3:4:5:6:7:8:",
      "::ffff:192.0.2.01",
      "::ffff:192.0.2",
      "1:2:3:4:5:6:7:192.0.2.1",
      "::ffff:192.0.2.256",
      // A NUL byte hides what follows it from C functions.
      "192.0.2.1\0"sv,
      "192.0.2.1\0.example"sv,
      "::1\0"sv,
      "\0"sv,
      // Longer than any address, by far.
      "0000:0000:0000:0000:0000:0000:255.255.255.2555",
      "00000000000000000000000000000000000000000000000000000000000000001::",
  };
  for (const std::string_view text : cases) {
    EXPECT_FALSE(IpAddress::Parse(text).has_value())
        << ::testing::PrintToString(text);
  }
  EXPECT_FALSE(IpAddress::Parse(std::string(1 << 20, '1')).has_value());
}

TEST(IpAddressTest, ReadsTheLongestTextOfAnAddress) {
  EXPECT_EQ(IpAddress::Parse("0000:0000:0000:0000:0000:ffff:255.255.255.255"),
            IpAddress::V6(0, 0xffff'ffffffff));
}

TEST(IpAddressTest, ReadsBytesInNetworkOrder) {
  const uint8_t v4[] = {192, 0, 2, 1};
  const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
                        0,    0,    0,    0,    0, 0, 0, 1};

  EXPECT_EQ(IpAddress::V4FromBytes(v4).ToString(), "192.0.2.1");
  EXPECT_EQ(IpAddress::V6FromBytes(v6).ToString(), "2001:db8::1");
}

TEST(IpAddressTest, OrdersIpv4BeforeIpv6AndThenByNumber) {
  const std::vector<IpAddress> ascending = {
      IpAddress::V4(0),     IpAddress::V4(1),    IpAddress::V4(UINT32_MAX),
      IpAddress::V6(0, 0),  IpAddress::V6(0, 1), IpAddress::V6(1, 0),
      IpAddress::V6(~0, ~0)};

  EXPECT_TRUE(std::is_sorted(ascending.begin(), ascending.end()));
  EXPECT_NE(IpAddress::V4(1), IpAddress::V6(0, 1));
}

TEST(IpAddressTest, ReadsBackWhatItWritesAndAgreesWithLibc) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    const IpAddress address =
        i % 2 == 0 ? IpAddress::V4(static_cast<uint32_t>(random()))
                   : RandomV6(random);
    const std::string text = address.ToString();

    ASSERT_EQ(IpAddress::Parse(text), address) << text;
    // libc writes IPv4-compatible addresses (deprecated) in the mixed form.
    if (address.is_v4() || address.number() >> 32 != 0) {
      ASSERT_EQ(text, TextByLibc(address));
    }
    ASSERT_EQ(IpAddress::Parse(TextByLibc(address)), address) << text;
  }
}

// Text with a random fault is an address if and only if libc says so.
TEST(IpAddressTest, AcceptsWhatLibcAcceptsOfDamagedText) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  constexpr std::string_view kAlphabet = "0123456789abcdefF:.%/ x";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = RandomV6(random).ToString();
    if (i % 2 == 0) {
      text = IpAddress::V4(static_cast<uint32_t>(random())).ToString();
    }
    text[random() % text.size()] = kAlphabet[random() % kAlphabet.size()];
    if (random() % 4 == 0) text.insert(random() % text.size(), 1, '0');

    uint8_t bytes[16];
    const bool is_address = inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
                            inet_pton(AF_INET6, text.c_str(), bytes) == 1;
    ASSERT_EQ(IpAddress::Parse(text).has_value(), is_address) << text;
  }
}

TEST(UnmapTest, FindsTheIpv4AddressInsideIpv6) {
  struct Case {
    const char* input;
    const char* address;
    Embedding embedding;
  };
  const Case cases[] = {
      {"192.0.2.1", "192.0.2.1", Embedding::kNone},
      {"2001:db8::1", "2001:db8::1", Embedding::kNone},
      {"::ffff:192.0.2.1", "192.0.2.1", Embedding::kMapped},
      {"::ffff:0.0.0.0", "0.0.0.0", Embedding::kMapped},
      // Next to the mapped block, and the deprecated compatible form.
      {"::fffe:192.0.2.1", "::fffe:c000:201", Embedding::kNone},
      {"::1:ffff:192.0.2.1", "::1:ffff:c000:201", Embedding::kNone},
      {"::192.0.2.1", "::c000:201", Embedding::kNone},
      {"64:ff9b::fbc:1", "15.188.0.1", Embedding::kNat64},
      {"64:ff9b::192.0.2.33", "192.0.2.33", Embedding::kNat64},
      // A network's own NAT64 prefix (RFC 8215) tells nothing of its layout.
      {"64:ff9b:1::fbc:1", "64:ff9b:1::fbc:1", Embedding::kNone},
      {"64:ff9b::1:fbc:1", "64:ff9b::1:fbc:1", Embedding::kNone},
      // RFC 3056: 2002:V4ADDR::/48.
      {"2002:c000:201::", "192.0.2.1", Embedding::k6to4},
      {"2002:c000:201:ffff:1:2:3:4", "192.0.2.1", Embedding::k6to4},
      {"2003:c000:201::", "2003:c000:201::", Embedding::kNone},
      // RFC 4380 §4: server, flags and port, then the client's complement.
      {"2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45",
       Embedding::kTeredo},
      // A client that could not be on the Internet: 255.255.255.255.
      {"2001:0:ffff:ffff::", "2001:0:ffff:ffff::", Embedding::kNone},
      {"2001:1:4136:e378:8000:63bf:3fff:fdd2",
       "2001:1:4136:e378:8000:63bf:3fff:fdd2", Embedding::kNone},
  };
  for (const Case& c : cases) {
    const UnmappedAddress unmapped = Unmap(IpAddress::Parse(c.input).value());
    EXPECT_EQ(unmapped.address.ToString(), c.address) << c.input;
    EXPECT_EQ(unmapped.embedding, c.embedding) << c.input;
  }
}

TEST(UnmapTest, NamesEachEmbedding) {
  EXPECT_EQ(EmbeddingName(Embedding::kNone), "");
  EXPECT_EQ(EmbeddingName(Embedding::kMapped), "IPv4-mapped");
  EXPECT_EQ(EmbeddingName(Embedding::kNat64), "NAT64");
  EXPECT_EQ(EmbeddingName(Embedding::k6to4), "6to4");
  EXPECT_EQ(EmbeddingName(Embedding::kTeredo), "Teredo");
}

// 2002:a01:203:: is a 6to4 address of 10.1.2.3, which RFC 3056 forbids. Read as
// 10.1.2.3 it would pass for internal traffic and never be judged.
TEST(UnmapTest, DoesNotTakeAnEmbeddedPrivateAddressForInternalTraffic) {
  for (const char* text :
       {"2002:a01:203::1", "64:ff9b::c0a8:101", "64:ff9b::7f00:1",
        "2001::f5fe:fdfc", "2002:ac10:1::1", "2002:e000:1::1"}) {
    const IpAddress address = *IpAddress::Parse(text);
    EXPECT_EQ(Unmap(address).address, address) << text;
    EXPECT_EQ(Unmap(address).embedding, Embedding::kNone) << text;
  }
}

}  // namespace
}  // namespace octroi
