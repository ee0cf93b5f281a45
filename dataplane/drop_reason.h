// SPDX-License-Identifier: Apache-2.0
// Why a packet could not be decoded. One table, used by the decoder, by the
// JSON result, by the metrics and by docs/reference/undecoded-reasons.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace octroi {

enum class DropReason : uint8_t {
  kTruncated,
  kNotIp,
  kUnsupportedLinkType,
  kBadLinkHeader,
  kEncryptedLink,
  kLinkFragment,
  kAggregatedFrame,
  kBadIpHeader,
  kTooManyHeaders,
  kCount,
};
inline constexpr size_t kDropReasonCount =
    static_cast<size_t>(DropReason::kCount);
// What a step of the decoder returns when there is no reason to drop.
inline constexpr DropReason kNoDropReason = DropReason::kCount;

struct DropReasonInfo {
  DropReason reason;
  std::string_view label;    // Key in JSON and metrics; never renamed.
  std::string_view meaning;  // For people.
};

inline constexpr DropReasonInfo kDropReasons[] = {
    {DropReason::kTruncated, "truncated",
     "the captured bytes end inside a header that is needed to find the IP "
     "addresses"},
    {DropReason::kNotIp, "not_ip",
     "the frame carries something that is neither IPv4 nor IPv6 (ARP, LLDP, "
     "spanning tree, 802.11 management, ...)"},
    {DropReason::kUnsupportedLinkType, "unsupported_link_type",
     "frames of this link type are not read by octroi"},
    {DropReason::kBadLinkHeader, "bad_link_header",
     "a header below IP contradicts itself or the frame"},
    {DropReason::kEncryptedLink, "encrypted_link",
     "the link layer is encrypted (802.11 protected frame, MACsec): the "
     "addresses are not readable"},
    {DropReason::kLinkFragment, "link_fragment",
     "a fragment below IP (802.11 after the first, PPP multilink): the IP "
     "header is in another frame"},
    {DropReason::kAggregatedFrame, "aggregated_frame",
     "an 802.11 A-MSDU: several packets in one frame, of which none is read"},
    {DropReason::kBadIpHeader, "bad_ip_header",
     "an outermost IP header whose version or lengths contradict the frame "
     "(RFC 791 §3.1, RFC 8200 §3)"},
    {DropReason::kTooManyHeaders, "too_many_headers",
     "more VLAN tags, MPLS labels or link headers than the stated limits "
     "(dataplane/limits.h)"},
};
static_assert(std::size(kDropReasons) == kDropReasonCount);

}  // namespace octroi
