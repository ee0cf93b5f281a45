// SPDX-License-Identifier: Apache-2.0
#include "agent/password_hash.h"

#include <crypt.h>

#include <cstring>
#include <memory>

namespace octroi {

bool IsEqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(
        difference |
        (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  }
  return difference == 0;
}

bool PasswordMatches(const std::string& password, const std::string& hash) {
  // The library's phrase ends at a NUL: what follows would not be compared.
  if (password.find('\0') != std::string::npos) return false;
  // 32 KiB.
  const auto memory = std::make_unique<crypt_data>();
  const char* const computed = ::crypt_rn(password.c_str(), hash.c_str(),
                                          memory.get(), sizeof(crypt_data));
  const bool matches =
      computed != nullptr && IsEqualInConstantTime(computed, hash);
  ::explicit_bzero(memory.get(), sizeof(crypt_data));
  return matches;
}

}  // namespace octroi
