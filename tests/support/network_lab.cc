// SPDX-License-Identifier: Apache-2.0
#include "tests/support/network_lab.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>
#include <system_error>
#include <vector>

#include "fmt/format.h"

namespace octroi::testing {
namespace {

constexpr char kHereMac[] = "02:00:00:00:00:01";
constexpr char kThereMac[] = "02:00:00:00:00:02";

std::string SystemError() { return std::generic_category().message(errno); }

// The namespace that the calling thread is in.
int OpenNamespace() {
  return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

void Enter(int descriptor) {
  if (setns(descriptor, CLONE_NEWNET) != 0) std::abort();
}

// Gives one end its addresses and tells it where the other one is.
bool SetUp(const std::string& interface, int own, int other,
           const std::string& other_mac) {
  for (const std::string& command :
       {fmt::format("addr add 192.0.2.{}/24 dev {}", own, interface),
        fmt::format("addr add 2001:db8::{}/64 dev {} nodad", own, interface),
        fmt::format("link set {} addrgenmode none", interface),
        fmt::format("link set {} up arp off multicast off", interface),
        fmt::format("neigh replace 192.0.2.{} lladdr {} dev {}", other,
                    other_mac, interface),
        fmt::format("neigh replace 2001:db8::{} lladdr {} dev {}", other,
                    other_mac, interface)}) {
    if (!NetworkLab::Run("ip " + command)) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<NetworkLab> NetworkLab::Create(std::string* why_not) {
  std::unique_ptr<NetworkLab> lab(new NetworkLab());
  *why_not = lab->CreateNamespaces();
  if (!why_not->empty()) return nullptr;
  if (!lab->MakeWire()) {
    *why_not = "`ip link add` cannot make a veth pair; is iproute2 installed?";
    return nullptr;
  }
  return lab;
}

NetworkLab::~NetworkLab() {
  if (here_ >= 0) close(here_);
  if (there_ >= 0) close(there_);
}

// "", or why there are none.
std::string NetworkLab::CreateNamespaces() {
  for (int* descriptor : {&there_, &here_}) {
    if (unshare(CLONE_NEWNET) != 0) {
      return "no network namespace can be made: " + SystemError();
    }
    *descriptor = OpenNamespace();
    if (*descriptor < 0) return "/proc: " + SystemError();
    Run("ip link set lo up");
  }
  return "";
}

bool NetworkLab::MakeWire() {
  const std::string there = fmt::format("/proc/{}/fd/{}", getpid(), there_);
  const bool is_made = Run(fmt::format(
      "ip link add here0 address {} type veth peer name there0 address {} "
      "netns {}",
      kHereMac, kThereMac, there));
  if (!is_made || !SetUp("here0", 1, 2, kThereMac)) return false;
  bool is_set_up = false;
  There([&] { is_set_up = SetUp("there0", 2, 1, kHereMac); }).join();
  return is_set_up;
}

void NetworkLab::EnterThere() const { Enter(there_); }
void NetworkLab::EnterHere() const { Enter(here_); }

bool NetworkLab::Run(const std::string& command_line) {
  std::istringstream words(command_line);
  std::vector<std::string> arguments;
  for (std::string word; words >> word;) arguments.push_back(word);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawnp(&child, pointers[0], nullptr, nullptr, pointers.data(),
                   environ) != 0) {
    return false;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace octroi::testing
