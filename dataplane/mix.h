// SPDX-License-Identifier: Apache-2.0
// The two steps that every seeded hash of this folder is made of. Pure; any
// thread.
#pragma once

#include <cstdint>

#include "geo/ip_address.h"

namespace octroi {

// Both halves of the 128-bit product: each input bit reaches most output bits.
// Keyed by adding secrets to `a` and `b` before.
inline uint64_t MultiplyMix(uint64_t a, uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The next number of the sequence that `state` stands in (SplitMix64): makes
// independent secrets from one seed.
inline uint64_t NextSecret(uint64_t* state) {
  *state += 0x9E3779B97F4A7C15;
  uint64_t z = *state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

}  // namespace octroi
