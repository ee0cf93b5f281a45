// SPDX-License-Identifier: Apache-2.0
#include "evidence/digest.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr size_t kReadBytes = 1 << 16;

std::string Hex(std::span<const uint8_t> bytes) {
  // sodium_bin2hex writes a terminating zero, which the string has room for.
  std::string hex(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  hex.pop_back();
  return hex;
}

absl::Status FileError(const std::string& path, int error) {
  return absl::NotFoundError(fmt::format(
      "{}: cannot be read: {}", path, std::generic_category().message(error)));
}

}  // namespace

struct Sha256::State {
  crypto_hash_sha256_state sha256;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  // Idempotent and safe from several threads.
  const int result = sodium_init();
  assert(result >= 0);
  crypto_hash_sha256_init(&state_->sha256);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::span<const uint8_t> bytes) {
  assert(state_ != nullptr);
  crypto_hash_sha256_update(&state_->sha256, bytes.data(), bytes.size());
}

void Sha256::Update(std::string_view text) {
  Update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string Sha256::FinishHex() {
  assert(state_ != nullptr);
  std::array<uint8_t, crypto_hash_sha256_BYTES> digest;
  crypto_hash_sha256_final(&state_->sha256, digest.data());
  state_.reset();
  return Hex(digest);
}

std::string Sha256Hex(std::span<const uint8_t> bytes) {
  Sha256 sha256;
  sha256.Update(bytes);
  return sha256.FinishHex();
}

std::string Sha256Hex(std::string_view text) {
  Sha256 sha256;
  sha256.Update(text);
  return sha256.FinishHex();
}

absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return FileError(path, errno);
  const absl::Cleanup closer = [file] { ::close(file); };

  Sha256 sha256;
  std::vector<uint8_t> buffer(kReadBytes);
  for (;;) {
    const ssize_t size = ::read(file, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FileError(path, errno);
    if (size == 0) return sha256.FinishHex();
    sha256.Update({buffer.data(), static_cast<size_t>(size)});
  }
}

}  // namespace octroi
