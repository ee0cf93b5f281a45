// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) of bytes, as lower-case hex: the name that evidence,
// editions and results give to their inputs. The same text that coreutils'
// sha256sum prints.
//
// Thread safety: free functions from any thread; a Sha256 belongs to one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace octroi {

// A digest of bytes that arrive piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  // REQUIRES: FinishHex has not been called.
  void Update(std::span<const uint8_t> bytes);
  void Update(std::string_view text);

  // The digest of all bytes so far, 64 hex digits. Called once, at the end.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The digest of `bytes`, 64 hex digits.
std::string Sha256Hex(std::span<const uint8_t> bytes);
std::string Sha256Hex(std::string_view text);

}  // namespace octroi
