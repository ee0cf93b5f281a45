// SPDX-License-Identifier: Apache-2.0
// Reading a capture from the page cache, headers walked and nothing else:
// octroi's reader beside a bare walk of the mapped file, a bare walk of 1 MiB
// blocks, and libpcap. Needs --capture=FILE, a little-endian pcap of this
// machine's clock unit, as octroi_generate writes it.
#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "bench/traffic.h"
#include "dataplane/capture_reader.h"

namespace octroi::bench {
namespace {

constexpr size_t kFileHeaderBytes = 24;

[[noreturn]] void Stop(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}

// What each walk adds up, so that none is left out by the compiler.
struct Walked {
  uint64_t packets = 0;
  uint64_t octets = 0;

  void Add(const PcapRecordHeader& header) {
    packets += 1;
    octets += header.wire_octets;
  }
};

// Walks whole records; returns how many bytes they took.
size_t WalkRecords(const uint8_t* bytes, size_t size, Walked* walked) {
  size_t at = 0;
  while (size - at >= sizeof(PcapRecordHeader)) {
    PcapRecordHeader header;
    std::memcpy(&header, bytes + at, sizeof(header));
    const size_t record_bytes = sizeof(header) + header.captured_octets;
    if (size - at < record_bytes) break;
    walked->Add(header);
    at += record_bytes;
  }
  return at;
}

Walked WalkMapped(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY);
  struct stat facts {};
  if (file < 0 || fstat(file, &facts) != 0) Stop(path + ": cannot be read");
  const auto size = static_cast<size_t>(facts.st_size);
  void* bytes =
      mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
  if (bytes == MAP_FAILED) Stop(path + ": cannot be mapped");
  Walked walked;
  WalkRecords(static_cast<const uint8_t*>(bytes) + kFileHeaderBytes,
              size - kFileHeaderBytes, &walked);
  munmap(bytes, size);
  close(file);
  return walked;
}

Walked WalkBlocks(const std::string& path) {
  constexpr size_t kBlockBytes = size_t{1} << 20;
  const int file = open(path.c_str(), O_RDONLY);
  if (file < 0) Stop(path + ": cannot be read");
  lseek(file, kFileHeaderBytes, SEEK_SET);
  std::vector<uint8_t> block(2 * kBlockBytes);
  size_t tail_bytes = 0;
  Walked walked;
  for (;;) {
    const ssize_t count = read(file, block.data() + tail_bytes, kBlockBytes);
    if (count <= 0) break;
    const size_t size = tail_bytes + static_cast<size_t>(count);
    const size_t used = WalkRecords(block.data(), size, &walked);
    tail_bytes = size - used;
    std::memmove(block.data(), block.data() + used, tail_bytes);
  }
  close(file);
  return walked;
}

Walked WalkWithLibpcap(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* capture = pcap_open_offline(path.c_str(), error);
  if (capture == nullptr) Stop(error);
  Walked walked;
  pcap_dispatch(
      capture, -1,
      [](u_char* to, const pcap_pkthdr* header, const u_char*) {
        auto* sum = reinterpret_cast<Walked*>(to);
        sum->packets += 1;
        sum->octets += header->len;
      },
      reinterpret_cast<u_char*>(&walked));
  pcap_close(capture);
  return walked;
}

Walked WalkWithOctroi(const std::string& path) {
  auto reader = CaptureReader::Open({.path = path});
  if (!reader.ok()) Stop(std::string(reader.status().message()));
  std::array<Packet, kMaxBurst> packets;
  Walked walked;
  while (const size_t count = (*reader)->Next(packets)) {
    for (size_t i = 0; i < count; ++i) walked.octets += packets[i].wire_octets;
    walked.packets += count;
  }
  return walked;
}

int Run(const BenchOptions& options) {
  if (options.capture.empty()) Stop("--capture=FILE is missing");
  const Walked expected = WalkMapped(options.capture);
  const size_t slash = options.capture.rfind('/');
  std::string kind =
      options.capture.substr(slash == std::string::npos ? 0 : slash + 1);
  kind = kind.substr(0, kind.find('.'));

  struct Way {
    const char* who;
    Walked (*walk)(const std::string&);
  };
  constexpr Way kWays[] = {{"octroi", WalkWithOctroi},
                           {"mapped", WalkMapped},
                           {"blocks", WalkBlocks},
                           {"libpcap", WalkWithLibpcap}};
  for (const Way& way : kWays) {
    AddBench("capture_reader/" + kind + "/" + way.who, expected.packets,
             [way, &options, expected] {
               const Walked walked = way.walk(options.capture);
               if (walked.packets != expected.packets ||
                   walked.octets != expected.octets) {
                 Stop(std::string(way.who) + ": another number of packets");
               }
             });
  }
  return FinishBench();
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  return octroi::bench::Run(octroi::bench::StartBench(&argc, argv));
}
