// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_port.h"

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cassert>
#include <memory>
#include <utility>

#include "fmt/format.h"

namespace octroi {
namespace {

// What both directions of a flow are hashed by: addresses and ports, or the
// addresses of what has no ports that octroi uses.
constexpr uint64_t kNeededHashes =
    RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP |
    RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;
constexpr uint64_t kWantedHashes =
    kNeededHashes | RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 |
    RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 |
    RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_IPV6_EX |
    RTE_ETH_RSS_IPV6_TCP_EX | RTE_ETH_RSS_IPV6_UDP_EX;

// Key bytes of a device that does not say: Toeplitz over the longest input, an
// IPv6 5-tuple without protocol, takes 40.
constexpr uint8_t kUsualKeyBytes = 40;
constexpr uint8_t kMaxKeyBytes = 255;

// What a card behind a mirror port may be sent. Virtual devices keep theirs:
// some would change the kernel's interface.
constexpr uint32_t kJumboMtu = 9'000;

constexpr rte_eth_event_type kRemovalEvents[] = {RTE_ETH_EVENT_INTR_RMV,
                                                 RTE_ETH_EVENT_DESTROY};

}  // namespace

std::vector<uint8_t> SymmetricRssKey(size_t bytes) {
  std::vector<uint8_t> key(bytes);
  for (size_t i = 0; i < bytes; ++i) key[i] = i % 2 == 0 ? 0x6D : 0x5A;
  return key;
}

DpdkPortDevice::DpdkPortDevice(uint16_t number, const DpdkDevice& device,
                               DpdkLogStream* log)
    : number_(number), name_(device.name), is_pci_(device.is_pci), log_(log) {}

absl::StatusOr<std::unique_ptr<DpdkPortDevice>> DpdkPortDevice::Create(
    uint16_t number, const DpdkDevice& device, DpdkLogStream* log) {
  auto port =
      std::unique_ptr<DpdkPortDevice>(new DpdkPortDevice(number, device, log));
  const int result = rte_eth_dev_info_get(number, &port->info_);
  if (result != 0) return port->Refused("does not describe itself", result);
  port->driver_ = FindDpdkDriver(port->info_.driver_name);
  port->numa_node_ = rte_eth_dev_socket_id(number);
  const absl::Status registered = port->RegisterCallbacks();
  if (!registered.ok()) return registered;
  return port;
}

DpdkPortDevice::~DpdkPortDevice() {
  if (!is_released_) Stop();
  UnregisterCallbacks();
  if (!is_released_) rte_eth_dev_close(number_);
}

absl::Status DpdkPortDevice::RegisterCallbacks() {
  for (const rte_eth_event_type event : kRemovalEvents) {
    const int result =
        rte_eth_dev_callback_register(number_, event, OnPortEvent, this);
    if (result != 0) return Refused("its removal cannot be noticed", result);
  }
  const int result =
      rte_dev_event_callback_register(name_.c_str(), OnDeviceEvent, this);
  return result == 0 ? absl::OkStatus()
                     : Refused("its removal cannot be noticed", result);
}

// A callback that runs at this moment, on the interrupt thread, is asked again
// for: it ends.
void DpdkPortDevice::UnregisterCallbacks() {
  // On whatever port: DPDK keeps the callbacks of one that it has let go of,
  // for the next device that gets its number.
  for (const rte_eth_event_type event : kRemovalEvents) {
    while (rte_eth_dev_callback_unregister(RTE_ETH_ALL, event, OnPortEvent,
                                           this) == -EAGAIN) {
    }
  }
  while (rte_dev_event_callback_unregister(name_.c_str(), OnDeviceEvent,
                                           this) == -EAGAIN) {
  }
}

int DpdkPortDevice::OnPortEvent(uint16_t, rte_eth_event_type event, void* self,
                                void*) {
  auto* port = static_cast<DpdkPortDevice*>(self);
  port->is_gone_ = true;
  if (event == RTE_ETH_EVENT_DESTROY) port->is_released_ = true;
  return 0;
}

void DpdkPortDevice::OnDeviceEvent(const char*, rte_dev_event_type event,
                                   void* self) {
  if (event != RTE_DEV_EVENT_REMOVE) return;
  static_cast<DpdkPortDevice*>(self)->is_gone_ = true;
}

bool DpdkPortDevice::UsesRss(uint16_t workers) const {
  return workers > 1 && driver_.spread == DpdkSpread::kUnknown;
}

uint16_t DpdkPortDevice::WorkerCount(uint16_t wanted) const {
  const bool can_hash =
      (info_.flow_type_rss_offloads & kNeededHashes) == kNeededHashes;
  const bool is_symmetric =
      driver_.spread == DpdkSpread::kSymmetric ||
      (driver_.spread == DpdkSpread::kUnknown && can_hash);
  return is_symmetric ? std::clamp<uint16_t>(info_.max_rx_queues, 1, wanted)
                      : 1;
}

uint16_t DpdkPortDevice::QueueCount(uint16_t workers) const {
  const bool is_fed = driver_.spread == DpdkSpread::kFeeder;
  return is_fed ? std::max<uint16_t>(info_.max_rx_queues, 1) : workers;
}

uint16_t DpdkPortDevice::DescriptorCount(uint16_t wanted) const {
  const rte_eth_desc_lim& limits = info_.rx_desc_lim;
  const uint32_t align = std::max<uint32_t>(limits.nb_align, 1);
  uint32_t count = std::max<uint32_t>(wanted, limits.nb_min);
  count = (count + align - 1) / align * align;
  if (limits.nb_max != 0) count = std::min<uint32_t>(count, limits.nb_max);
  return static_cast<uint16_t>(std::min<uint32_t>(count, UINT16_MAX));
}

// Some drivers fill a ring of the size that they prefer, whatever was asked.
uint32_t DpdkPortDevice::BufferCount(uint16_t wanted) const {
  return std::max<uint32_t>(DescriptorCount(wanted),
                            info_.default_rxportconf.ring_size);
}

absl::Status DpdkPortDevice::Refused(std::string_view what, int result) const {
  const std::string said = log_->TakeError();
  return absl::UnavailableError(
      fmt::format("dpdk: {}: {}: {}", name_, what,
                  said.empty() ? rte_strerror(result < 0 ? -result : result)
                               : said.c_str()));
}

uint8_t DpdkPortDevice::KeyBytes() const {
  return info_.hash_key_size == 0 ? kUsualKeyBytes : info_.hash_key_size;
}

rte_eth_rss_conf DpdkPortDevice::HashConf(std::vector<uint8_t>* key) const {
  rte_eth_rss_conf conf{};
  conf.rss_key = key->data();
  conf.rss_key_len = static_cast<uint8_t>(key->size());
  conf.rss_hf = kWantedHashes & info_.flow_type_rss_offloads;
  return conf;
}

absl::Status DpdkPortDevice::Configure(uint16_t workers, uint16_t queues) {
  rte_eth_conf conf{};
  std::vector<uint8_t> key = SymmetricRssKey(KeyBytes());
  if (UsesRss(workers)) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf = HashConf(&key);
  }
  const bool can_scatter =
      (info_.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0;
  if (is_pci_ && can_scatter && info_.max_mtu > RTE_ETHER_MTU) {
    conf.rxmode.mtu = std::min<uint32_t>(info_.max_mtu, kJumboMtu);
    conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
  }
  // octroi sends nothing and asks for no queue to send by; some drivers have
  // queues in pairs only.
  transmit_queue_count_ = 0;
  int result = rte_eth_dev_configure(number_, queues, 0, &conf);
  if (result != 0) {
    transmit_queue_count_ = queues;
    result = rte_eth_dev_configure(number_, queues, queues, &conf);
  }
  return result == 0 ? absl::OkStatus() : Refused("not configured", result);
}

absl::Status DpdkPortDevice::SetUpQueues(uint16_t queues,
                                         uint16_t descriptor_count,
                                         rte_mempool* pool) {
  const auto node = static_cast<unsigned int>(numa_node_);
  const uint16_t places = DescriptorCount(descriptor_count);
  for (uint16_t queue = 0; queue < queues; ++queue) {
    const int result =
        rte_eth_rx_queue_setup(number_, queue, places, node, nullptr, pool);
    if (result != 0) {
      return Refused(fmt::format("receive queue {} is refused", queue), result);
    }
  }
  for (uint16_t queue = 0; queue < transmit_queue_count_; ++queue) {
    const int result = rte_eth_tx_queue_setup(number_, queue, 0, node, nullptr);
    if (result != 0) {
      return Refused(fmt::format("transmit queue {} is refused", queue),
                     result);
    }
  }
  return absl::OkStatus();
}

absl::Status DpdkPortDevice::Start(uint16_t workers, uint16_t descriptor_count,
                                   bool is_promiscuous, rte_mempool* pool) {
  assert(!is_started_);
  log_->TakeError();
  const uint16_t queues = QueueCount(workers);
  const absl::Status configured = Configure(workers, queues);
  if (!configured.ok()) return configured;
  const absl::Status set_up = SetUpQueues(queues, descriptor_count, pool);
  if (!set_up.ok()) return set_up;
  if (is_promiscuous) {
    // What came of it is asked below: some devices are promiscuous anyway.
    rte_eth_promiscuous_enable(number_);
  }
  log_->TakeError();
  const int result = rte_eth_dev_start(number_);
  if (result != 0) return Refused("does not start", result);
  is_started_ = true;

  description_.device = name_;
  description_.driver = info_.driver_name;
  description_.numa_node = numa_node_;
  description_.queue_count = queues;
  description_.is_symmetric = queues == 1 ||
                              driver_.spread == DpdkSpread::kSymmetric ||
                              (UsesRss(workers) && AskForSymmetricHash());
  description_.is_promiscuous = rte_eth_promiscuous_get(number_) == 1;
  ReadFirstCounts();
  return absl::OkStatus();
}

void DpdkPortDevice::Stop() {
  if (is_started_) rte_eth_dev_stop(number_);
  is_started_ = false;
}

// Some drivers take the key with the configuration, some only when it is set
// while they run.
bool DpdkPortDevice::AskForSymmetricHash() {
  if (HasSymmetricHash()) return true;
  std::vector<uint8_t> key = SymmetricRssKey(KeyBytes());
  rte_eth_rss_conf wanted = HashConf(&key);
  return rte_eth_dev_rss_hash_update(number_, &wanted) == 0 &&
         HasSymmetricHash();
}

bool DpdkPortDevice::HasSymmetricHash() const {
  std::vector<uint8_t> key(kMaxKeyBytes);
  rte_eth_rss_conf found{};
  found.rss_key = key.data();
  found.rss_key_len = KeyBytes();
  if (rte_eth_dev_rss_hash_conf_get(number_, &found) != 0) return false;
  key.resize(found.rss_key_len);
  return (found.rss_hf & kNeededHashes) == kNeededHashes &&
         key.size() >= kUsualKeyBytes && key == SymmetricRssKey(key.size());
}

void DpdkPortDevice::ReadFirstCounts() {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(number_, &stats) != 0) stats = {};
  received_ = WrappingCount(stats.ipackets);
  missed_ = WrappingCount(stats.imissed);
  errors_ = WrappingCount(stats.ierrors);
  without_buffer_ = WrappingCount(stats.rx_nombuf);
}

