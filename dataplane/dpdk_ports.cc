// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_ports.h"

#include <rte_config.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/dpdk_device.h"
#include "dataplane/dpdk_port.h"
#include "dataplane/dpdk_source.h"
#include "dataplane/limits.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kSys = "/sys";

// Free buffers that DPDK keeps for each thread, so that a burst does not touch
// the pool.
constexpr uint32_t kCachedBuffers = 256;
static_assert(kCachedBuffers <= RTE_MEMPOOL_CACHE_MAX_SIZE);

bool IsOf(const DpdkDevice& device, uint16_t port) {
  rte_eth_dev_info info{};
  return rte_eth_dev_info_get(port, &info) == 0 &&
         rte_dev_name(info.device) == device.name;
}

// The numbers of a device's ports that nobody has opened.
std::vector<uint16_t> FreePortsOf(const DpdkDevice& device) {
  std::vector<uint16_t> numbers;
  uint16_t number = 0;
  RTE_ETH_FOREACH_DEV(number) {
    if (IsOf(device, number)) numbers.push_back(number);
  }
  return numbers;
}

bool IsOpen(const DpdkDevice& device) {
  for (uint16_t number = 0; number < RTE_MAX_ETHPORTS; ++number) {
    if (rte_eth_dev_is_valid_port(number) != 0 && IsOf(device, number)) {
      return true;
    }
  }
  return false;
}

// Why a device is not had: what is known of it, or else what DPDK logged.
std::string WhyMissing(const DpdkDevice& device, int result,
                       const std::string& logged) {
  if (IsOpen(device)) return "it is open already; name each device once";
  if (device.is_pci) return ExplainPciDevice(kSys, device.name);
  // No bus knows the name: no driver has it.
  if (result == -EFAULT) return ExplainVirtualDevice(device.name);
  return fmt::format("its driver refuses: {}",
                     logged.empty() ? rte_strerror(-result) : logged.c_str());
}

bool HasMempoolDriver(std::string_view name) {
  for (uint32_t i = 0; i < rte_mempool_ops_table.num_ops; ++i) {
    if (rte_mempool_ops_table.ops[i].name == name) return true;
  }
  return false;
}

class OpenedPorts final : public DpdkPorts {
 public:
  explicit OpenedPorts(DpdkLogStream* log) : log_(log) {}
  ~OpenedPorts() override;

  absl::Status Open(const DpdkPortsOptions& options);

  const std::vector<std::unique_ptr<PacketSource>>& sources() const override {
    return sources_;
  }
  const std::vector<DpdkPort>& ports() const override { return descriptions_; }
  const std::vector<std::string>& notes() const override { return notes_; }
  DpdkPortState ReadState(size_t index) override {
    return ports_.at(index)->ReadState();
  }
  std::vector<DpdkStatistic> ReadStatistics(size_t index) override {
    return ports_.at(index)->ReadStatistics();
  }

 private:
  absl::Status OpenDevice(const DpdkDevice& device);
  absl::Status MakePools(const DpdkPortsOptions& options, uint16_t workers);
  absl::Status MakePool(int node, uint32_t buffer_count);
  absl::Status StartAll(const DpdkPortsOptions& options, uint16_t workers);
  uint16_t CountWorkers(uint32_t wanted);
  void MakeSources(uint16_t workers);
  void Describe(const DpdkPortsOptions& options);

  DpdkLogStream* const log_;
  rte_eth_dev_owner owner_{};
  std::map<int, rte_mempool*> pools_;  // By NUMA node.
  std::vector<std::unique_ptr<DpdkPortDevice>> ports_;
  std::vector<std::unique_ptr<PacketSource>> sources_;
  std::vector<DpdkPort> descriptions_;
  std::vector<std::string> notes_;
};

// What uses comes before what is used: sources hold buffers, ports hold pools.
OpenedPorts::~OpenedPorts() {
  sources_.clear();
  std::set<rte_device*> devices;
  for (const auto& port : ports_) {
    if (!port->is_released()) devices.insert(port->device());
  }
  ports_.clear();
  for (rte_device* device : devices) rte_dev_remove(device);
  for (const auto& [node, pool] : pools_) rte_mempool_free(pool);
}

absl::Status OpenedPorts::Open(const DpdkPortsOptions& options) {
  if (options.worker_count < 1 || options.worker_count > kMaxWorkers) {
    return absl::InvalidArgumentError(
        fmt::format("dpdk: {} workers; ask for 1 to {}", options.worker_count,
                    kMaxWorkers));
  }
  if (options.devices.empty()) {
    return absl::InvalidArgumentError("dpdk: no device; name one");
  }
  rte_eth_dev_owner_new(&owner_.id);
  std::strncpy(owner_.name, "octroi", sizeof(owner_.name) - 1);
  for (const std::string& text : options.devices) {
    const absl::StatusOr<DpdkDevice> device = ParseDpdkDevice(text);
    if (!device.ok()) return device.status();
    const absl::Status opened = OpenDevice(*device);
    if (!opened.ok()) return opened;
  }

  uint16_t workers = CountWorkers(options.worker_count);
  const absl::Status pools = MakePools(options, workers);
  if (!pools.ok()) return pools;
  absl::Status started = StartAll(options, workers);
  if (!started.ok()) return started;
  const auto asymmetric = std::find_if(
      ports_.begin(), ports_.end(),
      [](const auto& port) { return !port->description().is_symmetric; });
  if (workers > 1 && asymmetric != ports_.end()) {
    notes_.push_back(fmt::format(
        "{}: {} workers are wanted, but the device does not confirm that it "
        "hashes both directions of a flow alike; one worker receives",
        (*asymmetric)->name(), workers));
    workers = 1;
    for (const auto& port : ports_) port->Stop();
    started = StartAll(options, workers);
    if (!started.ok()) return started;
  }
  MakeSources(workers);
  Describe(options);
  return absl::OkStatus();
}

