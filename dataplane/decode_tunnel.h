// SPDX-License-Identifier: Apache-2.0
// The part of decode that looks for a tunnel behind an IP layer. A tunnel is
// only a suspicion until an IP header is found inside: decode.cc walks on and
// believes it then. Free functions, any thread.
#pragma once

#include <cstdint>

#include "dataplane/decode.h"
#include "dataplane/decode_link.h"

namespace octroi {

struct TunnelHeader {
  TunnelKind kind = TunnelKind::kNone;
  uint32_t id = 0;  // As DecodedPacket::tunnel_id.
};

// Whether a UDP datagram between these ports may be a tunnel. Hot path.
inline bool IsUdpTunnelPort(uint16_t source_port, uint16_t destination_port) {
  switch (destination_port) {
    case 1701:  // L2TP, RFC 2661 §8.1.
    case 2152:  // GTP-U, TS 29.281 §4.4.2.
    case 4789:  // VXLAN, RFC 7348 §5.
    case 4790:  // VXLAN-GPE.
    case 6081:  // Geneve, RFC 8926 §3.3.
    case 6635:  // MPLS, RFC 7510 §3.
    case 8472:  // VXLAN as Linux had it before there was a number.
      return true;
    default:
      return source_port == 1701;  // L2TP answers to any port.
  }
}

// Reads the tunnel headers that follow `layer` at walk->rest, as DecodeIp left
// it, and moves `walk` to the first header inside. False if there is no tunnel
// or its headers contradict themselves; `walk` is of no further use then.
bool EnterTunnel(const IpLayer& layer, HeaderWalk* walk, TunnelHeader* tunnel);

}  // namespace octroi
