// SPDX-License-Identifier: Apache-2.0
// Who gives the name and password of a user (RFC 7617). A bcrypt check is slow
// by design, so it has a thread of its own, one at a time and at most half of
// the time; what it found is remembered, so that a scrape pays it once. A flood
// of wrong passwords therefore delays nobody whose password is known to be
// right, and of others it delays first those that come from its own address.
//
// Remembered are digests with a key that is made at the start and kept nowhere.
// An unknown name is checked against the hash of one of the users, always the
// same one for a name, and so costs what a known one does.
//
// Thread safety: Ask belongs to one thread; Start and Stop to one.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "config/web_config.h"
#include "geo/ip_address.h"

namespace octroi {

enum class Access : uint8_t {
  kGranted,
  kRefused,
  kBusy,  // Too many wait for a check: ask again.
};

class CredentialGate {
 public:
  using Users = std::shared_ptr<const std::vector<BasicAuthUser>>;
  // Told what came of a ticket, on the gate's thread or within Ask.
  using Answer = std::function<void(uint64_t ticket, Access access)>;

  // Requests that wait for a check. With the one under way, each answered in
  // about twice the time of as many checks.
  static constexpr size_t kMaxWaiting = 4;

  explicit CredentialGate(Answer answer);
  ~CredentialGate();
  CredentialGate(const CredentialGate&) = delete;
  CredentialGate& operator=(const CredentialGate&) = delete;

  absl::Status Start();
  // Ends the thread; who waits is not answered. Waits for the check under way.
  void Stop();

  // What is known at once of a request with this header Authorization ("" if it
  // has none); nothing: the answer will be told.
  // REQUIRES: users are not empty.
  std::optional<Access> Ask(uint64_t ticket, const IpAddress& source,
                            std::string_view authorization, const Users& users);

  // Checks made since the start. Any thread.
  uint64_t check_count() const;

 private:
  // The last that were put in, up to a limit.
  class RecentDigests {
   public:
    explicit RecentDigests(size_t limit) : limit_(limit) {}
    bool Contains(const std::string& digest) const;
    void Insert(const std::string& digest);

   private:
    const size_t limit_;
    std::deque<std::string> digests_;
  };
  struct Check {
    uint64_t ticket = 0;
    IpAddress source;
    std::string password;
    std::string hash;
    std::string digest;
    bool is_known_user = false;
  };

  void Run();
  std::string DigestOf(std::initializer_list<std::string_view> parts) const;
  // Takes the next check, fair to sources. REQUIRES: one waits.
  Check TakeNext();
  // How many of the waiting are of this source.
  size_t WaitingOf(const IpAddress& source) const;

  const Answer answer_;
  std::array<char, 32> key_{};
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_.
  bool should_end_ = false;
  std::deque<Check> waiting_;
  RecentDigests granted_;
  RecentDigests refused_;
  uint64_t check_count_ = 0;
};

}  // namespace octroi
