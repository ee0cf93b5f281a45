// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow_key.h"

#include <cassert>
#include <cstring>

#include "dataplane/mix.h"

namespace octroi {

IpAddress FlowKey::address(Endpoint endpoint) const {
  const uint64_t high = endpoint == Endpoint::kA ? a_high : b_high;
  const uint64_t low = endpoint == Endpoint::kA ? a_low : b_low;
  return is_v6 != 0 ? IpAddress::V6(high, low)
                    : IpAddress::V4(static_cast<uint32_t>(low));
}

DirectedKey MakeFlowKey(const IpLayer& layer, TunnelNumber tunnel) {
  assert(tunnel < kTunnelNumberLimit);
  const bool is_sent_by_a = layer.source < layer.destination ||
                            (layer.source == layer.destination &&
                             layer.source_port <= layer.destination_port);
  const IpAddress& a = is_sent_by_a ? layer.source : layer.destination;
  const IpAddress& b = is_sent_by_a ? layer.destination : layer.source;

  DirectedKey directed;
  directed.sender = is_sent_by_a ? Endpoint::kA : Endpoint::kB;
  FlowKey& key = directed.key;
  key.a_high = a.high();
  key.a_low = a.low();
  key.b_high = b.high();
  key.b_low = b.low();
  key.a_port = is_sent_by_a ? layer.source_port : layer.destination_port;
  key.b_port = is_sent_by_a ? layer.destination_port : layer.source_port;
  key.protocol_identifier = layer.protocol_identifier;
  key.is_v6 = a.is_v4() ? 0 : 1;
  key.tunnel = tunnel & (kTunnelNumberLimit - 1);
  return directed;
}

FlowHasher::FlowHasher(uint64_t seed) {
  for (uint64_t& secret : secrets_) secret = NextSecret(&seed);
}

uint32_t FlowHasher::Hash(const FlowKey& key) const {
  std::array<uint64_t, 5> words;
  static_assert(sizeof(words) == sizeof(key));
  std::memcpy(words.data(), &key, sizeof(key));
  const uint64_t addresses =
      MultiplyMix(words[0] ^ secrets_[0], words[1] ^ secrets_[1]) ^
      MultiplyMix(words[2] ^ secrets_[2], words[3] ^ secrets_[3]);
  const uint64_t all =
      MultiplyMix(addresses ^ secrets_[4], words[4] ^ secrets_[5]);
  return static_cast<uint32_t>(all ^ (all >> 32));
}

}  // namespace octroi
