// SPDX-License-Identifier: Apache-2.0
#include "evidence/digest.h"

#include <array>
#include <cassert>
#include <cstdlib>

#include "fmt/format.h"
#include "openssl/crypto.h"
#include "openssl/evp.h"

namespace octroi {
namespace {

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

}  // namespace octroi
