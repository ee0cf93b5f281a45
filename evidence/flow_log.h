// SPDX-License-Identifier: Apache-2.0
// FlowLog is the daemon's file of flow records: JSON Lines that are rotated by
// size and age and stay below a ceiling, docs/reference/flow-log.md. What
// cannot be written waits in a bounded buffer; what finds no room there is
// dropped and counted by its cause, and the log goes on by itself when it can.
// A file that is left, because it is rotated or the log ends, is on the disk.
//
// Time is the caller's wall clock, ns since the epoch. It may go back.
//
// Thread safety: one thread, the writer's; any thread may read counters().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/counter.h"
#include "dataplane/exported_flow.h"
#include "evidence/line_file.h"
#include "evidence/rotated_files.h"
#include "policy/edition.h"
#include "policy/terms.h"

namespace octroi {

struct FlowLogOptions {
  std::string path;
  // Flows of other verdicts are not written.
  std::vector<Verdict> verdicts = {Verdict::kViolation};
  // The file is rotated before it would be longer: at least buffer_bytes.
  uint64_t rotate_bytes = uint64_t{64} << 20;
  // And when its first record is that old; 0: never. At least a second.
  int64_t rotate_age_ns = int64_t{86'400} * 1'000'000'000;
  // The file and the rotated ones together: at least twice rotate_bytes. The
  // oldest rotated files are deleted before it would be exceeded.
  uint64_t ceiling_bytes = uint64_t{1} << 30;
  // Records that wait to be written: 1 KiB to kMaxLineBytes. A longer record
  // is lost.
  size_t buffer_bytes = kMaxLineBytes;

  friend bool operator==(const FlowLogOptions&,
                         const FlowLogOptions&) = default;
};

// Rotated files that are kept at most, whatever their size: with small files
// and a high ceiling their number would have no bound.
inline constexpr size_t kMaxRotatedFiles = 4096;

// Why a record that was chosen is in no file.
enum class FlowLogLoss : uint8_t {
  kDiskFull,
  kCeiling,
  kError,
  kTooLong,
  kCount,
};
struct FlowLogLossInfo {
  FlowLogLoss loss;
  std::string_view name;     // In metrics and events; never renamed.
  std::string_view meaning;  // For docs/reference/flow-log.md.
};
inline constexpr FlowLogLossInfo kFlowLogLosses[] = {
    {FlowLogLoss::kDiskFull, "flow_log_disk_full",
     "the file system had no room, or the quota was used up"},
    {FlowLogLoss::kCeiling, "flow_log_ceiling",
     "the ceiling was reached and no older file could be deleted"},
    {FlowLogLoss::kError, "flow_log_error",
     "the file could not be opened or written for another reason"},
    {FlowLogLoss::kTooLong, "flow_log_record_too_long",
     "the record was longer than the buffer"},
};
inline constexpr size_t kFlowLogLossCount =
    static_cast<size_t>(FlowLogLoss::kCount);
static_assert(std::size(kFlowLogLosses) == kFlowLogLossCount);

// Chosen records are written, lost, or waiting; never two of them.
struct FlowLogCounters {
  Counter written_records;
  Counter written_bytes;
  Counter not_chosen_records;
  std::array<Counter, kFlowLogLossCount> lost_records;  // By FlowLogLoss.
  Counter rotated_files;
  // Rotated files that made room, and what they held.
  Counter deleted_files;
  Counter deleted_bytes;
  // Parts of lines that a killed process left, cut off when the file was
  // opened.
  Counter mended_files;
  Counter mended_bytes;
};

class FlowLog {
 public:
  // Opens the log, or makes it, and mends what a killed process left. Fails if
  // an option is out of its bounds or the file cannot be used (LineFile::Open).
  static absl::StatusOr<std::unique_ptr<FlowLog>> Create(FlowLogOptions options,
                                                         int64_t now_ns);
  FlowLog(const FlowLog&) = delete;
  FlowLog& operator=(const FlowLog&) = delete;

  // Takes the flows whose verdicts are chosen; writes only when the buffer is
  // full. `timeline` made the editions that judged them.
  void Append(std::span<const ExportedFlow> flows,
              const EditionTimeline& timeline, int64_t now_ns);

  // Writes what waits, and rotates a file that has become too old. To be called
  // as often as records may be late. After a failure it tries again once a
  // second, and so does Append.
  void Flush(int64_t now_ns);

  // Writes what waits, then opens the path anew: for a file that was renamed
  // by somebody else. If the path cannot be opened, the file that is open
  // stays, and the error names the path.
  absl::Status Reopen(int64_t now_ns);

  // Writes what waits, to the disk; what still cannot be written is counted as
  // lost. To be called once, as the last.
  void Finish(int64_t now_ns);

  const FlowLogCounters& counters() const { return counters_; }
  size_t waiting_records() const { return waiting_records_; }
  // What keeps the log from being written or rotated, in a line that names the
  // path; OK if nothing does. As of the last attempt.
  const absl::Status& state() const { return state_; }

 private:
  FlowLog(FlowLogOptions options, int64_t now_ns);

  bool IsChosen(const ExportedFlow& flow) const;
  void WriteOut(int64_t now_ns, bool is_forced);
  absl::Status Open(int64_t now_ns);
  void RotateIfDue(int64_t now_ns);
  bool IsTooOld(int64_t now_ns) const;
  bool MakeRoom(uint64_t bytes);
  void BringToDisk();
  void Fail(FlowLogLoss cause, absl::Status why, int64_t now_ns);
  void Lose(FlowLogLoss cause, uint64_t records);

  // Constant after construction.
  const FlowLogOptions options_;

  // Writer thread only.
  RotatedFiles rotated_;
  std::unique_ptr<LineFile> file_;  // Null: could not be opened.
  int64_t first_record_ns_ = 0;     // Of file_, unless it is empty.
  std::string buffer_;              // Whole lines.
  size_t waiting_records_ = 0;      // In buffer_.
  absl::Status state_;
  std::optional<int64_t> failed_ns_;         // The last attempt, if it failed.
  FlowLogLoss cause_ = FlowLogLoss::kError;  // Of that failure.

  // Written by the writer, read by any thread.
  FlowLogCounters counters_;
};

}  // namespace octroi
