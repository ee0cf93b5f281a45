// SPDX-License-Identifier: Apache-2.0
// What a policy is expected to say of flows, as a CSV that is kept beside the
// policy and run like a test: `octroi check --expect`. Here is the file; what
// octroi says of the flows is compared in agent/.
//
// Free functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "geo/ip_address.h"
#include "policy/terms.h"

namespace octroi {

// A flow, and what is expected of it.
struct Expectation {
  IpAddress local;
  IpAddress remote;
  // The service's: of `remote` if `local` opens the flow, else of `local`. 0 of
  // a protocol without ports.
  uint16_t port = 0;
  uint8_t protocol_identifier = 6;
  bool is_opened_by_local = true;
  int64_t start_ns = 0;  // Ns since the epoch.
  Verdict verdict = Verdict::kNotJudged;
  std::optional<Reason> reason;  // Nothing: any.
  std::string note;
  int line = 0;
  std::string time_text;  // As the file writes it.
};

inline constexpr size_t kMaxExpectationsFileBytes = size_t{16} << 20;

// local,remote,port,time,verdict,reason and, where the file has them, protocol
// (tcp, udp, sctp, icmp or a number; tcp if empty), opened_by (local or remote;
// local if empty) and note. `time` is a day, which means its first instant, or
// an RFC 3339 time in UTC. A file without a row is a problem. `file` is the
// name for messages.
std::vector<Expectation> ReadExpectations(std::string_view text,
                                          const std::string& file,
                                          std::vector<Problem>* problems);

}  // namespace octroi
