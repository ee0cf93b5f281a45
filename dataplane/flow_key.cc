// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_key.h"

namespace octroi {

IpAddress FlowKey::address(Endpoint endpoint) const {
  const uint64_t high = endpoint == Endpoint::kA ? a_high : b_high;
  const uint64_t low = endpoint == Endpoint::kA ? a_low : b_low;
  return is_v6 != 0 ? IpAddress::V6(high, low)
                    : IpAddress::V4(static_cast<uint32_t>(low));
}

FlowKey Unpack(const PackedKey& packed, const V6Addresses& v6) {
  FlowKey key;
  key.a_port = packed.a_port();
  key.b_port = packed.b_port();
  key.protocol_identifier = packed.protocol_identifier();
  key.tunnel = packed.tunnel() & (kTunnelNumberLimit - 1);
  key.is_v6 = packed.is_v6() ? 1 : 0;
  if (packed.is_v6()) {
    key.a_high = v6.a_high;
    key.a_low = v6.a_low;
    key.b_high = v6.b_high;
    key.b_low = v6.b_low;
  } else {
    key.a_low = packed.addresses >> 32;
    key.b_low = packed.addresses & UINT32_MAX;
  }
  return key;
}

FlowHasher::FlowHasher(uint64_t seed) {
  for (uint64_t& secret : secrets_) secret = NextSecret(&seed);
}

}  // namespace octroi
