// SPDX-License-Identifier: Apache-2.0
// A network of the test's own: a namespace, and two of them joined by a cable.
// They live as long as the objects, need no name and leave nothing behind. They
// need the privilege to make them (root).
//
// Thread safety: one thread at a time, which is inside while Run runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace octroi::testing {

class NetworkNamespace {
 public:
  // Null without the privilege.
  static std::unique_ptr<NetworkNamespace> Create();
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

  // Runs `use` with this thread inside. What it opens stays inside.
  void Run(const std::function<void()>& use) const;
  // The calling thread, and those that it starts, are inside from here on.
  void Enter() const;

  // Runs a shell command inside; true if it exits with 0.
  bool Command(const std::string& command) const;

  // What the kernel counted on an interface; bytes are those of whole frames.
  struct LinkCounts {
    uint64_t received_packets = 0;
    uint64_t received_bytes = 0;
    uint64_t sent_packets = 0;
    uint64_t sent_bytes = 0;
  };
  LinkCounts CountsOf(const std::string& interface) const;

  // For other namespaces' commands: a path that names this one.
  std::string path() const;

 private:
  explicit NetworkNamespace(int fd) : fd_(fd) {}

  const int fd_;
};

// Two namespaces and a cable between them:
//
//   near  v0  192.0.2.1     <->     v1  203.0.113.7  far
//
// Each end knows the other's hardware address, and nothing else talks: what is
// sent on it is what a test's sockets send.
struct Cable {
  static constexpr const char* kNearAddress = "192.0.2.1";
  static constexpr const char* kFarAddress = "203.0.113.7";

  std::unique_ptr<NetworkNamespace> near;
  std::unique_ptr<NetworkNamespace> far;
};

// False without the privilege or without the program ip; `why` says which.
bool LayCable(Cable* cable, std::string* why);

// Tells both ends each other's hardware address again, where the kernel may
// have forgotten; false if it does not take.
bool Introduce(const Cable& cable);

}  // namespace octroi::testing
