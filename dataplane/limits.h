// SPDX-License-Identifier: Apache-2.0
// Every constant that bounds the packet path, in one place, with the relations
// that must hold between them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace octroi {

// Packets handed over at a time. Large enough that the processor's own reading
// ahead gets going in a source that walks through memory.
inline constexpr size_t kMaxBurst = 256;
// Packets that a worker takes through its steps together. Large enough to
// overlap cache misses, small enough that their state stays in the L1 cache.
inline constexpr size_t kWorkerBurst = 128;

// Packets that a worker takes before it settles all flow records with their
// accounts by itself. A record counts packets in 32 bits until then; the sweep
// that settles it ends long before 2^31 further packets.
inline constexpr uint64_t kMaxUnsettledPackets = uint64_t{1} << 30;

// Largest packet record accepted from a capture, bytes. 256 KiB is libpcap's
// MAXIMUM_SNAPLEN; a longer one is a broken file, not a packet.
inline constexpr uint32_t kMaxCapturedOctets = 262'144;

// Largest pcapng block, bytes: a packet with many options, or a large block of
// decryption secrets. 16 MiB is libpcap's limit.
inline constexpr uint32_t kMaxPcapngBlockBytes = 16 * 1024 * 1024;
// Interfaces of one pcapng section: as many as its obsolete packet block, which
// has 16 bits, can name.
inline constexpr size_t kMaxPcapngInterfaces = 65'536;
// Window of a zstd frame, log2 of bytes: 128 MiB, what zstd itself accepts
// without --long (RFC 8878 section 3.1.1.1.2 asks decoders for 8 MiB).
inline constexpr int kMaxZstdWindowLog = 27;
// Latest time that a source hands over, ns since the Unix epoch (February
// 2116); the earliest is 0. Times outside are clamped, so that the sum and the
// difference of two times cannot overflow.
inline constexpr int64_t kMaxTimestampNs = INT64_MAX / 2;

// Headers that decode walks in one packet, whatever their kind: above this a
// packet is hostile or broken. Real stacks stay below 16.
inline constexpr int kMaxDecodedHeaders = 32;
// VLAN tags, MPLS labels, IPv6 extension headers in a row.
inline constexpr int kMaxVlanTags = 8;
inline constexpr int kMaxMplsLabels = 16;
inline constexpr int kMaxIpv6ExtensionHeaders = 10;
// IP headers in one packet: the outer one and the tunnels inside it.
inline constexpr int kMaxIpLayers = 5;

// Address-pair classes that work is spread over. A constant, not a worker
// count: bounded state that is kept per shard then evolves alike however many
// workers share the shards. See shard.h.
inline constexpr uint32_t kShardCount = 64;
inline constexpr uint32_t kMaxWorkers = kShardCount;

// Ended flows that wait between a worker and the writer thread: room of an
// export ring, in records. With the default, 160,000 flows may end in a second
// if the writer comes by ten times in it.
inline constexpr size_t kDefaultExportRingRecords = 16'384;
inline constexpr size_t kMaxExportRingRecords = size_t{1} << 20;

static_assert(kWorkerBurst >= 1 && kWorkerBurst <= kMaxBurst);
static_assert(kMaxPcapngBlockBytes >= 2 * kMaxCapturedOctets);
static_assert(kMaxPcapngBlockBytes % 4 == 0);
static_assert(kMaxVlanTags + kMaxMplsLabels < kMaxDecodedHeaders);
static_assert(kMaxIpv6ExtensionHeaders < kMaxDecodedHeaders);
static_assert((kShardCount & (kShardCount - 1)) == 0);
static_assert((kDefaultExportRingRecords & (kDefaultExportRingRecords - 1)) ==
              0);
static_assert((kMaxExportRingRecords & (kMaxExportRingRecords - 1)) == 0);

}  // namespace octroi
