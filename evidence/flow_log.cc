// SPDX-License-Identifier: Apache-2.0
#include "evidence/flow_log.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "evidence/flow_writer.h"
#include "fmt/format.h"
#include "geo/calendar.h"
#include "geo/elapsed.h"

namespace octroi {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kRetryNs = kNsPerSecond;
constexpr size_t kMinBufferBytes = 1024;
// Where the first record of a file says when it ended: near its begin.
constexpr size_t kHeadBytes = 4096;

absl::Status CheckOptions(const FlowLogOptions& options) {
  const auto refuse = [&](std::string_view what, auto found,
                          std::string_view accepted) {
    return absl::InvalidArgumentError(fmt::format(
        "{}: {}: {}; give {}", options.path, what, found, accepted));
  };
  if (options.buffer_bytes < kMinBufferBytes ||
      options.buffer_bytes > kMaxLineBytes) {
    return refuse("bytes of the buffer", options.buffer_bytes,
                  fmt::format("{} to {}", kMinBufferBytes, kMaxLineBytes));
  }
  if (options.rotate_bytes < options.buffer_bytes) {
    return refuse("bytes at which it is rotated", options.rotate_bytes,
                  fmt::format("{} or more", options.buffer_bytes));
  }
  if (options.ceiling_bytes / 2 < options.rotate_bytes) {
    return refuse("bytes of all files together", options.ceiling_bytes,
                  "at least twice those at which it is rotated");
  }
  if (options.rotate_age_ns != 0 && options.rotate_age_ns < kNsPerSecond) {
    return refuse("age in ns at which it is rotated", options.rotate_age_ns,
                  "0 for never, or a second or more");
  }
  return absl::OkStatus();
}

// When the first record of a file ended, which is about when it was written;
// `now_ns` if it does not say, or says a time to come.
int64_t FirstRecordNs(const LineFile& file, int64_t now_ns) {
  constexpr std::string_view kKey = "\"end\":\"";
  const std::string head = file.Head(kHeadBytes);
  const size_t key = head.find(kKey);
  if (key == std::string::npos) return now_ns;
  const size_t begin = key + kKey.size();
  const size_t end = head.find('"', begin);
  if (end == std::string::npos) return now_ns;
  const auto ns =
      ParseInstant(std::string_view(head).substr(begin, end - begin));
  return ns ? std::min(*ns, now_ns) : now_ns;
}

FlowLogLoss CauseOf(const absl::Status& of_opening) {
  return absl::IsResourceExhausted(of_opening) ? FlowLogLoss::kDiskFull
                                               : FlowLogLoss::kError;
}

}  // namespace

FlowLog::FlowLog(FlowLogOptions options, int64_t now_ns)
    : options_(std::move(options)),
      rotated_(options_.path),
      first_record_ns_(now_ns) {
  buffer_.reserve(options_.buffer_bytes);
}

absl::StatusOr<std::unique_ptr<FlowLog>> FlowLog::Create(FlowLogOptions options,
                                                         int64_t now_ns) {
  absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  std::unique_ptr<FlowLog> log(new FlowLog(std::move(options), now_ns));
  status = log->Open(now_ns);
  if (!status.ok()) return status;
  log->MakeRoom(0);
  return log;
}

void FlowLog::Append(std::span<const ExportedFlow> flows,
                     const EditionTimeline& timeline, int64_t now_ns) {
  for (const ExportedFlow& flow : flows) {
    if (!IsChosen(flow)) {
      counters_.not_chosen_records.Add(1);
      continue;
    }
    const std::string line = FlowToJson(flow, timeline) + '\n';
    if (line.size() > options_.buffer_bytes) {
      Lose(FlowLogLoss::kTooLong, 1);
      continue;
    }
    const auto has_room = [&] {
      return buffer_.size() + line.size() <= options_.buffer_bytes;
    };
    if (!has_room()) WriteOut(now_ns, /*is_forced=*/false);
    if (!has_room()) {
      Lose(cause_, 1);
      continue;
    }
    buffer_ += line;
    ++waiting_records_;
  }
}

void FlowLog::Flush(int64_t now_ns) { WriteOut(now_ns, /*is_forced=*/false); }

absl::Status FlowLog::Reopen(int64_t now_ns) {
  WriteOut(now_ns, /*is_forced=*/true);
  BringToDisk();
  return Open(now_ns);
}

void FlowLog::Finish(int64_t now_ns) {
  WriteOut(now_ns, /*is_forced=*/true);
  Lose(cause_, waiting_records_);
  buffer_.clear();
  waiting_records_ = 0;
  BringToDisk();
}

bool FlowLog::IsChosen(const ExportedFlow& flow) const {
  return std::find(options_.verdicts.begin(), options_.verdicts.end(),
                   flow.record.judgement.verdict) != options_.verdicts.end();
}

