// SPDX-License-Identifier: Apache-2.0
// A network interface as an observation point: libpcap with a TPACKET_V3 ring
// per worker, among which the kernel shares packets out by the pair of their
// addresses (PACKET_FANOUT with address_fanout.h's program): all packets of a
// flow meet one worker, fragments included.
//
// The header bytes of each packet are copied out of the ring, since libpcap
// gives a block back to the kernel in the middle of a burst. A VLAN tag that
// the hardware took off is put back by libpcap. Packets of the loopback
// interface are handed over once.
//
// What needs a privilege (CAP_NET_RAW) is done in Open. An interface that goes
// and comes back, with another index as well, is followed by binding the open
// socket anew, which needs none. The kernel refuses that for sockets in a
// fanout group: with several workers a removed interface is lost for good
// (PointState::kLost).
//
// Thread safety: as observation_point.h says.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/link_monitor.h"
#include "dataplane/observation_point.h"

namespace octroi {

// Which packets of an interface are handed over, by the kernel's packet type.
enum class CaptureDirection : uint8_t { kBoth, kIncoming, kOutgoing };

struct InterfaceOptions {
  std::string interface_name = {};
  uint32_t worker_count = 1;  // 1 to kMaxWorkers
  CaptureDirection direction = CaptureDirection::kBoth;
  // Also what is addressed to others: for mirror ports.
  bool is_promiscuous = false;
  // A filter in libpcap's language, in force in the kernel; "" for every
  // packet. What it rejects is not received and not counted.
  std::string filter = {};
  // Of each worker's ring, bytes, within the bounds below.
  uint32_t ring_bytes = 32u << 20;
  // Bytes of a packet that are handed over, from the frame's start. Lengths
  // are those of the wire, also of packets that offloads have joined.
  uint32_t snap_octets = 256;

  friend bool operator==(const InterfaceOptions&,
                         const InterfaceOptions&) = default;
};
inline constexpr uint32_t kMinRingBytes = 1u << 20;
inline constexpr uint32_t kMaxRingBytes = 1u << 30;
// Ethernet with a VLAN tag, IPv6, and TCP up to its flags need 72.
inline constexpr uint32_t kMinSnapOctets = 96;
inline constexpr uint32_t kMaxSnapOctets = 65'535;

class InterfacePoint final : public ObservationPoint {
 public:
  // Opens one ring per worker and starts to receive. Fails, saying what to do,
  // if there is no such interface, it is of a kind that octroi cannot decode,
  // the filter is not one, or the privilege is missing.
  static absl::StatusOr<std::unique_ptr<InterfacePoint>> Open(
      const InterfaceOptions& options);
  ~InterfacePoint() override;

  const std::string& name() const override { return options_.interface_name; }
  size_t source_count() const override { return sources_.size(); }
  LiveSource* source(size_t index) override;
  PointStatus Observe() override;

 private:
  class Source;

  InterfacePoint(InterfaceOptions options,
                 std::unique_ptr<LinkMonitor> monitor);

  absl::Status OpenSources();
  absl::Status JoinFanout();
  bool Follow(const Link& link);
  void CountInterfaceLosses(const Link& link);

  const InterfaceOptions options_;
  std::vector<std::unique_ptr<Source>> sources_;

  // Control thread only.
  std::unique_ptr<LinkMonitor> monitor_;
  int bound_index_ = 0;
  bool is_lost_ = false;
  uint64_t ring_losses_ = 0;
  uint64_t interface_losses_ = 0;
  uint64_t missed_before_ = 0;  // Link::missed_packets when last looked at.
};

// The version of libpcap that runs, "1.10.3"; what it says of itself if it has
// another form.
std::string LibpcapVersion();

}  // namespace octroi
