// SPDX-License-Identifier: Apache-2.0
// The part of decode that reads one IP header, what follows it up to the
// transport, and the transport's ports. Free functions, any thread.
#pragma once

#include "dataplane/decode.h"
#include "dataplane/decode_link.h"

namespace octroi {

// Reads the IP header that WalkToIp found into every field of `layer` and
// moves walk->rest to the header that layer->protocol_identifier names. Where
// that header cannot be reached (a later fragment, bytes that were not
// captured, too many extension headers) walk->rest is left empty: the
// addresses count, and nothing is claimed of what follows.
DropReason DecodeIp(HeaderWalk* walk, IpLayer* layer);

}  // namespace octroi
