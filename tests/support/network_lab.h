// SPDX-License-Identifier: Apache-2.0
// Two hosts of the test's own, joined by a wire: "here", where the calling
// thread is from then on, and "there".
//
//        here: here0                     there: there0
//   192.0.2.1/24, 2001:db8::1/64    192.0.2.2/24, 2001:db8::2/64
//
// Neighbours are entered by hand and IPv6 keeps quiet, so that nothing crosses
// the wire but what a test sends.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/network_namespace.h"

namespace octroi::testing {

class NetworkLab {
 public:
  // Null, and the reason, where the process may not make namespaces or `ip` is
  // missing: for GTEST_SKIP.
  static std::unique_ptr<NetworkLab> Create(std::string* why_not);

  // Runs a shell command here. False if it failed.
  bool Run(const std::string& command) const { return here_->Command(command); }

  // Makes the veth pair again, after `ip link del here0`.
  bool MakeWire() const;

  // A thread that is there; join it before the lab goes.
  template <typename Function>
  std::thread There(Function function) const {
    return std::thread([this, run = std::move(function)] { there_->Run(run); });
  }

 private:
  NetworkLab() = default;

  std::unique_ptr<NetworkNamespace> here_;
  std::unique_ptr<NetworkNamespace> there_;
};

}  // namespace octroi::testing
