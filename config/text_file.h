// SPDX-License-Identifier: Apache-2.0
// Reading whole text files of bounded size, and what every text that octroi
// reads must be: UTF-8 (RFC 3629) without control characters. Free functions;
// any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/problem.h"
#include "geo/ip_prefix.h"

namespace octroi {

// The bytes of a file. Fails, naming the path, if it cannot be read, is a
// directory, or has more than `limit_bytes`. A pipe is read to its end.
absl::StatusOr<std::string> ReadTextFile(const std::string& path,
                                         size_t limit_bytes);

// How many bytes the first character of `text` has, 1 to 4; 0 if they are not
// UTF-8 or there are none.
size_t Utf8Length(std::string_view text);

// How many characters the text has; a byte that is not UTF-8 counts as one.
size_t CountCharacters(std::string_view text);

// `text` without a byte order mark.
std::string_view WithoutByteOrderMark(std::string_view text);

// The first byte that is not UTF-8, or the first control character beside tab,
// line feed and carriage return; nothing if there is none. The problem names
// `file`, line and column.
std::optional<Problem> FindBadCharacter(std::string_view text,
                                        const std::string& file);

// IpPrefix::Parse for text that may be anything: what an error repeats of it is
// quoted as in Quoted().
absl::StatusOr<IpPrefix> ParsePrefix(std::string_view text);

}  // namespace octroi
