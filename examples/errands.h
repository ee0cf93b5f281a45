// SPDX-License-Identifier: Apache-2.0
// Who talks to whom in the branch office's seventy minutes, as tables.
// Constants, and functions that act on an Office.
#pragma once

#include <cstdint>
#include <span>

#include "examples/network.h"
#include "examples/office.h"
#include "examples/traffic.h"

namespace octroi::example {

using Activity = void (*)(Network*, const Session&, const Volume&);

// Who in the office goes where, how often, and for how much.
struct Errand {
  const Zone* zone;
  Activity activity;
  const char* remote;
  uint16_t port;
  const char* name;  // In the DNS; nullptr if it is never looked up.
  int sessions;
  Volume volume;
  int64_t round_trip_us;
};
std::span<const Errand> Errands();

// Who comes from outside, and to what.
struct Visit {
  const Zone* zone;
  Activity activity;
  const char* remote;
  const char* local;
  uint16_t port;
  int sessions;
  Volume volume;
  int64_t round_trip_us;
};
std::span<const Visit> Visits();

// One session of it, from `start_ns` on.
void Run(const Errand& errand, int64_t start_ns, Office* office);
void Run(const Visit& visit, int64_t start_ns, Office* office);

}  // namespace octroi::example
