// SPDX-License-Identifier: Apache-2.0
// The socket on which the metrics' server listens: bound, taken over from the
// service manager, or a Unix socket's file. Opened while the process still has
// its rights; accepting needs none.
//
// Thread safety: one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/listen_address.h"

namespace octroi {

class HttpListener {
 public:
  // Listens, or takes over the socket that $LISTEN_FDS promises. A file that a
  // Unix socket left behind is replaced if nobody listens behind it. The error
  // is one line that names the address and what to change.
  // REQUIRES: listen.kind is not kNone.
  static absl::StatusOr<std::unique_ptr<HttpListener>> Open(
      const ListenAddress& listen);
  // Closes the socket, and removes the file of a Unix socket where the sandbox
  // lets it.
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // Non-blocking.
  int descriptor() const { return descriptor_; }
  // Where clients find it, as ListenAddress::ToString, with the port that the
  // kernel chose.
  const std::string& address() const { return address_; }

 private:
  HttpListener(int descriptor, std::string address, std::string path)
      : descriptor_(descriptor),
        address_(std::move(address)),
        path_(std::move(path)) {}

  const int descriptor_;
  const std::string address_;
  const std::string path_;  // To remove; "": none.
};

}  // namespace octroi
