// SPDX-License-Identifier: Apache-2.0
#include "agent/http_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/http_client.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::HttpClient;
using ::octroi::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::StartsWith;

absl::StatusOr<std::unique_ptr<HttpListener>> Open(const std::string& text) {
  return HttpListener::Open(ParseListenAddress(text).value());
}

// Why it cannot listen.
std::string ErrorOf(const std::string& text) {
  return std::string(Open(text).status().message());
}

TEST(HttpListenerTest, ListensOnThePortThatTheKernelChose) {
  for (const char* address : {"127.0.0.1:0", "[::1]:0", "[::]:0"}) {
    const auto listener = Open(address);
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_THAT((*listener)->address(), ::testing::Not(HasSubstr(":0")));
    EXPECT_TRUE(HttpClient((*listener)->address()).is_connected()) << address;
  }
}

TEST(HttpListenerTest, TakesBothFamiliesOnTheAnyAddressOfIpv6) {
  const auto any = Open("[::]:0");
  ASSERT_TRUE(any.ok()) << any.status();
  const std::string port = (*any)->address().substr(5);

  EXPECT_TRUE(HttpClient("127.0.0.1:" + port).is_connected());
  EXPECT_TRUE(HttpClient("[::1]:" + port).is_connected());
}

TEST(HttpListenerTest, SaysInOneLineThatThePortIsTaken) {
  const auto first = Open("127.0.0.1:0");
  ASSERT_TRUE(first.ok());

  EXPECT_EQ(ErrorOf((*first)->address()),
            fmt::format("metrics.listen: {}: Address already in use; stop what "
                        "listens there, or write another one in metrics.listen",
                        (*first)->address()));
}

TEST(HttpListenerTest, SaysThatAnAddressIsNotOfThisHost) {
  EXPECT_EQ(ErrorOf("192.0.2.77:9469"),
            "metrics.listen: 192.0.2.77:9469: Cannot assign requested address; "
            "no interface has it; write one of this host in metrics.listen");
}

TEST(HttpListenerTest, MakesASocketForItsOwnerAndGroupAndRemovesIt) {
  const TempDir dir;
  const std::string path = dir.Path("metrics.sock");
  {
    const auto listener = Open("unix:" + path);
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ((*listener)->address(), "unix:" + path);
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms(0660));
    EXPECT_TRUE(HttpClient("unix:" + path).is_connected());
    EXPECT_THAT(ErrorOf("unix:" + path), HasSubstr("Address already in use"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(HttpListenerTest, ReplacesASocketThatAKilledProcessLeft) {
  const TempDir dir;
  const std::string path = dir.Path("metrics.sock");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address),
                   sizeof(address)),
            0);
  ::close(left);
  ASSERT_TRUE(std::filesystem::exists(path));

  const auto listener = Open("unix:" + path);

  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_TRUE(HttpClient("unix:" + path).is_connected());
}

TEST(HttpListenerTest, ReplacesNothingThatIsNoSocket) {
  const TempDir dir;
  const std::string path = dir.Write("metrics.sock", "precious");

  EXPECT_THAT(ErrorOf("unix:" + path), HasSubstr("Address already in use"));
  EXPECT_EQ(testing::ReadFile(path), "precious");
}

TEST(HttpListenerTest, SaysThatNobodyHandedASocketOver) {
  ::unsetenv("LISTEN_PID");
  ::setenv("LISTEN_FDS", "1", 1);
  EXPECT_THAT(ErrorOf("systemd"),
              StartsWith("metrics.listen: systemd: 0 sockets were handed over; "
                         "start octroi by octroi.service with an "
                         "octroi.socket"));
  ::setenv("LISTEN_PID", fmt::format("{}", ::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "2", 1);
  EXPECT_THAT(ErrorOf("systemd"), HasSubstr("2 sockets were handed over"));
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
}

}  // namespace
}  // namespace octroi
