// SPDX-License-Identifier: Apache-2.0
#include "dataplane/capture_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <limits>
#include <utility>

#include "fmt/format.h"

namespace octroi {
namespace {

// Whether reading it twice gives the same bytes twice.
bool CanBeReopened(const std::string& path) {
  struct stat facts {};
  return path != "-" && ::stat(path.c_str(), &facts) == 0 &&
         S_ISREG(facts.st_mode);
}

}  // namespace

struct CaptureSource::Capture {
  size_t index = 0;
  // The clock at the first packet, seen when the source was made.
  int64_t first_clock_ns = 0;
  std::unique_ptr<CaptureReader> reader;  // Null until it is due.
  // The batch that was read last, handed out up to `position`.
  std::array<Packet, kMaxBurst> packets;
  size_t size = 0;
  size_t position = 0;

  bool ReadOn() {
    size = reader->Next(packets);
    position = 0;
    return size > 0;
  }
  MergeKey key() const {
    return {position < size ? packets[position].clock_ns : first_clock_ns,
            index};
  }
};

absl::StatusOr<std::unique_ptr<CaptureSource>> CaptureSource::Create(
    CaptureSourceOptions options) {
  if (options.paths.empty()) {
    return absl::InvalidArgumentError(
        "no capture given; one path or more is accepted, or \"-\" for standard "
        "input");
  }
  std::unique_ptr<CaptureSource> source(new CaptureSource(std::move(options)));
  for (size_t i = 0; i < source->options_.paths.size(); ++i) {
    source->Prepare(i);
  }
  std::sort(source->pending_.begin(), source->pending_.end(),
            [](const auto& a, const auto& b) { return a->key() > b->key(); });
  return source;
}

CaptureSource::CaptureSource(CaptureSourceOptions options)
    : options_(std::move(options)),
      bytes_total_(0),
      summaries_(options_.paths.size()),
      statuses_(options_.paths.size()) {
  for (size_t i = 0; i < options_.paths.size(); ++i) {
    summaries_[i].path = options_.paths[i];
  }
}

CaptureSource::~CaptureSource() = default;

// Looks at the first packet of a capture. A regular file is closed again, and
// read from its start, past the observer, when it is due.
void CaptureSource::Prepare(size_t index) {
  const std::string& path = options_.paths[index];
  const auto begin = options_.paths.begin();
  if (path == "-" && std::find(begin, begin + static_cast<ptrdiff_t>(index),
                               path) != begin + static_cast<ptrdiff_t>(index)) {
    statuses_[index] = absl::InvalidArgumentError(
        "standard input: given twice; it can be read once");
    return;
  }
  const bool can_be_reopened = CanBeReopened(path);
  absl::StatusOr<std::unique_ptr<CaptureReader>> reader = CaptureReader::Open(
      {.path = path,
       .observer = can_be_reopened ? nullptr : MakeObserver(index)});
  if (!reader.ok()) {
    statuses_[index] = reader.status();
    return;
  }
  auto capture = std::make_unique<Capture>();
  capture->index = index;
  capture->reader = *std::move(reader);
  const std::optional<uint64_t> bytes = capture->reader->file_bytes();
  if (bytes_total_.has_value() && bytes.has_value()) {
    *bytes_total_ += *bytes;
  } else {
    bytes_total_.reset();
  }
  // A capture without packets comes first: it is over at once.
  if (capture->ReadOn()) capture->first_clock_ns = capture->key().clock_ns;
  if (can_be_reopened) {
    capture->reader.reset();
    capture->size = 0;
  }
  pending_.push_back(std::move(capture));
}

// Counts the raw bytes for progress() on their way to the caller's observer.
ByteStream::Observer CaptureSource::MakeObserver(size_t index) {
  ByteStream::Observer observer;
  if (options_.make_observer) observer = options_.make_observer(index);
  return [this, observer = std::move(observer)](std::span<const uint8_t> raw) {
    bytes_read_.store(bytes_read_.load(std::memory_order_relaxed) + raw.size(),
                      std::memory_order_relaxed);
    if (observer) observer(raw);
  };
}

size_t CaptureSource::ReceiveBurst(PacketBurst* burst) {
  burst->size = 0;
  if (used_up_ != nullptr) {
    if (open_.empty() && pending_.empty()) return ReceiveFromLast(burst);
    Refill(std::move(used_up_));
  }
  while (burst->size < kMaxBurst && used_up_ == nullptr) {
    OpenDue();
    if (open_.empty()) break;
    TakeRun(burst);
  }
  return burst->size;
}

void CaptureSource::ReleaseBurst(PacketBurst* burst) {
  burst->size = 0;
  lender_count_ = 0;
}

// No reader is read on or let go of between a burst and its release.
void CaptureSource::HoldBytes(HeldBytes* held) {
  for (size_t i = 0; i < lender_count_; ++i) lenders_[i]->HoldBytes(held);
}

// Of the capture that is read, if only one is.
std::shared_ptr<BytesAhead> CaptureSource::PlanAhead() {
  if (used_up_ != nullptr && open_.empty())
    return used_up_->reader->PlanAhead();
  if (used_up_ == nullptr && open_.size() == 1) {
    return open_.front()->reader->PlanAhead();
  }
  return nullptr;
}

bool CaptureSource::is_finished() const {
  return pending_.empty() && open_.empty() && used_up_ == nullptr;
}

CaptureProgress CaptureSource::progress() const {
  return {.bytes_read = bytes_read_.load(std::memory_order_relaxed),
          .bytes_total = bytes_total_};
}

// Opens the captures whose first packet comes before any that is at hand.
void CaptureSource::OpenDue() {
  while (!pending_.empty() &&
         (open_.empty() || pending_.back()->key() < open_.front()->key())) {
    std::unique_ptr<Capture> capture = std::move(pending_.back());
    pending_.pop_back();
    if (capture->reader != nullptr) {
      // Could be read only once: its first batch is waiting, if it has one.
      if (capture->size > 0) {
        PushOpen(std::move(capture));
      } else {
        Refill(std::move(capture));
      }
      continue;
    }
    absl::StatusOr<std::unique_ptr<CaptureReader>> reader =
        CaptureReader::Open({.path = options_.paths[capture->index],
                             .observer = MakeObserver(capture->index)});
    if (!reader.ok()) {
      statuses_[capture->index] = reader.status();
      continue;
    }
    capture->reader = *std::move(reader);
    Refill(std::move(capture));
  }
}

// The one capture that is left has nothing to be merged with: it is read into
// the burst.
size_t CaptureSource::ReceiveFromLast(PacketBurst* burst) {
  burst->size = used_up_->reader->Next(burst->packets);
  if (burst->size == 0) {
    Close(std::move(used_up_));
    return 0;
  }
  lenders_[lender_count_++] = used_up_->reader.get();
  // A capture that has ended may have had a later clock.
  for (size_t i = 0; i < burst->size; ++i) {
    if (burst->packets[i].clock_ns >= clock_ns_) break;
    burst->packets[i].clock_ns = clock_ns_;
  }
  clock_ns_ = burst->packets[burst->size - 1].clock_ns;
  return burst->size;
}

// Reads the next packets of a capture, or takes its result and lets it go.
void CaptureSource::Refill(std::unique_ptr<Capture> capture) {
  if (capture->ReadOn()) return PushOpen(std::move(capture));
  Close(std::move(capture));
}

void CaptureSource::Close(std::unique_ptr<Capture> capture) {
  summaries_[capture->index] = capture->reader->summary();
  statuses_[capture->index] = capture->reader->status();
}

// Hands out packets of the capture that is next, up to where another one is.
void CaptureSource::TakeRun(PacketBurst* burst) {
  std::unique_ptr<Capture> capture = PopOpen();
  const MergeKey limit = NextKey();
  lenders_[lender_count_++] = capture->reader.get();
  do {
    Packet& packet = burst->packets[burst->size++];
    packet = capture->packets[capture->position++];
    clock_ns_ = std::max(clock_ns_, packet.clock_ns);
    packet.clock_ns = clock_ns_;
  } while (burst->size < kMaxBurst && capture->position < capture->size &&
           capture->key() < limit);
  if (capture->position < capture->size) {
    PushOpen(std::move(capture));
  } else {
    used_up_ = std::move(capture);
  }
}

// The key of the first packet among all captures, open or not.
CaptureSource::MergeKey CaptureSource::NextKey() const {
  MergeKey next{std::numeric_limits<int64_t>::max(),
                std::numeric_limits<size_t>::max()};
  if (!open_.empty()) next = std::min(next, open_.front()->key());
  if (!pending_.empty()) next = std::min(next, pending_.back()->key());
  return next;
}

void CaptureSource::PushOpen(std::unique_ptr<Capture> capture) {
  open_.push_back(std::move(capture));
  std::push_heap(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
    return a->key() > b->key();
  });
}

std::unique_ptr<CaptureSource::Capture> CaptureSource::PopOpen() {
  std::pop_heap(open_.begin(), open_.end(), [](const auto& a, const auto& b) {
    return a->key() > b->key();
  });
  std::unique_ptr<Capture> capture = std::move(open_.back());
  open_.pop_back();
  return capture;
}

}  // namespace octroi
