// SPDX-License-Identifier: Apache-2.0
#include "agent/http_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// Clients that the kernel has ready for us; it takes net.core.somaxconn (4096)
// at most. Enough for a burst that the server then works off or turns away.
constexpr int kBacklog = 1024;
// sd_listen_fds(3): the first descriptor that is handed over.
constexpr int kFirstInherited = 3;
// Its owner and group may connect.
constexpr mode_t kUnixSocketMode = 0660;

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress TcpAddressOf(const ListenAddress& listen) {
  SocketAddress address;
  if (listen.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(listen.port);
    v4->sin_addr.s_addr = htonl(listen.address.v4());
    address.size = sizeof(*v4);
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(listen.port);
  for (int i = 0; i < 16; ++i) {
    v6->sin6_addr.s6_addr[i] =
        static_cast<uint8_t>(listen.address.number() >> (120 - 8 * i));
  }
  address.size = sizeof(*v6);
  return address;
}

SocketAddress UnixAddressOf(const std::string& path) {
  SocketAddress address;
  auto* name = reinterpret_cast<sockaddr_un*>(&address.storage);
  name->sun_family = AF_UNIX;
  assert(path.size() < sizeof(name->sun_path));
  path.copy(name->sun_path, path.size());
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

absl::Status ListenError(const ListenAddress& listen, int error) {
  std::string hint = "write another address in metrics.listen";
  if (error == EADDRINUSE) {
    hint = "stop what listens there, or write another one in metrics.listen";
  } else if (error == EADDRNOTAVAIL) {
    hint = "no interface has it; write one of this host in metrics.listen";
  } else if (error == EACCES || error == EPERM) {
    hint = "octroi may not listen there; write another one in metrics.listen";
  }
  return absl::FailedPreconditionError(
      fmt::format("metrics.listen: {}: {}; {}", listen.ToString(),
                  std::generic_category().message(error), hint));
}

// What the kernel calls it, for a TCP socket; "" for any other.
std::string NameOf(int descriptor) {
  SocketAddress bound;
  bound.size = sizeof(bound.storage);
  if (::getsockname(descriptor, bound.get(), &bound.size) != 0) return "";
  ListenAddress name;
  if (bound.storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&bound.storage);
    name.address = IpAddress::V4(ntohl(v4->sin_addr.s_addr));
    name.port = ntohs(v4->sin_port);
    return name.ToString();
  }
  if (bound.storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&bound.storage);
    name.address = IpAddress::V6FromBytes(v6->sin6_addr.s6_addr);
    name.port = ntohs(v6->sin6_port);
    return name.ToString();
  }
  if (bound.storage.ss_family == AF_UNIX) {
    name.kind = ListenAddress::Kind::kUnix;
    name.path = reinterpret_cast<const sockaddr_un*>(&bound.storage)->sun_path;
    return name.ToString();
  }
  return "";
}

// A socket file that nobody listens behind, as a process leaves it that is
// killed.
bool IsStale(const SocketAddress& address) {
  const int probe =
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const absl::Cleanup closer = [probe] { ::close(probe); };
  return ::connect(probe, address.get(), address.size) != 0 &&
         errno == ECONNREFUSED;
}

bool IsSocketFile(const std::string& path) {
  struct stat info = {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

int BindUnix(int descriptor, const std::string& path) {
  const SocketAddress address = UnixAddressOf(path);
  // The file has its mode from the first instant on.
  const mode_t previous = ::umask(0777 & ~kUnixSocketMode);
  const absl::Cleanup restore = [previous] { ::umask(previous); };
  if (::bind(descriptor, address.get(), address.size) == 0) return 0;
  if (errno != EADDRINUSE) return errno;
  if (!IsSocketFile(path) || !IsStale(address)) return EADDRINUSE;
  if (::unlink(path.c_str()) != 0) return errno;
  return ::bind(descriptor, address.get(), address.size) == 0 ? 0 : errno;
}

int BindTcp(int descriptor, const ListenAddress& listen) {
  const int on = 1;
  const int off = 0;
  // A restart need not wait for connections of the last run.
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (!listen.address.is_v4()) {
    const bool is_any = listen.address == IpAddress::V6(0, 0);
    ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, is_any ? &off : &on,
                 sizeof(on));
  }
  const SocketAddress address = TcpAddressOf(listen);
  return ::bind(descriptor, address.get(), address.size) == 0 ? 0 : errno;
}

int NumberIn(const char* variable) {
  const char* const text = std::getenv(variable);
  if (text == nullptr) return -1;
  const std::string_view digits(text);
  int number = -1;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number
                                                                      : -1;
}

bool IsListening(int descriptor) {
  int accepts = 0;
  int type = 0;
  socklen_t size = sizeof(accepts);
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) ==
             0 &&
         ::getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         accepts != 0 && type == SOCK_STREAM;
}

// sd_listen_fds(3): descriptors 3 and following, if they are meant for this
// process.
absl::StatusOr<int> InheritedSocket() {
  const int count =
      NumberIn("LISTEN_PID") == ::getpid() ? NumberIn("LISTEN_FDS") : 0;
  if (count != 1) {
    return absl::FailedPreconditionError(fmt::format(
        "metrics.listen: systemd: {} sockets were handed over; start octroi "
        "by octroi.service with an octroi.socket that has one ListenStream=",
        count < 0 ? 0 : count));
  }
  const int flags = ::fcntl(kFirstInherited, F_GETFL);
  if (flags < 0 || !IsListening(kFirstInherited)) {
    return absl::FailedPreconditionError(
        "metrics.listen: systemd: what was handed over is no stream socket "
        "that listens; write ListenStream= and no Accept= in octroi.socket");
  }
  if (::fcntl(kFirstInherited, F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(kFirstInherited, F_SETFD, FD_CLOEXEC) != 0) {
    return ListenError({.kind = ListenAddress::Kind::kSystemd}, errno);
  }
  return kFirstInherited;
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpListener>> HttpListener::Open(
    const ListenAddress& listen) {
  assert(listen.kind != ListenAddress::Kind::kNone);
  if (listen.kind == ListenAddress::Kind::kSystemd) {
    const absl::StatusOr<int> inherited = InheritedSocket();
    if (!inherited.ok()) return inherited.status();
    return std::unique_ptr<HttpListener>(
        new HttpListener(*inherited, NameOf(*inherited), ""));
  }
  const bool is_unix = listen.kind == ListenAddress::Kind::kUnix;
  const int family = is_unix                  ? AF_UNIX
                     : listen.address.is_v4() ? AF_INET
                                              : AF_INET6;
  const int descriptor =
      ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return ListenError(listen, errno);
  absl::Cleanup closer = [descriptor] { ::close(descriptor); };
  const int error =
      is_unix ? BindUnix(descriptor, listen.path) : BindTcp(descriptor, listen);
  if (error != 0) return ListenError(listen, error);
  if (::listen(descriptor, kBacklog) != 0) return ListenError(listen, errno);
  std::move(closer).Cancel();
  return std::unique_ptr<HttpListener>(
      new HttpListener(descriptor, NameOf(descriptor), listen.path));
}

HttpListener::~HttpListener() {
  ::close(descriptor_);
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace octroi
