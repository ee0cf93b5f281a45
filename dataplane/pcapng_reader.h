// SPDX-License-Identifier: Apache-2.0
// The pcapng half of capture_reader.h: draft-ietf-opsawg-pcapng, whose sections
// and blocks this file's comments cite.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/byte_stream.h"
#include "dataplane/capture_reader.h"

namespace octroi {

// Whether these four bytes are the type of a section header block.
bool IsPcapngMagic(const uint8_t* magic);

// Reads the first section header. Fails with one line if it is cut off or
// broken.
// REQUIRES: the window of `stream` begins with a pcapng magic number.
absl::StatusOr<std::unique_ptr<CaptureReader>> OpenPcapng(
    std::string path, std::unique_ptr<ByteStream> stream);

}  // namespace octroi
