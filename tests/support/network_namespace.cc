// SPDX-License-Identifier: Apache-2.0
#include "tests/support/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <sstream>

#include "fmt/format.h"

namespace octroi::testing {
namespace {

constexpr const char* kNearHardware = "02:00:00:00:00:01";
constexpr const char* kFarHardware = "02:00:00:00:00:02";

// That of this thread: other threads may be elsewhere.
int OpenOwnNamespace() {
  return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

}  // namespace

std::unique_ptr<NetworkNamespace> NetworkNamespace::Create() {
  const int home = OpenOwnNamespace();
  if (home < 0) return nullptr;
  std::unique_ptr<NetworkNamespace> made;
  if (unshare(CLONE_NEWNET) == 0) {
    const int fd = OpenOwnNamespace();
    if (fd >= 0) made.reset(new NetworkNamespace(fd));
    if (setns(home, CLONE_NEWNET) != 0) abort();
  }
  close(home);
  return made;
}

NetworkNamespace::~NetworkNamespace() { close(fd_); }

void NetworkNamespace::Run(const std::function<void()>& use) const {
  const int home = OpenOwnNamespace();
  // A test that went on in the wrong network would touch the machine's.
  if (home < 0 || setns(fd_, CLONE_NEWNET) != 0) abort();
  use();
  if (setns(home, CLONE_NEWNET) != 0) abort();
  close(home);
}

void NetworkNamespace::Enter() const {
  if (setns(fd_, CLONE_NEWNET) != 0) abort();
}

bool NetworkNamespace::Command(const std::string& command) const {
  int status = -1;
  Run([&] { status = system((command + " >/dev/null 2>&1").c_str()); });
  return status == 0;
}

NetworkNamespace::LinkCounts NetworkNamespace::CountsOf(
    const std::string& interface) const {
  LinkCounts counts;
  Run([&] {
    std::ifstream file("/proc/thread-self/net/dev");
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string name;
      fields >> name;
      if (name != interface + ":") continue;
      uint64_t skipped = 0;
      fields >> counts.received_bytes >> counts.received_packets;
      for (int i = 0; i < 6; ++i) fields >> skipped;
      fields >> counts.sent_bytes >> counts.sent_packets;
    }
  });
  return counts;
}

std::string NetworkNamespace::path() const {
  return fmt::format("/proc/{}/fd/{}", getpid(), fd_);
}

bool LayCable(Cable* cable, std::string* why) {
  cable->near = NetworkNamespace::Create();
  cable->far = NetworkNamespace::Create();
  if (cable->near == nullptr || cable->far == nullptr) {
    *why = "making a network namespace needs root";
    return false;
  }
  // Without addresses of its own IPv6 stays silent.
  constexpr const char* kUp =
      "ip link set {0} addrgenmode none address {1} && "
      "ip address add {2}/32 dev {0} && ip link set {0} up && "
      "ip route add {3}/32 dev {0}";
  const bool is_laid = cable->near->Command(fmt::format(
                           "ip link add v0 type veth peer name v1 netns {}",
                           cable->far->path())) &&
                       cable->near->Command(fmt::format(
                           fmt::runtime(kUp), "v0", kNearHardware,
                           Cable::kNearAddress, Cable::kFarAddress)) &&
                       cable->far->Command(fmt::format(
                           fmt::runtime(kUp), "v1", kFarHardware,
                           Cable::kFarAddress, Cable::kNearAddress)) &&
                       Introduce(*cable);
  *why = is_laid ? "" : "the program ip is missing, or cannot make a veth pair";
  return is_laid;
}

bool Introduce(const Cable& cable) {
  constexpr const char* kKnow =
      "ip neighbour replace {} lladdr {} dev {} nud permanent";
  return cable.near->Command(fmt::format(
             fmt::runtime(kKnow), Cable::kFarAddress, kFarHardware, "v0")) &&
         cable.far->Command(fmt::format(
             fmt::runtime(kKnow), Cable::kNearAddress, kNearHardware, "v1"));
}

}  // namespace octroi::testing
