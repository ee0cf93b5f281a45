// SPDX-License-Identifier: Apache-2.0
// A sum of 64-bit words that tells a damaged file from a whole one, at the pace
// at which memory is read. A change within one word never goes unnoticed; other
// damage does so once in 2^64 times. It is no signature: whoever can write the
// file can write its sum.
//
// Free function; any thread.
#pragma once

#include <cstdint>
#include <span>

namespace octroi {

uint64_t ChecksumOf(std::span<const uint64_t> words);

}  // namespace octroi
