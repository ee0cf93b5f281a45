// SPDX-License-Identifier: Apache-2.0
#include "agent/credential_gate.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include "agent/password_hash.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http_client.h"

namespace octroi {
namespace {

using ::octroi::testing::BasicAuthLine;

// From the test vectors of crypt_blowfish.
constexpr char kHash[] =
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
constexpr char kPassword[] = "U*U";
constexpr char kOtherHash[] =
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK";
constexpr char kOtherPassword[] = "U*U*";
// A second or so, so that whatever comes meanwhile has to wait.
constexpr char kSlowHash[] =
    "$2a$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

const IpAddress kScraper = IpAddress::V4(0xC0000201);
const IpAddress kAttacker = IpAddress::V4(0xCB007101);

// The header without its name and its end.
std::string Header(const std::string& name, const std::string& password) {
  const std::string line = BasicAuthLine(name, password);
  return line.substr(15, line.size() - 17);
}

class CredentialGateTest : public ::testing::Test {
 protected:
  CredentialGateTest()
      : gate_([this](uint64_t ticket, Access access) {
          const std::lock_guard lock(mutex_);
          answers_[ticket] = access;
          changed_.notify_all();
        }) {}

  void Use(std::vector<BasicAuthUser> users) {
    users_ =
        std::make_shared<const std::vector<BasicAuthUser>>(std::move(users));
  }
  std::optional<Access> Ask(uint64_t ticket, const std::string& header,
                            const IpAddress& source = kScraper) {
    return gate_.Ask(ticket, source, header, users_);
  }
  Access Await(uint64_t ticket) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return answers_.contains(ticket); });
    return answers_.at(ticket);
  }
  // Of a new ticket, whether the gate knows it or has to check.
  Access Decide(const std::string& header) {
    const uint64_t ticket = 1000 + next_++;
    const auto known = Ask(ticket, header);
    return known ? *known : Await(ticket);
  }
  bool HasAnswer(uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    return answers_.contains(ticket);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, Access> answers_;
  uint64_t next_ = 0;
  CredentialGate::Users users_;
  CredentialGate gate_;
};

TEST_F(CredentialGateTest, LetsInWhoKnowsThePasswordOfAUser) {
  Use({{"prometheus", kHash}, {"second", kOtherHash}});
  ASSERT_TRUE(gate_.Start().ok());

  EXPECT_EQ(Decide(Header("prometheus", kPassword)), Access::kGranted);
  EXPECT_EQ(Decide(Header("second", kOtherPassword)), Access::kGranted);
  EXPECT_EQ(Decide(Header("prometheus", kOtherPassword)), Access::kRefused);
  EXPECT_EQ(Decide(Header("second", kPassword)), Access::kRefused);
  EXPECT_EQ(Decide(Header("prometheus", "")), Access::kRefused);
  EXPECT_EQ(Decide(Header("Prometheus", kPassword)), Access::kRefused);
  // A colon belongs to the password, and a NUL ends none.
  EXPECT_EQ(Decide(Header("prometheus", ":U*U")), Access::kRefused);
  EXPECT_EQ(Decide(Header("prometheus", std::string("U*U\0", 4))),
            Access::kRefused);
}

TEST_F(CredentialGateTest, RefusesWhatIsNoCredentialsWithoutACheck) {
  Use({{"prometheus", kHash}});
  for (const char* header :
       {"", "Basic", "Basic ", "Bearer abcd", "Basic !!!!", "Basic abc",
        "Basic YWJj", "Basic =abc", "Basic ab=c", "Digest username=x"}) {
    EXPECT_EQ(Ask(1, header), Access::kRefused) << header;
  }
  EXPECT_EQ(gate_.check_count(), 0u);
}

TEST_F(CredentialGateTest, ChecksAPasswordOnce) {
  Use({{"prometheus", kHash}});
  ASSERT_TRUE(gate_.Start().ok());

  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Decide(Header("prometheus", kPassword)), Access::kGranted);
    EXPECT_EQ(Decide(Header("prometheus", "wrong")), Access::kRefused);
  }

  EXPECT_EQ(gate_.check_count(), 2u);
}

TEST_F(CredentialGateTest, ChecksAnUnknownNameLikeAKnownOne) {
  Use({{"prometheus", kHash}});
  ASSERT_TRUE(gate_.Start().ok());

  // Even with the password of the user whose hash it is checked against.
  EXPECT_EQ(Decide(Header("nobody", kPassword)), Access::kRefused);

  EXPECT_EQ(gate_.check_count(), 1u);
}

TEST_F(CredentialGateTest, ForgetsWhatItKnewOfAHashThatHasChanged) {
  Use({{"prometheus", kHash}});
  ASSERT_TRUE(gate_.Start().ok());
  EXPECT_EQ(Decide(Header("prometheus", kPassword)), Access::kGranted);

  Use({{"prometheus", kOtherHash}});

  EXPECT_EQ(Decide(Header("prometheus", kPassword)), Access::kRefused);
  EXPECT_EQ(Decide(Header("prometheus", kOtherPassword)), Access::kGranted);
}

// A flood from one address fills the places that wait; another address gets one
// of them, and the next check.
TEST_F(CredentialGateTest, PrefersTheAddressThatAsksLess) {
  Use({{"prometheus", kHash}, {"slow", kSlowHash}});
  for (uint64_t i = 0; i < CredentialGate::kMaxWaiting; ++i) {
    EXPECT_EQ(Ask(i, Header("slow", std::to_string(i)), kAttacker),
              std::nullopt);
  }
  EXPECT_EQ(Ask(50, Header("slow", "one more"), kAttacker), Access::kBusy);

  EXPECT_EQ(Ask(100, Header("prometheus", kPassword), kScraper), std::nullopt);

  EXPECT_EQ(Await(CredentialGate::kMaxWaiting - 1), Access::kBusy);
  ASSERT_TRUE(gate_.Start().ok());
  EXPECT_EQ(Await(100), Access::kGranted);
  EXPECT_FALSE(HasAnswer(0));
}

TEST_F(CredentialGateTest, AnswersWhoIsKnownWhileAFloodIsChecked) {
  Use({{"prometheus", kHash}, {"slow", kSlowHash}});
  ASSERT_TRUE(gate_.Start().ok());
  EXPECT_EQ(Decide(Header("prometheus", kPassword)), Access::kGranted);
  for (uint64_t i = 0; i < 100; ++i) {
    Ask(i, Header("slow", std::to_string(i)), kScraper);
  }

  // From the very address of the flood: at once.
  EXPECT_EQ(Ask(1000, Header("prometheus", kPassword)), Access::kGranted);
}

TEST(PasswordHashTest, ComparesWhole) {
  EXPECT_TRUE(IsEqualInConstantTime("", ""));
  EXPECT_TRUE(IsEqualInConstantTime("abc", "abc"));
  EXPECT_FALSE(IsEqualInConstantTime("abc", "abd"));
  EXPECT_FALSE(IsEqualInConstantTime("bbc", "abc"));
  EXPECT_FALSE(IsEqualInConstantTime("abc", "abcd"));
}

TEST(PasswordHashTest, ReadsEachSpellingOfBcrypt) {
  std::string hash = kHash;
  for (const char version : {'a', 'b', 'y'}) {
    hash[2] = version;
    EXPECT_TRUE(PasswordMatches(kPassword, hash)) << hash;
    EXPECT_FALSE(PasswordMatches(kOtherPassword, hash)) << hash;
  }
  EXPECT_FALSE(PasswordMatches(kPassword, "*0"));
  EXPECT_FALSE(PasswordMatches(kPassword, ""));
}

}  // namespace
}  // namespace octroi
