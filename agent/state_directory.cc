// SPDX-License-Identifier: Apache-2.0
#include "agent/state_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "config/text_file.h"
#include "evidence/json.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kSchema = "octroi.state/1";
constexpr size_t kMaxStateBytes = 64 * 1024;

std::string SystemError() { return std::generic_category().message(errno); }

// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  int Release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

bool WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// Who holds the lock, as it wrote itself into the file; "" if that is not told.
std::string HolderOf(int descriptor) {
  char text[32] = "";
  const ssize_t size = pread(descriptor, text, sizeof(text) - 1, 0);
  if (size <= 0) return "";
  const std::string_view digits(text, static_cast<size_t>(size));
  const size_t end = digits.find_first_not_of("0123456789");
  return end == 0 ? "" : fmt::format(" (process {})", digits.substr(0, end));
}

absl::Status CannotWrite(const std::string& path) {
  return absl::UnavailableError(fmt::format(
      "{}: the state cannot be kept there: {}; set state_directory to a folder "
      "that octroi may write",
      path, SystemError()));
}

}  // namespace

SeenTotals& SeenTotals::operator+=(const SeenTotals& other) {
  received_packets += other.received_packets;
  accounted_packets += other.accounted_packets;
  undecoded_packets += other.undecoded_packets;
  lost_packets += other.lost_packets;
  lost_flow_records += other.lost_flow_records;
  blind_ns += other.blind_ns;
  return *this;
}

std::string StateToText(const DaemonState& state) {
  const SeenTotals& totals = state.totals;
  return ToPage({{"schema", kSchema},
                 {"runs", state.run_count},
                 {"first_start", FormatInstant(state.first_start_ns)},
                 {"alive", FormatInstant(state.alive_ns)},
                 {"has_ended", state.has_ended},
                 {"edition", state.edition_digest},
                 {"totals",
                  {{"received_packets", totals.received_packets},
                   {"accounted_packets", totals.accounted_packets},
                   {"undecoded_packets", totals.undecoded_packets},
                   {"lost_packets", totals.lost_packets},
                   {"lost_flow_records", totals.lost_flow_records},
                   {"blind_ns", totals.blind_ns}}}});
}

absl::StatusOr<DaemonState> StateFromText(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto failed = [](std::string_view what) {
    return absl::DataLossError(fmt::format(
        "{}; a file that octroi wrote (schema {}) is accepted", what, kSchema));
  };
  if (!json.is_object()) return failed("is not a JSON object");
  if (json.value("schema", Json()) != Json(kSchema)) {
    return failed("is of another schema");
  }
  // Reads one member of the right type; remembers the first that is not there.
  std::string missing;
  const auto number = [&](const Json& object, const char* key) -> uint64_t {
    const auto found = object.find(key);
    if (found != object.end() && found->is_number_unsigned()) {
      return found->get<uint64_t>();
    }
    if (missing.empty()) missing = key;
    return 0;
  };
  const auto instant = [&](const char* key) -> int64_t {
    const auto found = json.find(key);
    if (found != json.end() && found->is_string()) {
      const auto ns = ParseInstant(found->get<std::string>());
      if (ns) return *ns;
    }
    if (missing.empty()) missing = key;
    return 0;
  };
  DaemonState state;
  state.run_count = number(json, "runs");
  state.first_start_ns = instant("first_start");
  state.alive_ns = instant("alive");
  const auto has_ended = json.find("has_ended");
  const auto edition = json.find("edition");
  const auto totals = json.find("totals");
  if (has_ended == json.end() || !has_ended->is_boolean() ||
      edition == json.end() || !edition->is_string() || totals == json.end() ||
      !totals->is_object()) {
    return failed("lacks has_ended, edition or totals");
  }
  state.has_ended = has_ended->get<bool>();
  state.edition_digest = edition->get<std::string>();
  state.totals.received_packets = number(*totals, "received_packets");
  state.totals.accounted_packets = number(*totals, "accounted_packets");
  state.totals.undecoded_packets = number(*totals, "undecoded_packets");
  state.totals.lost_packets = number(*totals, "lost_packets");
  state.totals.lost_flow_records = number(*totals, "lost_flow_records");
  state.totals.blind_ns = static_cast<int64_t>(number(*totals, "blind_ns"));
  if (!missing.empty()) return failed(fmt::format("lacks {}", missing));
  if (state.totals.blind_ns < 0) return failed("has a blind_ns out of range");
  return state;
}

absl::StatusOr<std::unique_ptr<StateDirectory>> StateDirectory::Open(
    const std::string& path) {
  if (mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    return CannotWrite(path);
  }
  const std::string lock_path = path + "/lock";
  Descriptor lock(
      open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (lock.number() < 0) return CannotWrite(path);
  if (flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return CannotWrite(path);
    return absl::FailedPreconditionError(fmt::format(
        "{}: another octroi{} uses it; stop that one, or give this one a "
        "state_directory of its own",
        path, HolderOf(lock.number())));
  }
  if (ftruncate(lock.number(), 0) != 0 ||
      !WriteAll(lock.number(), fmt::format("{}\n", getpid()))) {
    return CannotWrite(path);
  }
  return std::unique_ptr<StateDirectory>(
      new StateDirectory(path, lock.Release()));
}

StateDirectory::~StateDirectory() { close(lock_); }

absl::StatusOr<std::optional<DaemonState>> StateDirectory::Read() {
  if (access(FilePath().c_str(), F_OK) != 0 && errno == ENOENT) {
    return std::optional<DaemonState>();
  }
  const absl::StatusOr<std::string> text =
      ReadTextFile(FilePath(), kMaxStateBytes);
  const absl::StatusOr<DaemonState> state =
      text.ok() ? StateFromText(*text)
                : absl::StatusOr<DaemonState>(text.status());
  if (state.ok()) return std::optional<DaemonState>(*state);
  const std::string aside = FilePath() + ".unreadable";
  const bool is_aside = std::rename(FilePath().c_str(), aside.c_str()) == 0;
  return absl::DataLossError(
      fmt::format("{}: {}; {}, and counting begins anew", FilePath(),
                  std::string(state.status().message()),
                  is_aside ? fmt::format("it was renamed to {}", aside)
                           : std::string("it stays where it is")));
}

absl::Status StateDirectory::Write(const DaemonState& state) {
  const std::string partial = FilePath() + ".partial";
  const Descriptor file(
      open(partial.c_str(),
           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (file.number() < 0 || !WriteAll(file.number(), StateToText(state)) ||
      fsync(file.number()) != 0 ||
      std::rename(partial.c_str(), FilePath().c_str()) != 0) {
    return CannotWrite(path_);
  }
  return absl::OkStatus();
}

}  // namespace octroi
