// SPDX-License-Identifier: Apache-2.0
#include "examples/capture_file.h"

#include <algorithm>
#include <cassert>
#include <string_view>
#include <utility>

namespace octroi::example {
namespace {

enum BlockType : uint32_t {
  kSectionHeader = 0x0A0D0D0A,
  kInterfaceDescription = 1,
  kInterfaceStatistics = 5,
  kEnhancedPacket = 6,
};

// Option codes, each of its own block.
constexpr uint16_t kComment = 1;
constexpr uint16_t kApplication = 4;
constexpr uint16_t kInterfaceName = 2;
constexpr uint16_t kInterfaceText = 3;
constexpr uint16_t kTimeResolution = 9;
constexpr uint16_t kStatisticsStart = 2;
constexpr uint16_t kStatisticsEnd = 3;
constexpr uint16_t kStatisticsReceived = 4;
constexpr uint16_t kStatisticsDropped = 5;

std::string LittleEndian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text.push_back(static_cast<char>(value >> (8 * i)));
  }
  return text;
}

std::string U16(uint16_t value) { return LittleEndian(value, 2); }
std::string U32(uint64_t value) { return LittleEndian(value, 4); }
// A time is written as two halves, the upper one first.
std::string Time(int64_t time_ns) {
  const auto ticks = static_cast<uint64_t>(time_ns);
  return U32(ticks >> 32) + U32(ticks);
}

std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

std::string Option(uint16_t code, const std::string& value) {
  return U16(code) + U16(static_cast<uint16_t>(value.size())) + Padded(value);
}
std::string EndOfOptions() { return U32(0); }

std::string Block(BlockType type, const std::string& body) {
  assert(body.size() % 4 == 0);
  const std::string length = U32(12 + body.size());
  return U32(type) + length + body + length;
}

std::string SectionHeaderBlock(const std::string& comment) {
  constexpr uint32_t kByteOrderMagic = 0x1A2B3C4D;
  return Block(kSectionHeader,
               U32(kByteOrderMagic) + U16(1) + U16(0) +
                   LittleEndian(UINT64_MAX, 8) +  // Length: not given.
                   Option(kComment, comment) +
                   Option(kApplication, "octroi_example_generator") +
                   EndOfOptions());
}

std::string InterfaceBlock(const CaptureInterface& interface,
                           uint32_t snap_octets) {
  constexpr uint16_t kEthernet = 1;
  constexpr char kNanoseconds = 9;  // 10^-9 s.
  return Block(kInterfaceDescription,
               U16(kEthernet) + U16(0) + U32(snap_octets) +
                   Option(kInterfaceName, interface.name) +
                   Option(kInterfaceText, interface.description) +
                   Option(kTimeResolution, std::string(1, kNanoseconds)) +
                   EndOfOptions());
}

std::string PacketBlock(uint32_t interface, int64_t time_ns, const Bytes& bytes,
                        uint32_t wire_octets) {
  return Block(kEnhancedPacket,
               U32(interface) + Time(time_ns) + U32(bytes.size()) +
                   U32(wire_octets) +
                   Padded(std::string(bytes.begin(), bytes.end())));
}

std::string StatisticsBlock(uint32_t interface, const CaptureOptions& options,
                            uint64_t received) {
  return Block(kInterfaceStatistics,
               U32(interface) + Time(options.end_ns) +
                   Option(kStatisticsStart, Time(options.first_ns)) +
                   Option(kStatisticsEnd, Time(options.end_ns)) +
                   Option(kStatisticsReceived, LittleEndian(received, 8)) +
                   Option(kStatisticsDropped, LittleEndian(0, 8)) +
                   EndOfOptions());
}

}  // namespace

CaptureFile::CaptureFile(CaptureOptions options)
    : options_(std::move(options)) {}

void CaptureFile::Add(uint32_t interface, int64_t time_ns, const Bytes& frame) {
  assert(interface < options_.interfaces.size());
  if (time_ns < options_.first_ns || time_ns >= options_.end_ns) return;
  const size_t kept = std::min<size_t>(frame.size(), options_.snap_octets);
  packets_.push_back(
      {time_ns, interface, static_cast<uint32_t>(frame.size()),
       Bytes(frame.begin(), frame.begin() + static_cast<long>(kept))});
}

std::string CaptureFile::Serialize() const {
  std::vector<const Captured*> ordered;
  for (const Captured& packet : packets_) ordered.push_back(&packet);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Captured* a, const Captured* b) {
                     return a->time_ns < b->time_ns;
                   });

  std::string file = SectionHeaderBlock(options_.comment);
  for (const CaptureInterface& interface : options_.interfaces) {
    file += InterfaceBlock(interface, options_.snap_octets);
  }
  std::vector<uint64_t> received(options_.interfaces.size());
  for (const Captured* packet : ordered) {
    file += PacketBlock(packet->interface, packet->time_ns, packet->bytes,
                        packet->wire_octets);
    ++received[packet->interface];
  }
  for (uint32_t i = 0; i < received.size(); ++i) {
    file += StatisticsBlock(i, options_, received[i]);
  }
  return file;
}

}  // namespace octroi::example
