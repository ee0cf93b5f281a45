// SPDX-License-Identifier: Apache-2.0
// Several captures as one source of packets, merged in time order.
//
// A capture's own order is kept: what is merged are the captures' running
// clocks, so that a packet whose time goes backwards follows the one before it.
// Equal clocks go in the order of the command line. A capture is opened when
// its first packet is due, so that hundreds of consecutive files need few
// descriptors; what can be read only once (standard input, a pipe) stays open.
//
// A capture that cannot be opened or breaks in the middle has a status of its
// own; the others are read to their end.
//
// Thread safety: one thread at a time, but for progress(). What is held of its
// bytes is let go of ordered with that.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/capture_reader.h"
#include "dataplane/replay_source.h"

namespace octroi {

struct CaptureSourceOptions {
  // In command-line order; "-" is standard input and may stand once.
  std::vector<std::string> paths;
  // Makes the observer of the raw bytes of paths[index]. Called at most once
  // per capture, before it is read for good. The observer runs on the thread
  // that receives. May be empty, and may return an empty observer.
  std::function<ByteStream::Observer(size_t index)> make_observer = {};
};

struct CaptureProgress {
  uint64_t bytes_read = 0;
  // Nothing if one of the captures is a pipe.
  std::optional<uint64_t> bytes_total;
};

class CaptureSource final : public ReplaySource {
 public:
  // Opens every capture once to see its header and the time of its first
  // packet. Fails only if `options.paths` is empty: what is wrong with a
  // capture stands in statuses(), and the source has the other captures.
  static absl::StatusOr<std::unique_ptr<CaptureSource>> Create(
      CaptureSourceOptions options);

  ~CaptureSource() override;

  // ReplaySource.
  size_t ReceiveBurst(PacketBurst* burst) override;
  void ReleaseBurst(PacketBurst* burst) override;
  void HoldBytes(HeldBytes* held) override;
  std::shared_ptr<BytesAhead> PlanAhead() override;
  bool is_finished() const override;

  // What each capture held, in command-line order. A capture's summary is
  // complete once it has been read, so all of them once is_finished().
  const std::vector<CaptureSummary>& summaries() const { return summaries_; }

  // Of each capture: ok, or why it was not opened or not read to its end.
  const std::vector<absl::Status>& statuses() const { return statuses_; }

  // How far the reading is. Any thread.
  CaptureProgress progress() const;

 private:
  // One capture that has not ended.
  struct Capture;

  // Where a packet stands in the merged order.
  struct MergeKey {
    int64_t clock_ns = 0;
    size_t index = 0;
    auto operator<=>(const MergeKey&) const = default;
  };

  explicit CaptureSource(CaptureSourceOptions options);

  void Prepare(size_t index);
  ByteStream::Observer MakeObserver(size_t index);
  void OpenDue();
  size_t ReceiveFromLast(PacketBurst* burst);
  void Refill(std::unique_ptr<Capture> capture);
  void Close(std::unique_ptr<Capture> capture);
  void TakeRun(PacketBurst* burst);
  void PushOpen(std::unique_ptr<Capture> capture);
  std::unique_ptr<Capture> PopOpen();
  MergeKey NextKey() const;

  // Constant after construction.
  const CaptureSourceOptions options_;
  std::optional<uint64_t> bytes_total_;

  // Receiving thread only.
  std::vector<CaptureSummary> summaries_;
  std::vector<absl::Status> statuses_;
  std::vector<std::unique_ptr<Capture>> pending_;  // The first due comes last.
  std::vector<std::unique_ptr<Capture>> open_;     // A heap: least key first.
  // The capture whose packets are all handed out. Their bytes are lent until
  // the next burst, so it is not read on before.
  std::unique_ptr<Capture> used_up_;
  // What the last burst came from; a reader once for each run of packets.
  std::array<const CaptureReader*, kMaxBurst> lenders_;
  size_t lender_count_ = 0;
  int64_t clock_ns_ = 0;

  // Written by the receiving thread, read by any thread.
  std::atomic<uint64_t> bytes_read_{0};
};

}  // namespace octroi
