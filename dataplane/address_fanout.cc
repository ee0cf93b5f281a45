// SPDX-License-Identifier: Apache-2.0
#include "dataplane/address_fanout.h"

#include <linux/if_ether.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace octroi {
namespace {

// Where loads count from: the frame, or the outermost network header as the
// kernel knows it, which is the IP header unless a tag stands in the frame.
constexpr auto kFrame = static_cast<uint32_t>(SKF_LL_OFF);
constexpr auto kNetwork = static_cast<uint32_t>(SKF_NET_OFF);
// What to add to kNetwork, modulo 2^32, to come behind one tag and two.
constexpr uint32_t kBehindTag = kFrame - kNetwork + ETH_HLEN + 4;
constexpr uint32_t kBehindTwoTags = kBehindTag + 4;

// Knuth's multiplier, 2^32 over the golden ratio: the product's upper half
// depends on all of the lower bits.
constexpr uint32_t kMultiplier = 0x9E3779B1;

// Appends instructions; jumps go forward to labels.
class Assembler {
 public:
  enum Label { kV4, kV6, kTagged, kOther, kMix, kLabelCount };

  void Do(uint16_t code, uint32_t k = 0) {
    program_.push_back({code, 0, 0, k});
  }
  // Goes to `label` if the accumulator is `value`.
  void IfEqual(uint32_t value, Label label) {
    jumps_.emplace_back(program_.size(), label);
    program_.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, value});
  }
  void GoTo(Label label) {
    jumps_.emplace_back(program_.size(), label);
    program_.push_back({BPF_JMP | BPF_JA, 0, 0, 0});
  }
  void Place(Label label) { places_[label] = program_.size(); }

  std::vector<sock_filter> Finish() {
    for (const auto& [from, label] : jumps_) {
      assert(places_[label] > from && places_[label] - from - 1 <= UINT8_MAX);
      const auto distance = static_cast<uint8_t>(places_[label] - from - 1);
      sock_filter& jump = program_[from];
      (BPF_OP(jump.code) == BPF_JA) ? jump.k = distance : jump.jt = distance;
    }
    return std::move(program_);
  }

 private:
  std::vector<sock_filter> program_;
  std::vector<std::pair<size_t, Label>> jumps_;
  size_t places_[kLabelCount] = {};
};

constexpr uint16_t kLoadWord = BPF_LD | BPF_W | BPF_ABS;
constexpr uint16_t kLoadHalf = BPF_LD | BPF_H | BPF_ABS;
constexpr uint16_t kLoadWordBehindX = BPF_LD | BPF_W | BPF_IND;
constexpr uint16_t kSetX = BPF_LDX | BPF_IMM;
constexpr uint16_t kXorX = BPF_ALU | BPF_XOR | BPF_X;

// The exclusive or of words that stand behind X, which both directions of a
// flow have alike.
void AddXorOfWords(Assembler* to, uint32_t first, int count) {
  for (int i = 0; i < count; ++i) {
    to->Do(kLoadWordBehindX, first + 4 * static_cast<uint32_t>(i));
    if (i + 1 < count) to->Do(BPF_ST, static_cast<uint32_t>(i));
  }
  for (int i = 0; i + 1 < count; ++i) {
    to->Do(BPF_LDX | BPF_MEM, static_cast<uint32_t>(i));
    to->Do(kXorX);
  }
}

}  // namespace

std::vector<sock_filter> AddressFanoutProgram() {
  Assembler to;
  const auto find_ip = [&to] {
    to.IfEqual(ETH_P_IP, Assembler::kV4);
    to.IfEqual(ETH_P_IPV6, Assembler::kV6);
  };
  to.Do(kSetX, 0);
  to.Do(kLoadWord, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_PROTOCOL));
  find_ip();
  // A tag that the kernel has not taken off.
  to.Do(kLoadHalf, kFrame + 12);
  to.IfEqual(ETH_P_8021Q, Assembler::kTagged);
  to.IfEqual(ETH_P_8021AD, Assembler::kTagged);
  to.GoTo(Assembler::kOther);
  to.Place(Assembler::kTagged);
  to.Do(kSetX, kBehindTag);
  to.Do(kLoadHalf, kFrame + 16);
  find_ip();
  to.Do(kSetX, kBehindTwoTags);
  to.Do(kLoadHalf, kFrame + 20);
  find_ip();
  to.Place(Assembler::kOther);
  // The last four octets of either hardware address.
  to.Do(kLoadWord, kFrame + 2);
  to.Do(BPF_MISC | BPF_TAX);
  to.Do(kLoadWord, kFrame + 8);
  to.Do(kXorX);
  to.GoTo(Assembler::kMix);
  to.Place(Assembler::kV4);
  AddXorOfWords(&to, kNetwork + 12, 2);
  to.GoTo(Assembler::kMix);
  to.Place(Assembler::kV6);
  AddXorOfWords(&to, kNetwork + 8, 8);
  to.Place(Assembler::kMix);
  to.Do(BPF_ALU | BPF_MUL | BPF_K, kMultiplier);
  to.Do(BPF_ALU | BPF_RSH | BPF_K, 16);
  to.Do(BPF_RET | BPF_A);
  return to.Finish();
}

}  // namespace octroi
