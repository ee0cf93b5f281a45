// SPDX-License-Identifier: Apache-2.0
#include "tests/replay/frame_text.h"

#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>

#include "dataplane/decode.h"
#include "fmt/format.h"
#include "geo/calendar.h"
#include "tests/support/capture_builder.h"

namespace octroi::testing {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
// A pcap file whose ticks are nanoseconds (draft-ietf-opsawg-pcap).
constexpr uint32_t kNanosecondMagic = 0xA1B23C4D;

[[noreturn]] void Fail(std::string_view what) {
  throw std::invalid_argument(std::string(what));
}

// The words of one layer, taken one after the other.
class Words {
 public:
  explicit Words(const std::string& text) : stream_(text) {}

  std::string Text() {
    std::string word;
    if (!(stream_ >> word)) Fail("a word is missing");
    return word;
  }
  uint32_t Number() {
    const std::string word = Text();
    size_t used = 0;
    const unsigned long number = std::stoul(word, &used, 0);
    if (used != word.size()) Fail(word + " is not a number");
    return static_cast<uint32_t>(number);
  }
  uint16_t Short() { return static_cast<uint16_t>(Number()); }
  bool IsEmpty() { return (stream_ >> std::ws).eof(); }

 private:
  std::istringstream stream_;
};

uint8_t TcpFlags(Words* words) {
  static const std::map<std::string, uint8_t> kFlags = {{"fin", kTcpFin},
                                                        {"syn", kTcpSyn},
                                                        {"rst", kTcpRst},
                                                        {"psh", kTcpPsh},
                                                        {"ack", kTcpAck}};
  uint8_t flags = 0;
  while (!words->IsEmpty()) flags |= kFlags.at(words->Text());
  return flags;
}

using AddLayer = std::function<void(PacketBuilder*, Words*)>;

const std::map<std::string, AddLayer>& Layers() {
  static const std::map<std::string, AddLayer> kLayers = {
      {"ethernet", [](auto* b, auto*) { b->Ethernet(); }},
      {"vlan", [](auto* b, auto* w) { b->Vlan(w->Short()); }},
      {"mpls", [](auto* b, auto* w) { b->Mpls(w->Number()); }},
      {"pppoe", [](auto* b, auto* w) { b->Pppoe(w->Short()); }},
      {"ipv4",
       [](auto* b, auto* w) {
         const std::string from = w->Text();
         b->Ipv4(from, w->Text());
       }},
      {"ipv6",
       [](auto* b, auto* w) {
         const std::string from = w->Text();
         b->Ipv6(from, w->Text());
       }},
      {"tcp",
       [](auto* b, auto* w) {
         const uint16_t from = w->Short();
         const uint16_t to = w->Short();
         b->Tcp(from, to, TcpFlags(w));
       }},
      {"udp",
       [](auto* b, auto* w) {
         const uint16_t from = w->Short();
         b->Udp(from, w->Short());
       }},
      {"sctp",
       [](auto* b, auto* w) {
         const uint16_t from = w->Short();
         b->Sctp(from, w->Short());
       }},
      {"icmp", [](auto* b, auto*) { b->Icmp(); }},
      {"icmpv6", [](auto* b, auto*) { b->Icmpv6(); }},
      {"esp", [](auto* b, auto*) { b->Esp(); }},
      {"gre", [](auto* b, auto*) { b->Gre(); }},
      {"vxlan", [](auto* b, auto* w) { b->Vxlan(w->Number()); }},
      {"geneve", [](auto* b, auto* w) { b->Geneve(w->Number()); }},
      {"gtpu", [](auto* b, auto* w) { b->GtpU(w->Number()); }},
      {"fragment",
       [](auto* b, auto* w) {
         const uint32_t id = w->Number();
         const uint16_t offset = w->Short();
         b->Fragment(id, offset, w->Text() == "more");
       }},
      {"next", [](auto* b, auto* w) { b->Next(w->Short()); }},
      {"payload", [](auto* b, auto* w) { b->Payload(size_t{w->Number()}); }},
      {"snap", [](auto* b, auto* w) { b->Snap(w->Number()); }},
  };
  return kLayers;
}

std::vector<std::string> SplitAtBars(const std::string& line) {
  std::vector<std::string> parts;
  std::istringstream stream(line);
  for (std::string part; std::getline(stream, part, '|');) {
    parts.push_back(part);
  }
  return parts;
}

// "2026-01-15T10:00:00Z", or "+0.25": seconds after `previous_ns`.
int64_t TimeOf(const std::string& text, int64_t previous_ns) {
  if (text.starts_with('+')) {
    const double microseconds = std::stod(text.substr(1)) * 1e6;
    return previous_ns + static_cast<int64_t>(microseconds + 0.5) * 1000;
  }
  const std::optional<int64_t> instant = ParseInstant(text);
  if (!instant) Fail(text + " is not a time");
  return *instant;
}

TimedFrame FrameOf(const std::string& line, int64_t previous_ns) {
  const std::vector<std::string> parts = SplitAtBars(line);
  if (parts.size() < 2) Fail("there is no layer");
  PacketBuilder builder;
  for (size_t i = 1; i < parts.size(); ++i) {
    Words words(parts[i]);
    const std::string name = words.Text();
    const auto layer = Layers().find(name);
    if (layer == Layers().end()) Fail(name + " is not a layer");
    layer->second(&builder, &words);
    if (!words.IsEmpty()) Fail(name + " has too many words");
  }
  return {builder.Build(), TimeOf(Words(parts[0]).Text(), previous_ns)};
}

}  // namespace

std::vector<TimedFrame> FramesOf(const std::vector<std::string>& lines) {
  std::vector<TimedFrame> frames;
  for (const std::string& line : lines) {
    const int64_t previous_ns = frames.empty() ? 0 : frames.back().timestamp_ns;
    try {
      frames.push_back(FrameOf(line, previous_ns));
    } catch (const std::exception& error) {
      Fail(fmt::format("\"{}\": {}", line, error.what()));
    }
  }
  return frames;
}

std::string PcapOf(const std::vector<TimedFrame>& frames) {
  PcapOptions options;
  options.magic = kNanosecondMagic;
  options.link_field = static_cast<uint32_t>(frames.at(0).frame.link_type);
  PcapBuilder pcap(options);
  for (const TimedFrame& timed : frames) {
    const Frame& frame = timed.frame;
    pcap.Packet(
        static_cast<uint32_t>(timed.timestamp_ns / kSecond),
        static_cast<uint32_t>(timed.timestamp_ns % kSecond),
        {reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size()},
        frame.wire_octets);
  }
  return pcap.bytes();
}

}  // namespace octroi::testing
