// SPDX-License-Identifier: Apache-2.0
#include "tests/support/network_lab.h"

#include "fmt/format.h"

namespace octroi::testing {
namespace {

constexpr char kHereMac[] = "02:00:00:00:00:01";
constexpr char kThereMac[] = "02:00:00:00:00:02";

// Gives one end its addresses and tells it where the other one is.
bool SetUp(const NetworkNamespace& host, const std::string& interface, int own,
           int other, const std::string& other_mac) {
  return host.Command(
      fmt::format("ip addr add 192.0.2.{1}/24 dev {0} && "
                  "ip addr add 2001:db8::{1}/64 dev {0} nodad && "
                  "ip link set {0} addrgenmode none && "
                  "ip link set {0} up arp off multicast off && "
                  "ip neigh replace 192.0.2.{2} lladdr {3} dev {0} && "
                  "ip neigh replace 2001:db8::{2} lladdr {3} dev {0}",
                  interface, own, other, other_mac));
}

}  // namespace

std::unique_ptr<NetworkLab> NetworkLab::Create(std::string* why_not) {
  std::unique_ptr<NetworkLab> lab(new NetworkLab());
  lab->here_ = NetworkNamespace::Create();
  lab->there_ = NetworkNamespace::Create();
  if (lab->here_ == nullptr || lab->there_ == nullptr) {
    *why_not = "making a network namespace needs root";
    return nullptr;
  }
  lab->here_->Enter();
  if (!lab->Run("ip link set lo up") || !lab->MakeWire()) {
    *why_not = "the program ip is missing, or cannot make a veth pair";
    return nullptr;
  }
  return lab;
}

bool NetworkLab::MakeWire() const {
  return here_->Command(fmt::format(
             "ip link add here0 address {} type veth peer name there0 address "
             "{} netns {}",
             kHereMac, kThereMac, there_->path())) &&
         SetUp(*here_, "here0", 1, 2, kThereMac) &&
         SetUp(*there_, "there0", 2, 1, kHereMac);
}

}  // namespace octroi::testing
