// SPDX-License-Identifier: Apache-2.0
// What a client would rather have: the headers Accept and Accept-Encoding (RFC
// 9110 §12.5), as far as a server of metrics needs them. A header that is no
// such list asks for nothing.
//
// Free functions; any thread.
#pragma once

#include <string_view>

namespace octroi {

// Whether an answer may be compressed with gzip; "gzip;q=0" forbids it.
bool AcceptsGzip(std::string_view accept_encoding);

// Whether OpenMetrics 1.0.0 is named and preferred to text/plain: a list of
// anything (*/*) does not ask for it.
bool PrefersOpenMetrics(std::string_view accept);

}  // namespace octroi
