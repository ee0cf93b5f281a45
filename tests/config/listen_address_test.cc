// SPDX-License-Identifier: Apache-2.0
#include "config/listen_address.h"

#include <string>

#include "gtest/gtest.h"

namespace octroi {
namespace {

TEST(ListenAddressTest, ReadsAndWritesEveryForm) {
  for (const char* text :
       {"127.0.0.1:9469", "0.0.0.0:0", "[::1]:9469", "[2001:db8::1]:65535",
        "[::]:9469", "unix:/run/octroi/metrics.sock", "systemd", "none"}) {
    const auto listen = ParseListenAddress(text);
    ASSERT_TRUE(listen.has_value()) << text;
    EXPECT_EQ(listen->ToString(), text);
  }
}

TEST(ListenAddressTest, ReadsNothingElse) {
  for (const std::string& text :
       {std::string(""), std::string("localhost:9469"), std::string("9469"),
        std::string(":9469"), std::string("127.0.0.1"),
        std::string("127.0.0.1:65536"), std::string("127.0.0.1:-1"),
        std::string("127.0.0.1:"), std::string("::1:9469"),
        std::string("[127.0.0.1]:9469"), std::string("127.0.0.1:94x"),
        std::string("unix:"), std::string("unix:metrics.sock"),
        std::string("unix:/run/"), std::string("Systemd"), std::string("None"),
        // One byte more than the kernel takes.
        "unix:/" + std::string(107, 'x')}) {
    EXPECT_EQ(ParseListenAddress(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace octroi
