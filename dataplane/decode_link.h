// SPDX-License-Identifier: Apache-2.0
// The part of decode below IP: from the first byte of a frame, or of what a
// tunnel carries, to an IP header. One loop over one switch; no recursion, so
// a hostile frame can only spend its header budget. Free functions, any thread.
#pragma once

#include <cstdint>

#include "dataplane/drop_reason.h"
#include "dataplane/frame_view.h"
#include "dataplane/limits.h"
#include "dataplane/packet.h"

namespace octroi {

// What the next header is: an EtherType where there is one, and a number above
// 16 bits where there is none.
enum NextHeader : uint32_t {
  kNextIpv4 = 0x0800,
  kNextBridgedEthernet = 0x6558,  // In GRE and Geneve.
  kNextVlan = 0x8100,
  kNextIpv6 = 0x86dd,
  kNextGrePpp = 0x880b,
  kNextMpls = 0x8847,
  kNextMplsMulticast = 0x8848,
  kNextPppoeSession = 0x8864,
  kNextServiceVlan = 0x88a8,  // IEEE 802.1ad
  kNextMacsec = 0x88e5,       // IEEE 802.1AE
  kNextVlan9100 = 0x9100,     // QinQ as vendors had it before 802.1ad.
  kNextVlan9200 = 0x9200,

  kNextEthernet = 0x10000,
  kNextLlc,
  kNextPpp,
  kNextChdlc,
  kNextIeee80211,
  kNextIpByVersion,  // IP of the version that its first four bits say.
  kNextMplsPayload,  // What follows the bottom of a label stack.
};

// Where the walk through a packet's headers stands.
struct HeaderWalk {
  FrameView rest;
  uint32_t next = kNextEthernet;  // A NextHeader, or another EtherType.
  // Headers that may still be walked, whatever their kind.
  int headers_left = kMaxDecodedHeaders;

  // Takes one from the budget; false if nothing is left of it.
  bool TakeHeader() { return headers_left-- > 0; }
};

// Sets `walk` to the start of `packet`, with the header of a link type that
// needs one (cooked, loopback, radiotap) already read.
DropReason StartWalk(const Packet& packet, HeaderWalk* walk);

// Walks until walk->next is kNextIpv4 or kNextIpv6 and walk->rest begins with
// that header, of which nothing has been read. Else a reason, and `walk` is of
// no further use.
DropReason WalkToIp(HeaderWalk* walk);

}  // namespace octroi
