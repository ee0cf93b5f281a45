// SPDX-License-Identifier: Apache-2.0
#include "dataplane/decode_link.h"

namespace octroi {
namespace {

constexpr uint32_t kEthernetOctets = 14;
// IEEE 802.3 §3.2.6: up to here the field is a length, from kMinEtherType on it
// is a type, and between the two it is nothing.
constexpr uint16_t kMaxLengthField = 1500;
constexpr uint16_t kMinEtherType = 0x0600;

bool IsVlanTag(uint32_t next) {
  return next == kNextVlan || next == kNextServiceVlan ||
         next == kNextVlan9100 || next == kNextVlan9200;
}

// Goes on by the type-or-length field of Ethernet or of a VLAN tag. A length
// beyond the frame is not one that the sender could have meant as a bound.
DropReason TakeTypeOrLength(uint16_t value, HeaderWalk* walk) {
  if (value >= kMinEtherType) {
    walk->next = value;
    return kNoDropReason;
  }
  if (value > kMaxLengthField) return DropReason::kBadLinkHeader;
  walk->rest.Limit(value);
  walk->next = kNextLlc;
  return kNoDropReason;
}

DropReason ReadEthernet(HeaderWalk* walk) {
  if (!walk->rest.Has(kEthernetOctets)) return DropReason::kTruncated;
  const uint16_t type_or_length = walk->rest.U16(12);
  walk->rest.Skip(kEthernetOctets);
  return TakeTypeOrLength(type_or_length, walk);
}

DropReason ReadVlanTags(HeaderWalk* walk) {
  for (int tag_count = 0; IsVlanTag(walk->next); ++tag_count) {
    if (tag_count == kMaxVlanTags || !walk->TakeHeader()) {
      return DropReason::kTooManyHeaders;
    }
    if (!walk->rest.Has(4)) return DropReason::kTruncated;
    const uint16_t type_or_length = walk->rest.U16(2);
    walk->rest.Skip(4);
    const DropReason reason = TakeTypeOrLength(type_or_length, walk);
    if (reason != kNoDropReason) return reason;
  }
  return kNoDropReason;
}

// RFC 3032 §2.1: the bottom of the stack has the lowest bit of byte 2 set.
DropReason ReadMplsLabels(HeaderWalk* walk) {
  for (int label_count = 0; label_count < kMaxMplsLabels; ++label_count) {
    if (!walk->TakeHeader()) return DropReason::kTooManyHeaders;
    if (!walk->rest.Has(4)) return DropReason::kTruncated;
    const bool is_bottom = (walk->rest.U8(2) & 1) != 0;
    walk->rest.Skip(4);
    if (is_bottom) {
      walk->next = kNextMplsPayload;
      return kNoDropReason;
    }
  }
  return DropReason::kTooManyHeaders;
}

// Whether the bytes at `at` can be an Ethernet frame that ends up at an IP
// header. A label does not say what it carries, so the frame has to.
bool LooksLikeEthernet(const FrameView& rest, size_t at) {
  if (!rest.Has(at + kEthernetOctets + 4)) return false;
  const uint16_t ether_type = rest.U16(at + 12);
  const uint8_t first_byte = rest.U8(at + kEthernetOctets);
  if (ether_type == kNextIpv4) return first_byte >= 0x45 && first_byte <= 0x4f;
  if (ether_type == kNextIpv6) return first_byte >> 4 == 6;
  if (!IsVlanTag(ether_type)) return false;
  const uint16_t tagged_type = rest.U16(at + kEthernetOctets + 2);
  return tagged_type == kNextIpv4 || tagged_type == kNextIpv6 ||
         IsVlanTag(tagged_type);
}

// RFC 4928 §3: four bits of 4 or 6 are IP; 0 is the control word of a
// pseudowire (RFC 4385 §3), which Ethernet may also leave out (RFC 4448 §4.6).
DropReason ReadMplsPayload(HeaderWalk* walk) {
  constexpr uint32_t kControlWordOctets = 4;
  if (!walk->rest.Has(1)) return DropReason::kTruncated;
  const uint8_t version = walk->rest.U8(0) >> 4;
  if (version == 4) {
    walk->next = kNextIpv4;
  } else if (version == 6) {
    walk->next = kNextIpv6;
  } else if (version == 0 &&
             LooksLikeEthernet(walk->rest, kControlWordOctets)) {
    walk->rest.Skip(kControlWordOctets);
    walk->next = kNextEthernet;
  } else if (LooksLikeEthernet(walk->rest, 0)) {
    walk->next = kNextEthernet;
  } else {
    return DropReason::kNotIp;
  }
  return kNoDropReason;
}

// IEEE 802.2 LLC, with SNAP (RFC 1042).
DropReason ReadLlc(HeaderWalk* walk) {
  constexpr uint32_t kLlcOctets = 3;
  constexpr uint32_t kSnapOctets = 8;
  const FrameView& rest = walk->rest;
  if (!rest.Has(kLlcOctets)) return DropReason::kTruncated;
  const uint32_t service_points = rest.U16(0);
  const uint8_t control = rest.U8(2);

  constexpr uint8_t kUnnumberedInformation = 0x03;
  if (control != kUnnumberedInformation) return DropReason::kNotIp;
  if (service_points == 0x0606) {  // The service access point of IP itself.
    walk->rest.Skip(kLlcOctets);
    walk->next = kNextIpv4;
    return kNoDropReason;
  }
  if (service_points != 0xaaaa) return DropReason::kNotIp;
  if (!rest.Has(kSnapOctets)) return DropReason::kTruncated;

  // The organisation codes under which an EtherType follows: that of RFC 1042
  // and that of IEEE 802.1H.
  const uint32_t organisation = rest.U32(2) & 0xffffff;
  const uint16_t type = rest.U16(6);
  if (organisation != 0 && organisation != 0x0000f8) return DropReason::kNotIp;
  if (type < kMinEtherType) return DropReason::kNotIp;
  walk->rest.Skip(kSnapOctets);
  walk->next = type;
  return kNoDropReason;
}

// RFC 1661 §2, with or without address and control (RFC 1662 §3.1), with the
// protocol field in two octets or, if it is odd, in one (RFC 1661 §6.5).
DropReason ReadPpp(HeaderWalk* walk) {
  FrameView& rest = walk->rest;
  if (rest.Has(2) && rest.U16(0) == 0xff03) rest.Skip(2);
  if (!rest.Has(1)) return DropReason::kTruncated;
  uint16_t protocol = rest.U8(0);
  const bool is_compressed = (protocol & 1) != 0;
  if (!is_compressed) {
    if (!rest.Has(2)) return DropReason::kTruncated;
    protocol = rest.U16(0);
  }
  rest.Skip(is_compressed ? 1 : 2);

  // clang-format off
  switch (protocol) {
    case 0x0021: walk->next = kNextIpv4; return kNoDropReason;
    case 0x0057: walk->next = kNextIpv6; return kNoDropReason;
    case 0x0281: walk->next = kNextMpls; return kNoDropReason;
    case 0x0283: walk->next = kNextMplsMulticast; return kNoDropReason;
    case 0x003d: return DropReason::kLinkFragment;   // RFC 1990
    case 0x0053: return DropReason::kEncryptedLink;  // RFC 1968
    default: return DropReason::kNotIp;
  }
  // clang-format on
}

// RFC 2516 §4. The length bounds the payload, so that padding is left out.
DropReason ReadPppoeSession(HeaderWalk* walk) {
  FrameView& rest = walk->rest;
  if (!rest.Has(6)) return DropReason::kTruncated;
  const uint8_t version_and_type = rest.U8(0);
  const uint8_t code = rest.U8(1);
  const uint16_t payload_octets = rest.U16(4);
  if (version_and_type != 0x11) return DropReason::kBadLinkHeader;
  if (code != 0) return DropReason::kNotIp;  // Discovery.
  if (payload_octets < 2) return DropReason::kBadLinkHeader;
  rest.Skip(6);
  rest.Limit(payload_octets);
  walk->next = kNextPpp;
  return kNoDropReason;
}

// Cisco's framing of HDLC: address, control, EtherType. Some devices write
// PPP under the same link type.
DropReason ReadChdlc(HeaderWalk* walk) {
  FrameView& rest = walk->rest;
  if (!rest.Has(4)) return DropReason::kTruncated;
  if (rest.U16(0) == 0xff03) {
    walk->next = kNextPpp;
    return kNoDropReason;
  }
  const uint16_t type = rest.U16(2);
  if (type < kMinEtherType) return DropReason::kNotIp;
  rest.Skip(4);
  walk->next = type;
  return kNoDropReason;
}

// IEEE 802.1AE §9: the tag of a frame that is protected against change only
// leaves its user data readable.
DropReason ReadMacsec(HeaderWalk* walk) {
  constexpr uint8_t kEncrypted = 0x08;
  constexpr uint8_t kChanged = 0x04;
  constexpr uint8_t kHasChannelId = 0x20;
  FrameView& rest = walk->rest;
  if (!rest.Has(1)) return DropReason::kTruncated;
  const uint8_t control = rest.U8(0);
  if ((control & (kEncrypted | kChanged)) != 0) {
    return DropReason::kEncryptedLink;
  }
  rest.Skip((control & kHasChannelId) != 0 ? 14 : 6);
  if (!rest.Has(2)) return DropReason::kTruncated;
  const uint16_t type_or_length = rest.U16(0);
  rest.Skip(2);
  return TakeTypeOrLength(type_or_length, walk);
}

// IEEE 802.11 §9.2.3 and §9.3.2: only data frames carry packets, after 24
// bytes and what the frame control says on top. `is_padded`: the driver filled
// the header up to a multiple of four.
DropReason ReadIeee80211(bool is_padded, HeaderWalk* walk) {
  FrameView& rest = walk->rest;
  if (!rest.Has(2)) return DropReason::kTruncated;
  const uint8_t type = rest.U8(0);
  const uint8_t flags = rest.U8(1);
  if ((type & 0x03) != 0) return DropReason::kBadLinkHeader;  // Version.
  const bool is_data = (type & 0x0c) == 0x08;
  const bool is_without_data = (type & 0x40) != 0;
  if (!is_data || is_without_data) return DropReason::kNotIp;

  const bool has_qos = (type & 0x80) != 0;
  const bool has_fourth_address = (flags & 0x03) == 0x03;
  const bool is_protected = (flags & 0x40) != 0;
  const bool has_ht_control = has_qos && (flags & 0x80) != 0;
  if (is_protected) return DropReason::kEncryptedLink;

  const uint32_t qos_at = has_fourth_address ? 30 : 24;
  uint32_t header_octets = qos_at;
  if (has_qos) header_octets += 2;
  if (has_ht_control) header_octets += 4;
  if (is_padded) header_octets = (header_octets + 3) & ~3u;
  if (!rest.Has(header_octets)) return DropReason::kTruncated;

  const bool is_later_fragment = (rest.LittleU16(22) & 0x0f) != 0;
  if (is_later_fragment) return DropReason::kLinkFragment;
  const bool is_aggregate = has_qos && (rest.U8(qos_at) & 0x80) != 0;
  if (is_aggregate) return DropReason::kAggregatedFrame;

  rest.Skip(header_octets);
  walk->next = kNextLlc;
  return kNoDropReason;
}

// Radiotap: version, length, a chain of presence words, then the fields. Only
// Flags is of interest, which only a timestamp can precede.
DropReason ReadRadiotap(HeaderWalk* walk) {
  constexpr uint32_t kHasTimestamp = 1u << 0;
  constexpr uint32_t kHasFlags = 1u << 1;
  constexpr uint32_t kHasMoreWords = 1u << 31;
  constexpr uint8_t kHeaderIsPadded = 0x20;
  FrameView& rest = walk->rest;
  if (!rest.Has(8)) return DropReason::kTruncated;
  const uint32_t header_octets = rest.LittleU16(2);
  if (rest.U8(0) != 0 || header_octets < 8) return DropReason::kBadLinkHeader;
  if (!rest.Has(header_octets)) return DropReason::kTruncated;

  const uint32_t present = rest.LittleU32(4);
  uint32_t field_at = 8;
  for (uint32_t word = present; (word & kHasMoreWords) != 0; field_at += 4) {
    if (field_at + 4 > header_octets) return DropReason::kBadLinkHeader;
    word = rest.LittleU32(field_at);
  }
  if ((present & kHasTimestamp) != 0) field_at = ((field_at + 7) & ~7u) + 8;
  uint8_t flags = 0;
  if ((present & kHasFlags) != 0 && field_at < header_octets) {
    flags = rest.U8(field_at);
  }
  rest.Skip(header_octets);
  return ReadIeee80211((flags & kHeaderIsPadded) != 0, walk);
}

// The protocol field of Linux "cooked" captures, for the interface type that
// stands beside it: an EtherType, or one of Linux' own numbers below.
DropReason TakeCookedProtocol(uint16_t interface_type, uint16_t protocol,
                              HeaderWalk* walk) {
  constexpr uint16_t kRadiotapInterface = 803;  // ARPHRD_IEEE80211_RADIOTAP
  constexpr uint16_t kNetlinkInterface = 824;   // ARPHRD_NETLINK
  constexpr uint16_t kLlcProtocol = 4;          // LINUX_SLL_P_802_2
  if (interface_type == kRadiotapInterface) return ReadRadiotap(walk);
  if (interface_type == kNetlinkInterface) return DropReason::kNotIp;
  if (protocol == kLlcProtocol) {
    walk->next = kNextLlc;
    return kNoDropReason;
  }
  if (protocol < kMinEtherType) return DropReason::kNotIp;
  walk->next = protocol;
  return kNoDropReason;
}

DropReason ReadLinuxCooked(HeaderWalk* walk) {
  if (!walk->rest.Has(16)) return DropReason::kTruncated;
  const uint16_t interface_type = walk->rest.U16(2);
  const uint16_t protocol = walk->rest.U16(14);
  walk->rest.Skip(16);
  return TakeCookedProtocol(interface_type, protocol, walk);
}

DropReason ReadLinuxCooked2(HeaderWalk* walk) {
  if (!walk->rest.Has(20)) return DropReason::kTruncated;
  const uint16_t protocol = walk->rest.U16(0);
  const uint16_t interface_type = walk->rest.U16(8);
  walk->rest.Skip(20);
  return TakeCookedProtocol(interface_type, protocol, walk);
}

// The address family of the system that captured, in its byte order. All of
// them number IPv4 alike; IPv6 is 10 on Linux, 24 on NetBSD and OpenBSD, 28 on
// FreeBSD, 30 on Darwin.
DropReason ReadLoopback(HeaderWalk* walk) {
  if (!walk->rest.Has(4)) return DropReason::kTruncated;
  uint32_t family = walk->rest.U32(0);
  if (family > 0xffff) family = __builtin_bswap32(family);
  walk->rest.Skip(4);
  switch (family) {
    case 2:
      walk->next = kNextIpv4;
      return kNoDropReason;
    case 10:
    case 24:
    case 28:
    case 30:
      walk->next = kNextIpv6;
      return kNoDropReason;
    default:
      return DropReason::kNotIp;
  }
}

// Takes the version for what it is; one that does not exist is a broken IP
// header, since nothing but IP can be here.
DropReason ReadIpVersion(HeaderWalk* walk) {
  if (!walk->rest.Has(1)) return DropReason::kTruncated;
  const uint8_t version = walk->rest.U8(0) >> 4;
  if (version != 4 && version != 6) return DropReason::kBadIpHeader;
  walk->next = version == 4 ? kNextIpv4 : kNextIpv6;
  return kNoDropReason;
}

// PPP, or Cisco HDLC, which is told by its address octet: PPP's is 0xff.
DropReason StartPppHdlc(HeaderWalk* walk) {
  if (!walk->rest.Has(2)) return DropReason::kTruncated;
  const uint16_t address_and_control = walk->rest.U16(0);
  const bool is_cisco =
      address_and_control == 0x0f00 || address_and_control == 0x8f00;
  walk->next = is_cisco ? kNextChdlc : kNextPpp;
  return kNoDropReason;
}

DropReason StartAt(NextHeader next, HeaderWalk* walk) {
  walk->next = next;
  return kNoDropReason;
}

// Reads the one header that walk->next names.
DropReason ReadHeader(HeaderWalk* walk) {
  switch (walk->next) {
    case kNextEthernet:
    case kNextBridgedEthernet:
      return ReadEthernet(walk);
    case kNextVlan:
    case kNextServiceVlan:
    case kNextVlan9100:
    case kNextVlan9200:
      return ReadVlanTags(walk);
    case kNextMpls:
    case kNextMplsMulticast:
      return ReadMplsLabels(walk);
    case kNextMplsPayload:
      return ReadMplsPayload(walk);
    case kNextLlc:
      return ReadLlc(walk);
    case kNextPppoeSession:
      return ReadPppoeSession(walk);
    case kNextPpp:
    case kNextGrePpp:
      return ReadPpp(walk);
    case kNextChdlc:
      return ReadChdlc(walk);
    case kNextMacsec:
      return ReadMacsec(walk);
    case kNextIeee80211:
      return ReadIeee80211(/*is_padded=*/false, walk);
    case kNextIpByVersion:
      return ReadIpVersion(walk);
    default:
      return DropReason::kNotIp;
  }
}

}  // namespace

DropReason StartWalk(const Packet& packet, HeaderWalk* walk) {
  walk->rest =
      FrameView(packet.data, packet.captured_octets, packet.wire_octets);
  walk->headers_left = kMaxDecodedHeaders;
  switch (packet.link_type) {
    case LinkType::kEthernet:
      return StartAt(kNextEthernet, walk);
    case LinkType::kNull:
    case LinkType::kLoop:
      return ReadLoopback(walk);
    case LinkType::kPpp:
    case LinkType::kPppHdlc:
      return StartPppHdlc(walk);
    case LinkType::kPppEther:
      return StartAt(kNextPppoeSession, walk);
    case LinkType::kChdlc:
      return StartAt(kNextChdlc, walk);
    case LinkType::kRawBsd:
    case LinkType::kRawOpenBsd:
    case LinkType::kRaw:
      return StartAt(kNextIpByVersion, walk);
    case LinkType::kIpv4:
      return StartAt(kNextIpv4, walk);
    case LinkType::kIpv6:
      return StartAt(kNextIpv6, walk);
    case LinkType::kIeee80211:
      return StartAt(kNextIeee80211, walk);
    case LinkType::kIeee80211Radiotap:
      return ReadRadiotap(walk);
    case LinkType::kLinuxSll:
      return ReadLinuxCooked(walk);
    case LinkType::kLinuxSll2:
      return ReadLinuxCooked2(walk);
  }
  return DropReason::kUnsupportedLinkType;
}

DropReason WalkToIp(HeaderWalk* walk) {
  while (walk->next != kNextIpv4 && walk->next != kNextIpv6) {
    if (!walk->TakeHeader()) return DropReason::kTooManyHeaders;
    const DropReason reason = ReadHeader(walk);
    if (reason != kNoDropReason) return reason;
  }
  return kNoDropReason;
}

}  // namespace octroi
