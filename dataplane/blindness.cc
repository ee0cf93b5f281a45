// SPDX-License-Identifier: Apache-2.0
#include "dataplane/blindness.h"

#include <array>
#include <cassert>

namespace octroi {

std::string_view BlindCauseName(BlindCause cause) {
  constexpr std::array<std::string_view, kBlindCauseCount> kNames = {
      "loss", "down", "gone", "deaf", "stalled"};
  return kNames[static_cast<size_t>(cause)];
}

BlindnessTracker::BlindnessTracker(int64_t now_ns)
    : observed_ns_(now_ns), received_ns_(now_ns) {}

BlindnessChange BlindnessTracker::Observe(int64_t now_ns,
                                          const PointSighting& sighting) {
  assert(now_ns >= observed_ns_);
  BlindnessChange change;
  ObserveSilence(now_ns, sighting, &change);
  const uint64_t known_losses = sighting.status.losses.known();
  const uint64_t lost_packets = known_losses - known_losses_;
  const std::optional<BlindCause> cause = CauseOf(now_ns, sighting);
  known_losses_ = known_losses;
  if (cause) {
    const bool is_new = !open_;
    if (is_new) open_ = BlindInterval{observed_ns_, now_ns, *cause, 0};
    last_blind_ns_ = now_ns;
    open_->until_ns = now_ns;
    open_->lost_packets += lost_packets;
    if (is_new) change.opened = open_;
  }
  observed_ns_ = now_ns;
  if (open_ && now_ns - last_blind_ns_ >= kQuietNs) change.closed = Close();
  return change;
}

BlindnessChange BlindnessTracker::Finish(int64_t now_ns) {
  assert(now_ns >= observed_ns_);
  BlindnessChange change;
  if (open_) change.closed = Close();
  return change;
}

// REQUIRES: an interval is open.
BlindInterval BlindnessTracker::Close() {
  const BlindInterval closed = *open_;
  closed_ns_ += closed.until_ns - closed.from_ns;
  open_.reset();
  return closed;
}

int64_t BlindnessTracker::blind_ns() const {
  return closed_ns_ + (open_ ? open_->until_ns - open_->from_ns : 0);
}

std::optional<BlindCause> BlindnessTracker::CauseOf(
    int64_t now_ns, const PointSighting& sighting) {
  switch (sighting.status.state) {
    case PointState::kDown:
      return BlindCause::kDown;
    case PointState::kGone:
    case PointState::kLost:
      return BlindCause::kGone;
    case PointState::kUp:
      break;
  }
  if (sighting.is_stalled) return BlindCause::kStalled;
  if (sighting.status.losses.known() > known_losses_) return BlindCause::kLoss;
  const auto& counted = sighting.status.interface_packets;
  const bool is_deaf = sighting.receives_everything && counted &&
                       interface_packets_ && *counted > *interface_packets_ &&
                       now_ns - received_ns_ >= kDeafNs;
  if (is_deaf) return BlindCause::kDeaf;
  return std::nullopt;
}

void BlindnessTracker::ObserveSilence(int64_t now_ns,
                                      const PointSighting& sighting,
                                      BlindnessChange* change) {
  if (sighting.received_packets > received_packets_ || !interface_packets_) {
    interface_packets_ = sighting.status.interface_packets;
  }
  if (sighting.received_packets > received_packets_) {
    received_packets_ = sighting.received_packets;
    received_ns_ = now_ns;
    has_received_ = true;
    change->spoke_again = is_silent_;
    is_silent_ = false;
    return;
  }
  const bool is_up = sighting.status.state == PointState::kUp;
  if (has_received_ && is_up && !is_silent_ &&
      now_ns - received_ns_ >= kSilenceNs) {
    is_silent_ = true;
    change->fell_silent = true;
  }
}

}  // namespace octroi
