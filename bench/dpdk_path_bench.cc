// SPDX-License-Identifier: Apache-2.0
// From a device that DPDK polls into the whole path. The device hands out a
// capture in memory over and over (net_pcap, infinite_rx), copying each packet
// into a buffer as a card would: what it can give is the ceiling.
//
// "free" takes the same device's bursts and gives them back: the least that any
// user of DPDK does. "source" does the same through octroi's source, so that
// the rest of octroi's time is the path's own.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "bench/bench.h"
#include "bench/dpdk.h"
#include "bench/world.h"
#include "dataplane/dpdk.h"
#include "dataplane/dpdk_device.h"
#include "dataplane/worker.h"

namespace octroi::bench {
namespace {

constexpr size_t kPacketsPerRun = size_t{1} << 22;
// What tools/bench generates; the device keeps it in buffers of the same pool.
constexpr uint32_t kCapturePackets = 1u << 17;
constexpr uint32_t kBufferCount = kCapturePackets + (1u << 13);
constexpr uint64_t kHugePages = 256;  // Of 2 MiB, with room to spare.
constexpr uint32_t kMegabytesWithoutHugePages = 800;
constexpr char kName[] = "net_pcap0";

std::unique_ptr<Dpdk> Start(const std::string& device) {
  DpdkOptions options;
  options.devices = {device};
  options.use_huge_pages = FreeHugePages("/sys") >= kHugePages;
  if (!options.use_huge_pages) {
    options.memory_megabytes = kMegabytesWithoutHugePages;
  }
  std::printf("octroi: %s huge pages\n",
              options.use_huge_pages ? "with" : "without");
  auto dpdk = octroi::StartDpdk(std::move(options));
  if (dpdk.ok()) return *std::move(dpdk);
  std::fprintf(stderr, "bench: %s\n", dpdk.status().ToString().c_str());
  std::exit(1);
}

std::unique_ptr<DpdkPorts> Open(Dpdk* dpdk, const std::string& device) {
  DpdkPortsOptions options;
  options.devices = {device};
  options.buffer_count = kBufferCount;
  auto ports = dpdk->Open(options);
  if (ports.ok()) return *std::move(ports);
  std::fprintf(stderr, "bench: %s\n", ports.status().ToString().c_str());
  std::exit(1);
}

void RunWorker(Worker* worker, size_t packet_count) {
  for (size_t done = 0; done < packet_count;) done += worker->RunOnce();
}

void RunSource(PacketSource* source, size_t packet_count) {
  PacketBurst burst;
  for (size_t done = 0; done < packet_count;) {
    done += source->ReceiveBurst(&burst);
    source->ReleaseBurst(&burst);
  }
}

int Run(const BenchOptions& options) {
  if (options.capture.empty()) {
    std::fprintf(stderr,
                 "bench: no capture; give --capture, of at most %u packets\n",
                 kCapturePackets);
    return 2;
  }
  const std::unique_ptr<World> world = LoadWorld();
  const std::string device =
      std::string(kName) + ",infinite_rx=1,rx_pcap=" + options.capture;
  const std::unique_ptr<Dpdk> dpdk = Start(device);
  const std::unique_ptr<DpdkPorts> ports = Open(dpdk.get(), device);
  PacketSource* const source = ports->sources()[0].get();

  WorkerOptions worker_options;
  worker_options.flow_table.initial_capacity =
      options.flow_count + 4 * kMaxBurst;
  worker_options.hash_seed = 42;
  Worker worker(worker_options, source, world->editions.get(), nullptr);
  // Every flow has a record before the clock starts.
  RunWorker(&worker, 2 * kCapturePackets);

  const std::string prefix =
      "dpdk_path/" + std::to_string(options.flow_count) + "/pcap/";
  AddBench(prefix + "octroi", kPacketsPerRun,
           [&worker] { RunWorker(&worker, kPacketsPerRun); });
  AddBench(prefix + "source", kPacketsPerRun,
           [source] { RunSource(source, kPacketsPerRun); });
  AddBench(prefix + "free", kPacketsPerRun,
           [] { DrainDpdkDevice(kName, kPacketsPerRun); });
  const int exit_code = FinishBench();

  const WorkerTotals totals = worker.counters().Read();
  std::printf("octroi: %lu accounted, %lu undecoded, %lu flows\n",
              totals.accounted, totals.undecoded_total(),
              worker.counters().flows_started.Read());
  return exit_code;
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  return octroi::bench::Run(octroi::bench::StartBench(&argc, argv));
}
