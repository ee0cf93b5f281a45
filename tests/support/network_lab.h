// SPDX-License-Identifier: Apache-2.0
// Two hosts of the test's own, joined by a wire: network namespaces with a veth
// pair, gone with the process. "here" is the calling thread's namespace from
// then on, with the interface here0; "there" has there0.
//
//        here                                there
//   192.0.2.1/24, 2001:db8::1/64    192.0.2.2/24, 2001:db8::2/64
//
// Neighbours are entered by hand and IPv6 keeps quiet, so that nothing crosses
// the wire but what a test sends.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace octroi::testing {

class NetworkLab {
 public:
  // Null, and the reason, where the process may not make namespaces or `ip` is
  // missing: for GTEST_SKIP.
  static std::unique_ptr<NetworkLab> Create(std::string* why_not);
  ~NetworkLab();
  NetworkLab(const NetworkLab&) = delete;
  NetworkLab& operator=(const NetworkLab&) = delete;

  // Runs a program, such as "ip link set here0 down", in this thread's
  // namespace. False if it failed.
  static bool Run(const std::string& command_line);

  // Makes the veth pair again, after `ip link del here0`.
  bool MakeWire();

  // A thread whose namespace is there; join it before the lab goes.
  template <typename Function>
  std::thread There(Function function) {
    return std::thread([this, run = std::move(function)] {
      EnterThere();
      run();
    });
  }
  // The calling thread's namespace becomes there, or here again.
  void EnterThere() const;
  void EnterHere() const;

 private:
  NetworkLab() = default;
  std::string CreateNamespaces();

  int here_ = -1;
  int there_ = -1;
};

}  // namespace octroi::testing
