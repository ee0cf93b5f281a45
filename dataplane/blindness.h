// SPDX-License-Identifier: Apache-2.0
// When an observation point did not see everything. An interval opens with the
// observation that finds a loss, and reaches back to the last one that found
// none; it closes when a second has passed without another. A link that is down
// or gone is blind as well: what it would have carried is not known.
//
// Silence is told apart: a link that had traffic and has none may be idle, or a
// mirror that was unplugged. It is reported, and is not blindness, unless the
// interface itself counts packets that do not arrive.
//
// Time is the caller's: ns of a clock that does not go back. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/observation_point.h"

namespace octroi {

// Why an interval is blind: the first cause that was found.
enum class BlindCause : uint8_t {
  kLoss,     // Packets were lost, as many as are told, or more.
  kDown,     // The link was down.
  kGone,     // The interface was removed.
  kDeaf,     // The interface counted packets, and none was received.
  kStalled,  // A worker made no progress.
};
inline constexpr size_t kBlindCauseCount = 5;
// "loss", "down", "gone", "deaf", "stalled".
std::string_view BlindCauseName(BlindCause cause);

struct BlindInterval {
  int64_t from_ns = 0;
  int64_t until_ns = 0;  // As far as known while it is open.
  BlindCause cause = BlindCause::kLoss;
  // Packets that are known to be lost in it; 0 does not mean none.
  uint64_t lost_packets = 0;
};

// What was seen of a point at one time.
struct PointSighting {
  PointStatus status;
  // Packets that workers received of it so far.
  uint64_t received_packets = 0;
  // Every packet of the interface should be received: no filter, both
  // directions.
  bool receives_everything = true;
  bool is_stalled = false;
};

// What an observation changed.
struct BlindnessChange {
  std::optional<BlindInterval> opened;
  std::optional<BlindInterval> closed;
  bool fell_silent = false;
  bool spoke_again = false;
};

class BlindnessTracker {
 public:
  // A quiet time that closes an interval.
  static constexpr int64_t kQuietNs = 1'000'000'000;
  // A link with traffic that has none for so long is silent.
  static constexpr int64_t kSilenceNs = 30'000'000'000;
  // An interface that counts packets while none arrives is given so long: what
  // is in the ring has been received by then.
  static constexpr int64_t kDeafNs = 2'000'000'000;

  // The point has just been opened, and nothing was lost before.
  explicit BlindnessTracker(int64_t now_ns);

  // REQUIRES: now_ns is not before that of the last call.
  BlindnessChange Observe(int64_t now_ns, const PointSighting& sighting);
  // No observation will follow: closes the interval that is open.
  BlindnessChange Finish(int64_t now_ns);

  // The sum of all intervals so far, that which is open included.
  int64_t blind_ns() const;
  const std::optional<BlindInterval>& open() const { return open_; }
  bool is_silent() const { return is_silent_; }

 private:
  BlindInterval Close();
  std::optional<BlindCause> CauseOf(int64_t now_ns,
                                    const PointSighting& sighting);
  void ObserveSilence(int64_t now_ns, const PointSighting& sighting,
                      BlindnessChange* change);

  std::optional<BlindInterval> open_;
  int64_t closed_ns_ = 0;      // Sum of the intervals that are closed.
  int64_t observed_ns_ = 0;    // The last observation.
  int64_t last_blind_ns_ = 0;  // The last one that found a cause.
  uint64_t known_losses_ = 0;
  uint64_t received_packets_ = 0;
  int64_t received_ns_ = 0;  // When a packet was last found received.
  bool has_received_ = false;
  bool is_silent_ = false;
  // What the interface had counted when a packet was last found received.
  std::optional<uint64_t> interface_packets_;
};

}  // namespace octroi