DpdkPortState DpdkPortDevice::ReadState() {
  state_.is_gone = is_gone_;
  if (state_.is_gone) {
    state_.is_link_up = false;
    return state_;
  }
  rte_eth_stats stats{};
  if (rte_eth_stats_get(number_, &stats) == 0) {
    // A counter that moves is known to count, whatever the driver.
    const auto known = [](bool is_counted,
                          uint64_t count) -> std::optional<uint64_t> {
      if (is_counted || count > 0) return count;
      return std::nullopt;
    };
    state_.received = received_.Update(stats.ipackets);
    state_.missed = known(driver_.counts_missed, missed_.Update(stats.imissed));
    state_.errors = known(driver_.counts_errors, errors_.Update(stats.ierrors));
    state_.without_buffer = known(driver_.counts_without_buffer,
                                  without_buffer_.Update(stats.rx_nombuf));
  }
  rte_eth_link link{};
  state_.is_link_up = std::nullopt;
  if (rte_eth_link_get_nowait(number_, &link) == 0) {
    const bool is_up = link.link_status == RTE_ETH_LINK_UP;
    if (is_pci_ || !is_up) state_.is_link_up = is_up;
  }
  return state_;
}

std::vector<DpdkStatistic> DpdkPortDevice::ReadStatistics() {
  std::vector<DpdkStatistic> statistics;
  if (is_gone_) return statistics;
  const int count = rte_eth_xstats_get_names(number_, nullptr, 0);
  if (count <= 0) return statistics;
  const auto size = static_cast<unsigned int>(count);
  std::vector<rte_eth_xstat_name> names(size);
  std::vector<rte_eth_xstat> values(size);
  // A device that grew a counter in between is asked again next time.
  if (rte_eth_xstats_get_names(number_, names.data(), size) != count ||
      rte_eth_xstats_get(number_, values.data(), size) != count) {
    return statistics;
  }
  for (const rte_eth_xstat& value : values) {
    if (value.id >= size) continue;
    const char* name = names[value.id].name;
    statistics.push_back(
        {std::string(name, strnlen(name, RTE_ETH_XSTATS_NAME_SIZE)),
         value.value});
  }
  return statistics;
}

}  // namespace octroi
