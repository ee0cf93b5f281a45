// SPDX-License-Identifier: Apache-2.0
#include "evidence/digest.h"

#include <string>
#include <string_view>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octroi {
namespace {

constexpr std::string_view kDigestOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr std::string_view kDigestOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kDigestOfAMillionAs =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

// The vectors of FIPS 180-4's examples (NIST, SHA256.pdf and SHA2_Additional).
TEST(DigestTest, EqualsThePublishedVectors) {
  EXPECT_EQ(Sha256Hex(std::string_view()), kDigestOfNothing);
  EXPECT_EQ(Sha256Hex("abc"), kDigestOfAbc);
  EXPECT_EQ(
      Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')), kDigestOfAMillionAs);
}

TEST(DigestTest, DoesNotDependOnHowTheBytesArrive) {
  Sha256 sha256;
  for (int i = 0; i < 1000; ++i) {
    sha256.Update(std::string(999, 'a'));
    sha256.Update(std::string_view());
    sha256.Update("a");
  }

  EXPECT_EQ(sha256.FinishHex(), kDigestOfAMillionAs);
}

TEST(DigestTest, ContinuesAfterAMove) {
  Sha256 first;
  first.Update("a");

  Sha256 second = std::move(first);
  second.Update("bc");

  EXPECT_EQ(second.FinishHex(), kDigestOfAbc);
}

}  // namespace
}  // namespace octroi
