// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dpdk_point.h"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace octroi {
namespace {

void AddTo(std::optional<uint64_t>* sum, const std::optional<uint64_t>& count) {
  if (count) *sum = sum->value_or(0) + *count;
}

}  // namespace

class DpdkPoint::Source final : public LiveSource {
 public:
  Source(Dpdk* dpdk, PacketSource* queues) : dpdk_(dpdk), queues_(queues) {}

  size_t ReceiveBurst(PacketBurst* burst) override {
    const size_t count = queues_->ReceiveBurst(burst);
    if (count > 0) empty_count_ = 0;
    return count;
  }
  void ReleaseBurst(PacketBurst* burst) override {
    queues_->ReleaseBurst(burst);
  }
  void Wait(int) override {
    // A queue of 2,048 places holds what comes in 137 us at 10 Gb/s.
    constexpr int kPolls = 1000;
    constexpr std::chrono::microseconds kRest(50);
    if (++empty_count_ > kPolls) std::this_thread::sleep_for(kRest);
  }
  // A thread that DPDK does not know works as well, with slower buffers.
  void StartThread() override {
    (void)dpdk_->RegisterThread(/*cpu=*/std::nullopt);
  }
  void EndThread() override { dpdk_->UnregisterThread(); }

 private:
  Dpdk* const dpdk_;
  PacketSource* const queues_;
  int empty_count_ = 0;  // Polls in a row that gave nothing.
};

absl::StatusOr<std::unique_ptr<DpdkPoint>> DpdkPoint::Open(
    Dpdk* dpdk, const DpdkPortsOptions& options) {
  auto ports = dpdk->Open(options);
  if (!ports.ok()) return ports.status();
  return std::unique_ptr<DpdkPoint>(new DpdkPoint(dpdk, *std::move(ports)));
}

DpdkPoint::DpdkPoint(Dpdk* dpdk, std::unique_ptr<DpdkPorts> ports)
    : ports_(std::move(ports)),
      note_(fmt::format("{}", fmt::join(ports_->notes(), "; "))) {
  for (const DpdkPort& port : ports_->ports()) {
    name_ += (name_.empty() ? "" : "+") + port.device;
  }
  for (const auto& queues : ports_->sources()) {
    sources_.push_back(std::make_unique<Source>(dpdk, queues.get()));
  }
}

DpdkPoint::~DpdkPoint() = default;

LiveSource* DpdkPoint::source(size_t index) { return sources_[index].get(); }

PointStatus DpdkPoint::Observe() {
  PointStatus status;
  status.note = note_;
  for (size_t i = 0; i < ports_->ports().size(); ++i) {
    const DpdkPortState port = ports_->ReadState(i);
    AddTo(&status.losses.at(LossPlace::kNic), port.missed);
    AddTo(&status.losses.at(LossPlace::kNicErrors), port.errors);
    AddTo(&status.losses.at(LossPlace::kMempool), port.without_buffer);
    AddTo(&status.interface_packets, port.received);
    if (port.is_gone) {
      status.state = PointState::kLost;
      status.note = fmt::format("{} was removed; restart octroi",
                                ports_->ports()[i].device);
    } else if (status.state == PointState::kUp &&
               !port.is_link_up.value_or(true)) {
      status.state = PointState::kDown;
    }
  }
  return status;
}

}  // namespace octroi