// After a failure, only once in a while unless forced.
void FlowLog::WriteOut(int64_t now_ns, bool is_forced) {
  if (!is_forced && failed_ns_ && !HasElapsed(*failed_ns_, now_ns, kRetryNs)) {
    return;
  }
  failed_ns_.reset();
  state_ = absl::OkStatus();
  if (file_ == nullptr || file_->is_deleted()) {
    const absl::Status status = Open(now_ns);
    if (!status.ok()) return Fail(CauseOf(status), status, now_ns);
  }
  RotateIfDue(now_ns);
  if (file_ == nullptr || buffer_.empty()) return;
  if (!MakeRoom(buffer_.size())) {
    return Fail(FlowLogLoss::kCeiling,
                absl::ResourceExhaustedError(fmt::format(
                    "{}: the ceiling of {} bytes is reached, and no older "
                    "file can be deleted; let octroi write to the folder",
                    options_.path, options_.ceiling_bytes)),
                now_ns);
  }
  if (file_->size() == 0) first_record_ns_ = now_ns;
  const LineFile::WriteResult result = file_->Write(buffer_);
  const auto written_end =
      buffer_.begin() + static_cast<ptrdiff_t>(result.written_bytes);
  const auto records =
      static_cast<size_t>(std::count(buffer_.begin(), written_end, '\n'));
  buffer_.erase(buffer_.begin(), written_end);
  waiting_records_ -= records;
  counters_.written_records.Add(records);
  counters_.written_bytes.Add(result.written_bytes);
  if (result.error == 0) return;
  Fail(IsDiskFull(result.error) ? FlowLogLoss::kDiskFull : FlowLogLoss::kError,
       absl::UnavailableError(
           fmt::format("{}: cannot be written: {}", options_.path,
                       std::generic_category().message(result.error))),
       now_ns);
}

// Opens the path, and looks at what stands beside it. The file that was open
// stays if the path cannot be opened.
absl::Status FlowLog::Open(int64_t now_ns) {
  auto file = LineFile::Open(options_.path);
  if (!file.ok()) return file.status();
  const absl::Status status = rotated_.Scan();
  if (!status.ok()) return status;
  file_ = *std::move(file);
  first_record_ns_ = FirstRecordNs(*file_, now_ns);
  if (file_->mended_bytes() != 0) {
    counters_.mended_files.Add(1);
    counters_.mended_bytes.Add(file_->mended_bytes());
  }
  return absl::OkStatus();
}

// If the file cannot be renamed, it grows until the ceiling stops it.
void FlowLog::RotateIfDue(int64_t now_ns) {
  const uint64_t bytes = file_->size();
  if (bytes == 0) return;
  const bool is_too_long = bytes + buffer_.size() > options_.rotate_bytes;
  if (!is_too_long && !IsTooOld(now_ns)) return;
  if (file_->IsAt(options_.path)) {
    state_ = rotated_.Rotate(bytes, now_ns);
    if (!state_.ok()) return;
    counters_.rotated_files.Add(1);
  }
  BringToDisk();
  // Renamed, by this or by somebody else: the path is free for the next file.
  file_.reset();
  const absl::Status status = Open(now_ns);
  if (!status.ok()) Fail(CauseOf(status), status, now_ns);
}

bool FlowLog::IsTooOld(int64_t now_ns) const {
  return options_.rotate_age_ns != 0 &&
         now_ns - first_record_ns_ >= options_.rotate_age_ns;
}

// Deletes rotated files until there is room for so many bytes more.
bool FlowLog::MakeRoom(uint64_t bytes) {
  while (rotated_.size() > kMaxRotatedFiles ||
         file_->size() + rotated_.total_bytes() + bytes >
             options_.ceiling_bytes) {
    const auto removal = rotated_.RemoveOldest();
    if (!removal) return false;
    counters_.deleted_files.Add(removal->was_there ? 1 : 0);
    counters_.deleted_bytes.Add(removal->was_there ? removal->bytes : 0);
  }
  return true;
}

// What was written so far, and the name that it stands under. An error is told,
// and no record is counted as lost: they are in the file, though a power cut
// may take them.
void FlowLog::BringToDisk() {
  if (file_ == nullptr) return;
  int error = file_->Sync();
  if (error == 0) error = rotated_.SyncFolder();
  if (error == 0) return;
  state_ = absl::UnavailableError(
      fmt::format("{}: cannot be brought to the disk: {}; a power cut may take "
                  "records that were written",
                  options_.path, std::generic_category().message(error)));
}

void FlowLog::Fail(FlowLogLoss cause, absl::Status why, int64_t now_ns) {
  cause_ = cause;
  state_ = std::move(why);
  failed_ns_ = now_ns;
}

void FlowLog::Lose(FlowLogLoss cause, uint64_t records) {
  counters_.lost_records[static_cast<size_t>(cause)].Add(records);
}

}  // namespace octroi
