// SPDX-License-Identifier: Apache-2.0
// The rules of flows and accounts, written down a second time for tests: one
// packet after the other, whole values in std::map, no batches, no tables, no
// expiry. Slow, and meant to be obviously right.
//
// What it shares with the packet path is decode, the fragment cache, the atlas
// and the rulebook, which have tests of their own.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/accounts.h"
#include "dataplane/classify.h"
#include "dataplane/collecting_sink.h"
#include "dataplane/decode.h"
#include "dataplane/fragment_cache.h"
#include "dataplane/replay.h"

namespace octroi::testing {

// One flow as a line of text that shows every field of a result.
std::string Describe(const ExportedFlow& flow);

// What a replay must find.
struct ExpectedResult {
  std::vector<std::string> flows;  // Sorted.
  std::map<AccountKey, AccountTotals> accounts;
  std::map<AccountKey, AccountTotals> tunnelled_accounts;
  uint64_t received = 0;
  uint64_t undecoded = 0;
};

class NaiveMeter {
 public:
  NaiveMeter(const FlowTimeouts& timeouts, EditionProvider* editions)
      : timeouts_(timeouts), editions_(editions) {}

  // In the order of the capture.
  void Add(const Packet& packet);
  // After the last packet.
  ExpectedResult Finish();

 private:
  struct Place {
    IpAddress address;
    uint16_t port = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Key {
    Tunnel tunnel;
    uint8_t protocol_identifier = 0;
    std::pair<Place, Place> ends;  // The smaller one first.
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Side {
    Place place;
    uint64_t packets = 0;
    uint64_t octets = 0;
    bool has_sent_fin = false;
  };
  struct Flow {
    Side source;
    Side destination;
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    int64_t start_clock_ns = 0;
    int64_t last_clock_ns = 0;
    bool has_reset = false;
    AccountKey account;

    bool is_closed() const {
      return has_reset || (source.has_sent_fin && destination.has_sent_fin);
    }
  };

  void AddLayer(const IpLayer& layer, const Tunnel& tunnel,
                const DecodedPacket& packet);
  Flow StartFlow(const IpLayer& layer, const DecodedPacket& packet) const;
  bool IsOver(const Flow& flow, int64_t clock_ns) const;
  std::string_view EndReasonOf(const Flow& flow, int64_t final_clock_ns) const;
  void EndFlow(const Key& key, const Flow& flow, int64_t clock_ns);

  const FlowTimeouts timeouts_;
  EditionProvider* const editions_;
  FragmentCache fragments_;
  std::map<Key, Flow> flows_;
  ExpectedResult result_;
  int64_t clock_ns_ = 0;
};

}  // namespace octroi::testing
