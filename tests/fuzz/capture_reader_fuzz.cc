// SPDX-License-Identifier: Apache-2.0
// Any byte string may be handed over as a capture file. It is refused, or read
// to an end or an error; every packet lies within the limits and its bytes are
// readable; and it is the same whatever the size of the batches.
#include <sys/mman.h>
#include <unistd.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/capture_reader.h"

namespace octroi {
namespace {

// Decompression multiplies: enough to leave the first read block, little
// enough to be quick.
constexpr uint64_t kMaxPackets = 100'000;

struct Fingerprint {
  uint64_t packets = 0;
  uint64_t hash = 0;

  bool operator==(const Fingerprint&) const = default;
};

void Add(const Packet& packet, Fingerprint* fingerprint) {
  assert(packet.captured_octets <= kMaxCapturedOctets);
  assert(packet.wire_octets >= packet.captured_octets);
  assert(packet.timestamp_ns >= 0 && packet.timestamp_ns <= kMaxTimestampNs);
  assert(packet.clock_ns >= packet.timestamp_ns);
  uint64_t hash = fingerprint->hash;
  const auto mix = [&hash](uint64_t value) {
    hash = (hash ^ value) * 0x100000001B3;  // FNV-1a's prime.
  };
  mix(static_cast<uint64_t>(packet.timestamp_ns));
  mix(packet.wire_octets);
  mix(static_cast<uint64_t>(packet.link_type));
  for (uint32_t i = 0; i < packet.captured_octets; ++i) mix(packet.data[i]);
  fingerprint->hash = hash;
  ++fingerprint->packets;
}

Fingerprint ReadAll(const std::string& path, size_t size, size_t batch_size) {
  uint64_t observed_bytes = 0;
  auto reader = CaptureReader::Open(
      {.path = path, .observer = [&](std::span<const uint8_t> raw) {
         observed_bytes += raw.size();
       }});
  Fingerprint fingerprint;
  if (!reader.ok()) return fingerprint;

  std::vector<Packet> packets(batch_size);
  int64_t clock_ns = 0;
  while (fingerprint.packets < kMaxPackets) {
    const size_t count = (*reader)->Next(packets);
    if (count == 0) {
      assert((*reader)->is_finished());
      assert((*reader)->summary().packets == fingerprint.packets);
      assert(observed_bytes == size);
      break;
    }
    for (const Packet& packet : std::span(packets).first(count)) {
      assert(packet.clock_ns >= clock_ns);
      clock_ns = packet.clock_ns;
      Add(packet, &fingerprint);
    }
  }
  return fingerprint;
}

}  // namespace
}  // namespace octroi

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int descriptor = ::memfd_create("capture", MFD_CLOEXEC);
  if (descriptor < 0) std::abort();
  if (::write(descriptor, data, size) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);

  const octroi::Fingerprint whole = octroi::ReadAll(path, size, 32);
  const octroi::Fingerprint single = octroi::ReadAll(path, size, 1);

  assert(whole == single || whole.packets >= octroi::kMaxPackets);
  ::close(descriptor);
  return 0;
}