absl::Status OpenedPorts::OpenDevice(const DpdkDevice& device) {
  log_->TakeError();
  int result = 0;
  std::vector<uint16_t> numbers = FreePortsOf(device);
  if (numbers.empty()) {
    result = rte_dev_probe(device.text.c_str());
    if (result == 0) numbers = FreePortsOf(device);
  }
  if (numbers.empty()) {
    return absl::UnavailableError(
        fmt::format("dpdk: {}: {}", device.name,
                    WhyMissing(device, result, log_->TakeError())));
  }
  for (const uint16_t number : numbers) {
    absl::StatusOr<std::unique_ptr<DpdkPortDevice>> port =
        DpdkPortDevice::Create(number, device, log_);
    if (!port.ok()) return port.status();
    // From here on the port is not found again as one that is free.
    rte_eth_dev_owner_set(number, &owner_);
    ports_.push_back(*std::move(port));
  }
  return absl::OkStatus();
}

// As many as every port can feed.
uint16_t OpenedPorts::CountWorkers(uint32_t wanted) {
  auto workers = static_cast<uint16_t>(wanted);
  for (const auto& port : ports_) {
    const uint16_t possible = port->WorkerCount(static_cast<uint16_t>(wanted));
    if (possible < wanted) {
      notes_.push_back(fmt::format(
          "{}: {} workers are wanted; the device can spread packets over {} so "
          "that both directions of a flow meet",
          port->name(), wanted, possible));
    }
    workers = std::min(workers, possible);
  }
  return workers;
}

// A node's queues fill, each worker holds a burst, and each thread's cache may
// keep one and a half times its size.
absl::Status OpenedPorts::MakePools(const DpdkPortsOptions& options,
                                    uint16_t workers) {
  std::map<int, uint32_t> needed;
  for (const auto& port : ports_) {
    const uint32_t queues = port->QueueCount(workers);
    needed[port->numa_node()] +=
        queues * (port->BufferCount(options.descriptor_count) +
                  static_cast<uint32_t>(kMaxBurst));
  }
  for (auto& [node, count] : needed) {
    count += (workers + 1u) * kCachedBuffers * 3 / 2;
    // One less than a power of two: the pool's ring wastes nothing then.
    count = std::bit_ceil(std::max<uint32_t>(count, 1024)) - 1;
    if (options.buffer_count != 0) count = options.buffer_count;
    const absl::Status made = MakePool(node, count);
    if (!made.ok()) return made;
  }
  return absl::OkStatus();
}

absl::Status OpenedPorts::MakePool(int node, uint32_t buffer_count) {
  log_->TakeError();
  // One group's pool differs from another's by the owner.
  const std::string name =
      fmt::format("octroi-{}-{}", owner_.id, node < 0 ? 0 : node);
  rte_mempool* pool =
      rte_pktmbuf_pool_create(name.c_str(), buffer_count, kCachedBuffers,
                              /*priv_size=*/0, RTE_MBUF_DEFAULT_BUF_SIZE, node);
  if (pool != nullptr) {
    pools_[node] = pool;
    return absl::OkStatus();
  }
  if (!HasMempoolDriver(RTE_MBUF_DEFAULT_MEMPOOL_OPS)) {
    return absl::UnavailableError(
        "dpdk: no packet buffers: the driver of buffer pools is not installed; "
        "on Debian 12 install librte-mempool-ring23");
  }
  return absl::ResourceExhaustedError(fmt::format(
      "dpdk: no memory for {} packet buffers of {} bytes ({}); give DPDK more "
      "memory or huge pages, or use fewer workers or smaller queues",
      buffer_count, RTE_MBUF_DEFAULT_BUF_SIZE, rte_strerror(rte_errno)));
}

absl::Status OpenedPorts::StartAll(const DpdkPortsOptions& options,
                                   uint16_t workers) {
  for (const auto& port : ports_) {
    const absl::Status started =
        port->Start(workers, options.descriptor_count, options.is_promiscuous,
                    pools_.at(port->numa_node()));
    if (!started.ok()) return started;
  }
  return absl::OkStatus();
}

void OpenedPorts::MakeSources(uint16_t workers) {
  std::vector<std::vector<DpdkQueue>> queues(workers);
  for (const auto& port : ports_) {
    for (uint16_t i = 0; i < port->QueueCount(workers); ++i) {
      queues[i % workers].push_back({port->number(), i, &port->is_gone()});
    }
  }
  for (std::vector<DpdkQueue>& of_worker : queues) {
    sources_.push_back(std::make_unique<DpdkSource>(std::move(of_worker)));
  }
}

void OpenedPorts::Describe(const DpdkPortsOptions& options) {
  for (const auto& port : ports_) {
    descriptions_.push_back(port->description());
    if (port->driver().hides_wire_length) {
      notes_.push_back(fmt::format(
          "{}: {} does not tell how long a packet was that it cut off; of such "
          "a packet only what is left is accounted",
          port->name(), port->driver().name));
    }
    if (options.is_promiscuous && !port->description().is_promiscuous) {
      notes_.push_back(fmt::format(
          "{}: the device does not become promiscuous; it may hold back what "
          "is addressed to others",
          port->name()));
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<DpdkPorts>> OpenDpdkPorts(
    const DpdkPortsOptions& options, DpdkLogStream* log) {
  auto ports = std::make_unique<OpenedPorts>(log);
  const absl::Status opened = ports->Open(options);
  if (!opened.ok()) return opened;
  return ports;
}

}  // namespace octroi
