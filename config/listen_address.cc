// SPDX-License-Identifier: Apache-2.0
#include "config/listen_address.h"

#include <sys/un.h>

#include <charconv>

#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::string_view kSystemd = "systemd";
constexpr std::string_view kNone = "none";
constexpr int kMaxPort = 65535;
// With the NUL that ends it.
constexpr size_t kMaxUnixPathBytes = sizeof(sockaddr_un{}.sun_path) - 1;

std::optional<ListenAddress> ParseTcp(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  int port = -1;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      port < 0 || port > kMaxPort) {
    return std::nullopt;
  }
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  if (has_brackets) host = host.substr(1, host.size() - 2);
  const std::optional<IpAddress> address = IpAddress::Parse(host);
  if (!address || address->is_v4() == has_brackets) return std::nullopt;
  ListenAddress listen;
  listen.address = *address;
  listen.port = static_cast<uint16_t>(port);
  return listen;
}

}  // namespace

std::optional<ListenAddress> ParseListenAddress(std::string_view text) {
  ListenAddress listen;
  if (text == kSystemd) {
    listen.kind = ListenAddress::Kind::kSystemd;
    return listen;
  }
  if (text == kNone) {
    listen.kind = ListenAddress::Kind::kNone;
    return listen;
  }
  if (!text.starts_with(kUnixPrefix)) return ParseTcp(text);
  const std::string_view path = text.substr(kUnixPrefix.size());
  if (!path.starts_with('/') || path.ends_with('/') ||
      path.size() > kMaxUnixPathBytes) {
    return std::nullopt;
  }
  listen.kind = ListenAddress::Kind::kUnix;
  listen.path = std::string(path);
  return listen;
}

std::string ListenAddress::ToString() const {
  switch (kind) {
    case Kind::kTcp:
      return address.is_v4() ? fmt::format("{}:{}", address.ToString(), port)
                             : fmt::format("[{}]:{}", address.ToString(), port);
    case Kind::kUnix:
      return fmt::format("{}{}", kUnixPrefix, path);
    case Kind::kSystemd:
      return std::string(kSystemd);
    case Kind::kNone:
      return std::string(kNone);
  }
  return "";
}

}  // namespace octroi
