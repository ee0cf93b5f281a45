// SPDX-License-Identifier: Apache-2.0
#include "evidence/digest.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "fmt/format.h"
#include "openssl/crypto.h"
#include "openssl/evp.h"

namespace octroi {
namespace {

constexpr size_t kReadBytes = 1 << 16;

constexpr size_t kSha256Bytes = 32;

std::string Hex(std::span<const uint8_t> bytes) {
  std::string hex;
  for (const uint8_t byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

// SHA-256 of memory fails only where libcrypto has no memory itself: then as
// operator new would, since a digest that is not one must not be written.
void MustSucceed(int result) {
  if (result != 1) std::abort();
}

absl::Status FileError(const std::string& path, int error) {
  return absl::NotFoundError(fmt::format(
      "{}: cannot be read: {}", path, std::generic_category().message(error)));
}

}  // namespace

struct Sha256::State {
  State() {
    // Without the system's configuration, which can only replace what is
    // needed here. Idempotent and safe from several threads.
    MustSucceed(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr));
    context = EVP_MD_CTX_new();
    if (context == nullptr) std::abort();
    MustSucceed(EVP_DigestInit_ex(context, EVP_sha256(), nullptr));
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  EVP_MD_CTX* context = nullptr;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::span<const uint8_t> bytes) {
  assert(state_ != nullptr);
  MustSucceed(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()));
}

void Sha256::Update(std::string_view text) {
  Update({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string Sha256::FinishHex() {
  assert(state_ != nullptr);
  std::array<uint8_t, kSha256Bytes> digest;
  MustSucceed(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr));
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
