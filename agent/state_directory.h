// SPDX-License-Identifier: Apache-2.0
// The folder that the daemon keeps its memory in, from one run to the next:
// what it has seen since it was first started, when it was last alive, and what
// it then believed. One process at a time uses a folder.
//
// The state is one small JSON file, `state.json`, replaced as a whole: a
// process that is killed at any point leaves the old one or the new one. The
// lock is the kernel's and ends with the process, however that ends.
//
// Thread safety: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace octroi {

// What was seen by all runs together. Counters never go backwards.
struct SeenTotals {
  uint64_t received_packets = 0;
  uint64_t accounted_packets = 0;
  uint64_t undecoded_packets = 0;
  uint64_t lost_packets = 0;  // Known to be lost, wherever.
  uint64_t lost_flow_records = 0;
  // Time in which not everything was seen, ns; the sum over all sources.
  int64_t blind_ns = 0;

  SeenTotals& operator+=(const SeenTotals& other);
  friend bool operator==(const SeenTotals&, const SeenTotals&) = default;
};

struct DaemonState {
  uint64_t run_count = 0;  // The present one included.
  // Ns since the Unix epoch. Of the first run, and when this file was written.
  int64_t first_start_ns = 0;
  int64_t alive_ns = 0;
  // The run that wrote it ended as it should.
  bool has_ended = false;
  std::string edition_digest;
  SeenTotals totals;

  friend bool operator==(const DaemonState&, const DaemonState&) = default;
};

// Text of a state file, and back. Reading fails for any other text, saying what
// was found and what is accepted.
std::string StateToText(const DaemonState& state);
absl::StatusOr<DaemonState> StateFromText(std::string_view text);

class StateDirectory {
 public:
  // Makes the folder if its parent is there, and locks it. Fails if another
  // process has the lock, naming it, or if nothing can be written there.
  static absl::StatusOr<std::unique_ptr<StateDirectory>> Open(
      const std::string& path);
  ~StateDirectory();
  StateDirectory(const StateDirectory&) = delete;
  StateDirectory& operator=(const StateDirectory&) = delete;

  // What the last run left; nothing where there was none. A file that is not a
  // state is renamed to `state.json.unreadable` and told by the error: the run
  // then goes on as a first one.
  absl::StatusOr<std::optional<DaemonState>> Read();
  // Replaces the state, on disk when this returns.
  absl::Status Write(const DaemonState& state);

  const std::string& path() const { return path_; }

 private:
  StateDirectory(std::string path, int lock)
      : path_(std::move(path)), lock_(lock) {}

  std::string FilePath() const { return path_ + "/state.json"; }

  const std::string path_;
  const int lock_;
};

}  // namespace octroi
