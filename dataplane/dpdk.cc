// SPDX-License-Identifier: Apache-2.0
// Starts and stops DPDK's environment (the EAL).
#include "dataplane/dpdk.h"

#include <rte_config.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_version.h>
#include <sched.h>
#include <unistd.h>

#include <utility>

#include "dataplane/dpdk_device.h"
#include "dataplane/dpdk_log.h"
#include "dataplane/dpdk_ports.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace octroi {
namespace {

constexpr std::string_view kSys = "/sys";
constexpr uint32_t kDefaultMegabytes = 256;

std::vector<int> CpusOfThisThread() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  std::vector<int> found;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &cpus)) found.push_back(cpu);
  }
  return found;
}

absl::Status PinThisThread(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &cpus);
  if (sched_setaffinity(0, sizeof(cpus), &cpus) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format(
      "dpdk: a worker cannot run on CPU {}; this process may use {}", cpu,
      fmt::join(CpusOfThisThread(), ", ")));
}

// The command line that DPDK takes its options from.
std::vector<std::string> EalArguments(const DpdkOptions& options,
                                      const std::vector<DpdkDevice>& devices) {
  // --no-shconf: nothing is shared with other processes, nothing of an earlier
  // run is in the way. One lcore, the calling thread; workers register.
  std::vector<std::string> arguments = {"octroi", "--no-telemetry"};
  const std::vector<int> cpus =
      options.control_cpus.empty() ? CpusOfThisThread() : options.control_cpus;
  arguments.push_back(fmt::format("--lcores=0@({})", fmt::join(cpus, ",")));
  if (options.use_huge_pages) {
    arguments.emplace_back("--in-memory");
  } else {
    arguments.emplace_back("--no-huge");
    arguments.emplace_back("--no-shconf");
  }
  uint32_t megabytes = options.memory_megabytes;
  if (megabytes == 0 && !options.use_huge_pages) megabytes = kDefaultMegabytes;
  if (megabytes != 0) {
    arguments.emplace_back("-m");
    arguments.push_back(std::to_string(megabytes));
  }
  bool has_pci = false;
  for (const DpdkDevice& device : devices) {
    if (!device.is_pci) continue;
    has_pci = true;
    arguments.emplace_back("-a");
    arguments.push_back(device.text);
  }
  if (!has_pci) arguments.emplace_back("--no-pci");
  return arguments;
}

absl::Status WhyNotStarted(const DpdkOptions& options, int error,
                           const std::string& logged) {
  if (error == EALREADY) {
    return absl::FailedPreconditionError(
        "dpdk: it has been started in this process before, and can be started "
        "once only");
  }
  const std::string why = logged.empty() ? rte_strerror(error) : logged;
  if (logged.find(".so") != std::string::npos) {
    return absl::UnavailableError(fmt::format(
        "dpdk: a driver cannot be loaded: {}; install what it needs, or remove "
        "the driver's package",
        why));
  }
  return absl::UnavailableError(fmt::format(
      "dpdk: it does not start: {}; {}", why,
      options.use_huge_pages
          ? "look whether enough huge pages are free, or do without them"
          : "give it less memory, or use huge pages"));
}

// DPDK does not survive memory that is not there.
absl::Status CheckMemory(uint32_t megabytes) {
  const auto pages = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES));
  const auto page_bytes = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  const uint64_t most = pages * page_bytes >> 20;
  if (megabytes <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("dpdk: {} MB of memory are wanted; this machine has {}",
                  megabytes, most));
}

class StartedDpdk final : public Dpdk {
 public:
  explicit StartedDpdk(std::unique_ptr<DpdkLogStream> log)
      : log_(std::move(log)) {}
  ~StartedDpdk() override { rte_eal_cleanup(); }

  absl::StatusOr<std::unique_ptr<DpdkPorts>> Open(
      const DpdkPortsOptions& options) override {
    return OpenDpdkPorts(options, log_.get());
  }

  absl::Status RegisterThread(std::optional<int> cpu) override {
    if (cpu.has_value()) {
      const absl::Status pinned = PinThisThread(*cpu);
      if (!pinned.ok()) return pinned;
    }
    // The thread that started DPDK is known to it.
    if (rte_lcore_id() != LCORE_ID_ANY) return absl::OkStatus();
    if (rte_thread_register() == 0) return absl::OkStatus();
    return absl::ResourceExhaustedError(fmt::format(
        "dpdk: a worker's thread is not taken ({}); use at most {} workers",
        rte_strerror(rte_errno), RTE_MAX_LCORE - 1));
  }

  void UnregisterThread() override { rte_thread_unregister(); }

 private:
  const std::unique_ptr<DpdkLogStream> log_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Dpdk>> StartDpdk(DpdkOptions options) {
  std::vector<DpdkDevice> devices;
  bool has_pci = false;
  for (const std::string& text : options.devices) {
    const absl::StatusOr<DpdkDevice> device = ParseDpdkDevice(text);
    if (!device.ok()) return device.status();
    devices.push_back(*device);
    has_pci |= device->is_pci;
  }
  if (options.use_huge_pages && FreeHugePages(kSys) == 0) {
    return absl::FailedPreconditionError(
        "dpdk: no huge page is free; set some aside with: echo 512 > "
        "/proc/sys/vm/nr_hugepages, or do without huge pages");
  }
  const absl::Status has_memory = CheckMemory(options.memory_megabytes);
  if (!has_memory.ok()) return has_memory;
  auto log = std::make_unique<DpdkLogStream>(std::move(options.log));
  std::vector<std::string> arguments = EalArguments(options, devices);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (rte_eal_init(static_cast<int>(arguments.size()), argv.data()) < 0) {
    return WhyNotStarted(options, rte_errno, log->TakeError());
  }
  if (has_pci) {
    // A card that is pulled out would otherwise end the process (SIGBUS) when
    // its registers are next read.
    rte_dev_hotplug_handle_enable();
    rte_dev_event_monitor_start();
  }
  return std::make_unique<StartedDpdk>(std::move(log));
}

std::string DpdkVersion() {
  std::string_view version = rte_version();
  constexpr std::string_view kName = "DPDK ";
  if (version.starts_with(kName)) version.remove_prefix(kName.size());
  return std::string(version);
}

}  // namespace octroi
