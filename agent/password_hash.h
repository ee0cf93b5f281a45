// SPDX-License-Identifier: Apache-2.0
// Whether a password is the one behind a bcrypt hash. Slow by design: tens of
// milliseconds, and twice that for each further cost. The only part of octroi
// that knows the system's crypt library (libxcrypt).
//
// Free functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace octroi {

// `hash` is of the form that config/web_config.h accepts. False as well where
// the library refuses it. bcrypt reads the first 72 bytes of a password.
bool PasswordMatches(const std::string& password, const std::string& hash);

// Compares in a time that depends on the lengths alone.
bool IsEqualInConstantTime(std::string_view a, std::string_view b);

}  // namespace octroi
