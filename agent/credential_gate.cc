// SPDX-License-Identifier: Apache-2.0
#include "agent/credential_gate.h"

#include <strings.h>
#include <sys/random.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "agent/password_hash.h"
#include "evidence/digest.h"
#include "fmt/format.h"

namespace octroi {
namespace {

// Right passwords: more than there are users, since bcrypt does not look at
// what follows its 72 bytes.
constexpr size_t kMaxGranted = 2 * kMaxBasicAuthUsers;
// A scraper with a wrong password repeats it.
constexpr size_t kMaxRefused = 256;

// RFC 4648 §4 with padding; nothing for anything else.
std::optional<std::string> FromBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  uint32_t bits = 0;
  size_t padding = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t value = kAlphabet.find(text[i]);
    if (text[i] == '=' && i + 2 >= text.size()) {
      ++padding;
    } else if (value == std::string_view::npos || padding > 0) {
      return std::nullopt;
    }
    bits = bits << 6 | static_cast<uint32_t>(padding > 0 ? 0 : value);
    if (i % 4 != 3) continue;
    for (int shift = 16; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(bits >> shift & 0xFF));
    }
    bits = 0;
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

struct Credentials {
  std::string name;
  std::string password;
};

std::optional<Credentials> ReadBasic(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (authorization.size() < kScheme.size() ||
      ::strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) !=
          0) {
    return std::nullopt;
  }
  authorization.remove_prefix(kScheme.size());
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  while (authorization.ends_with(' ')) authorization.remove_suffix(1);
  auto text = FromBase64(authorization);
  if (!text) return std::nullopt;
  const size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace

bool CredentialGate::RecentDigests::Contains(const std::string& digest) const {
  return std::find(digests_.begin(), digests_.end(), digest) != digests_.end();
}

void CredentialGate::RecentDigests::Insert(const std::string& digest) {
  if (Contains(digest)) return;
  digests_.push_back(digest);
  if (digests_.size() > limit_) digests_.pop_front();
}

CredentialGate::CredentialGate(Answer answer)
    : answer_(std::move(answer)), granted_(kMaxGranted), refused_(kMaxRefused) {
  // Cannot fail for up to 256 bytes, once the kernel has its first random ones.
  const ssize_t size = ::getrandom(key_.data(), key_.size(), 0);
  if (size != static_cast<ssize_t>(key_.size())) std::abort();
}

CredentialGate::~CredentialGate() { Stop(); }

absl::Status CredentialGate::Start() {
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(
        fmt::format("metrics: a thread cannot be started: {}", error.what()));
  }
  return absl::OkStatus();
}

void CredentialGate::Stop() {
  {
    const std::lock_guard lock(mutex_);
    should_end_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string CredentialGate::DigestOf(
    std::initializer_list<std::string_view> parts) const {
  Sha256 digest;
  digest.Update(std::string_view(key_.data(), key_.size()));
  for (const std::string_view part : parts) {
    digest.Update(fmt::format("{}:", part.size()));
    digest.Update(part);
  }
  return digest.FinishHex();
}

std::optional<Access> CredentialGate::Ask(uint64_t ticket,
                                          const IpAddress& source,
                                          std::string_view authorization,
                                          const Users& users) {
  assert(!users->empty());
  auto given = ReadBasic(authorization);
  if (!given) return Access::kRefused;
  // The same work for every name: each user is looked at.
  const size_t stand_in =
      std::strtoull(DigestOf({given->name}).substr(0, 8).c_str(), nullptr, 16) %
      users->size();
  const BasicAuthUser* user = &(*users)[stand_in];
  bool is_known = false;
  for (const BasicAuthUser& one : *users) {
    if (!IsEqualInConstantTime(one.name, given->name)) continue;
    user = &one;
    is_known = true;
  }
  Check check = {ticket,     source, std::move(given->password),
                 user->hash, "",     is_known};
  check.digest = DigestOf({given->name, check.password, check.hash});

  std::optional<uint64_t> displaced;
  {
    const std::lock_guard lock(mutex_);
    if (granted_.Contains(check.digest)) return Access::kGranted;
    if (refused_.Contains(check.digest)) return Access::kRefused;
    if (waiting_.size() >= kMaxWaiting) {
      // The newest of the source that has most takes the blame, if the
      // newcomer's has fewer.
      auto greediest = waiting_.begin();
      for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
        if (WaitingOf(one->source) >= WaitingOf(greediest->source)) {
          greediest = one;
        }
      }
      if (WaitingOf(source) + 1 >= WaitingOf(greediest->source)) {
        return Access::kBusy;
      }
      displaced = greediest->ticket;
      waiting_.erase(greediest);
    }
    waiting_.push_back(std::move(check));
  }
  changed_.notify_all();
  if (displaced) answer_(*displaced, Access::kBusy);
  return std::nullopt;
}

size_t CredentialGate::WaitingOf(const IpAddress& source) const {
  return static_cast<size_t>(
      std::count_if(waiting_.begin(), waiting_.end(),
                    [&](const Check& one) { return one.source == source; }));
}

CredentialGate::Check CredentialGate::TakeNext() {
  auto next = waiting_.begin();
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
    if (WaitingOf(one->source) < WaitingOf(next->source)) next = one;
  }
  Check check = std::move(*next);
  waiting_.erase(next);
  return check;
}

void CredentialGate::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return should_end_ || !waiting_.empty(); });
    if (should_end_) return;
    Check check = TakeNext();
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    const bool is_granted =
        PasswordMatches(check.password, check.hash) && check.is_known_user;
    const auto cost = std::chrono::steady_clock::now() - begin;
    ::explicit_bzero(check.password.data(), check.password.size());
    lock.lock();
    ++check_count_;
    (is_granted ? granted_ : refused_).Insert(check.digest);
    lock.unlock();
    answer_(check.ticket, is_granted ? Access::kGranted : Access::kRefused);
    lock.lock();
    // The workers want the processor too.
    if (!waiting_.empty()) {
      changed_.wait_for(lock, cost, [this] { return should_end_; });
    }
  }
}

uint64_t CredentialGate::check_count() const {
  const std::lock_guard lock(mutex_);
  return check_count_;
}

}  // namespace octroi
