// SPDX-License-Identifier: Apache-2.0
// A pcapng capture (draft-ietf-opsawg-pcapng) as it is collected: frames come
// in any order and are written in the order of their times, cut to a snap
// length, little-endian on every host. What falls outside the time that was
// observed is not in the file, so conversations are cut as in a real capture.
// Thread safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "examples/packet.h"

namespace octroi::example {

struct CaptureInterface {
  std::string name;
  std::string description;
};

struct CaptureOptions {
  std::string comment;
  std::vector<CaptureInterface> interfaces;  // All of them Ethernet.
  uint32_t snap_octets = 128;
  // What was observed, ns since the Unix epoch: the first instant, and the one
  // after the last.
  int64_t first_ns = 0;
  int64_t end_ns = 0;
};

class CaptureFile {
 public:
  explicit CaptureFile(CaptureOptions options);

  // Keeps the start of the frame, and its length.
  // REQUIRES: `interface` is an index of the options' interfaces.
  void Add(uint32_t interface, int64_t time_ns, const Bytes& frame);

  size_t packet_count() const { return packets_.size(); }
  const CaptureOptions& options() const { return options_; }

  // The file: section header, interfaces, packets, and for each interface its
  // statistics, which say that none was lost.
  std::string Serialize() const;

 private:
  struct Captured {
    int64_t time_ns = 0;
    uint32_t interface = 0;
    uint32_t wire_octets = 0;
    Bytes bytes;
  };

  const CaptureOptions options_;
  std::vector<Captured> packets_;
};

}  // namespace octroi::example
