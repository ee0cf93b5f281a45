// SPDX-License-Identifier: Apache-2.0
// The pcap half of capture_reader.h: draft-ietf-opsawg-pcap, and the variants
// that libpcap and Wireshark read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/byte_stream.h"
#include "dataplane/capture_reader.h"

namespace octroi {

// Whether these four bytes are the magic number of a pcap variant, in either
// byte order.
bool IsPcapMagic(const uint8_t* magic);

// Reads the file header. Fails with one line if it is cut off or of a version
// that is not read.
// REQUIRES: the window of `stream` begins with a pcap magic number.
absl::StatusOr<std::unique_ptr<CaptureReader>> OpenPcap(
    std::string path, std::unique_ptr<ByteStream> stream);

}  // namespace octroi
