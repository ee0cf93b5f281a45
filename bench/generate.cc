// SPDX-License-Identifier: Apache-2.0
// Writes a capture for a benchmark: seeded, so that everybody measures the same
// one, and streamed, so that its size is bounded by the disk only.
//
//   octroi_generate --kind small|mixed [--packets N] [--flows N] [--seed N] OUT
//
// small: 64 octets each, IPv4, uniform over the flows: the worst case. mixed: a
// simple Internet mix, Zipf over the flows, a fifth of them IPv6, half of the
// packets answers. One packet each microsecond.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "bench/traffic.h"
#include "bench/world.h"

namespace octroi::bench {
namespace {

struct Options {
  std::string kind = "mixed";
  uint64_t packets = 10'000'000;
  uint32_t flows = 200'000;
  uint64_t seed = 1;
  std::string path;
};

// Buffered output in large blocks.
class CaptureWriter {
 public:
  explicit CaptureWriter(FILE* file) : file_(file), block_(kBlockBytes) {}
  ~CaptureWriter() { Flush(); }

  // Room for `bytes` bytes, to be written before the next call.
  uint8_t* Take(size_t bytes) {
    if (used_ + bytes > block_.size()) Flush();
    uint8_t* place = block_.data() + used_;
    used_ += bytes;
    return place;
  }
  bool has_failed() const { return has_failed_; }

  void Flush() {
    has_failed_ |= std::fwrite(block_.data(), 1, used_, file_) != used_;
    used_ = 0;
  }

 private:
  static constexpr size_t kBlockBytes = size_t{4} << 20;

  FILE* const file_;
  std::vector<uint8_t> block_;
  size_t used_ = 0;
  bool has_failed_ = false;
};

void WriteFileHeader(CaptureWriter* writer) {
  constexpr uint32_t kHeader[6] = {0xA1B2C3D4, 0x00040002, 0, 0, 262'144, 1};
  std::memcpy(writer->Take(sizeof(kHeader)), kHeader, sizeof(kHeader));
}

void WritePackets(const Options& options, std::span<const FlowTuple> flows,
                  CaptureWriter* writer) {
  const bool is_mixed = options.kind == "mixed";
  const Order order = is_mixed ? Order::kZipf : Order::kUniform;
  Random random(options.seed + 1);
  for (uint64_t i = 0; i < options.packets; ++i) {
    const FlowTuple& flow = flows[Draw(order, options.flows, &random)];
    uint32_t octets = is_mixed ? DrawImixOctets(&random) : 64;
    if (octets < kMinV6Frame && !flow.source.is_v4()) octets = kMinV6Frame;
    const bool is_answer = is_mixed && random.Below(2) == 0;

    const auto microseconds = static_cast<uint64_t>(kFirstNs) / 1000 + i;
    const PcapRecordHeader header = {
        .seconds = static_cast<uint32_t>(microseconds / 1'000'000),
        .microseconds = static_cast<uint32_t>(microseconds % 1'000'000),
        .captured_octets = octets,
        .wire_octets = octets};
    uint8_t* place = writer->Take(sizeof(header) + octets);
    std::memcpy(place, &header, sizeof(header));
    WriteFrame(flow, octets, is_answer, place + sizeof(header));
  }
}

int Generate(const Options& options) {
  const std::unique_ptr<World> world = LoadWorld();
  const std::vector<FlowTuple> flows =
      MakeFlows({.flow_count = options.flows,
                 .v6_percent = options.kind == "mixed" ? 20u : 0u,
                 .announced_v4 = world->announced_v4,
                 .announced_v6 = world->announced_v6,
                 .seed = options.seed});
  FILE* file = std::fopen(options.path.c_str(), "wb");
  if (file == nullptr) {
    std::fprintf(stderr, "%s: cannot be written\n", options.path.c_str());
    return 1;
  }
  CaptureWriter writer(file);
  WriteFileHeader(&writer);
  WritePackets(options, flows, &writer);
  writer.Flush();
  const bool is_written = !writer.has_failed() && std::fclose(file) == 0;
  if (!is_written) {
    std::fprintf(stderr, "%s: not written to its end\n", options.path.c_str());
  }
  return is_written ? 0 : 1;
}

}  // namespace
}  // namespace octroi::bench

int main(int argc, char** argv) {
  octroi::bench::Options options;
  CLI::App app("Writes a seeded capture for benchmarks");
  app.add_option("--kind", options.kind, "small or mixed")
      ->check(CLI::IsMember({"small", "mixed"}));
  app.add_option("--packets", options.packets, "packets in the capture");
  app.add_option("--flows", options.flows, "flows that they belong to")
      ->check(CLI::Range(1u, 1u << 26));
  app.add_option("--seed", options.seed, "another seed, another capture");
  app.add_option("out", options.path, "the pcap file to write")->required();
  CLI11_PARSE(app, argc, argv);
  return octroi::bench::Generate(options);
}
