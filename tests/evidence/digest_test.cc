// SPDX-License-Identifier: Apache-2.0
#include "evidence/digest.h"

#include <string>
#include <string_view>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::TempDir;
using ::testing::HasSubstr;

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

TEST(DigestTest, ReadsAFileLargerThanItsBuffer) {
  const TempDir dir;
  const std::string path = dir.Write("a", std::string(1'000'000, 'a'));

  const auto digest = Sha256HexOfFile(path);

  ASSERT_TRUE(digest.ok()) << digest.status();
  EXPECT_EQ(*digest, kDigestOfAMillionAs);
}

TEST(DigestTest, NamesAFileThatCannotBeRead) {
  const TempDir dir;

  const auto missing = Sha256HexOfFile(dir.Path("missing"));
  const auto folder = Sha256HexOfFile(dir.Path(""));

  ASSERT_FALSE(missing.ok());
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("missing: cannot be read: No such file"));
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(std::string(folder.status().message()),
              HasSubstr("cannot be read: Is a directory"));
}

}  // namespace
}  // namespace octroi
