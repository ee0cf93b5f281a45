// SPDX-License-Identifier: Apache-2.0
#include "agent/event_sink.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <ostream>
#include <string_view>

#include "agent/text.h"
#include "fmt/format.h"

namespace octroi {
namespace {

bool IsFieldName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void AppendField(std::string_view name, std::string_view value,
                 std::string* entry) {
  assert(IsFieldName(name));
  *entry += name;
  if (value.find('\n') == std::string_view::npos) {
    *entry += '=';
  } else {
    *entry += '\n';
    const uint64_t size = value.size();
    for (int shift = 0; shift < 64; shift += 8) {  // Little-endian.
      *entry += static_cast<char>(size >> shift);
    }
  }
  *entry += value;
  *entry += '\n';
}

class JournalSink : public EventSink {
 public:
  JournalSink(int descriptor, const sockaddr_un& address)
      : descriptor_(descriptor), address_(address) {}
  ~JournalSink() override { ::close(descriptor_); }
  JournalSink(const JournalSink&) = delete;
  JournalSink& operator=(const JournalSink&) = delete;

  // To the path each time: a journal that was started again listens there.
  bool Write(const Event& event) override {
    const std::string entry = JournalEntry(event);
    const ssize_t sent_bytes = ::sendto(
        descriptor_, entry.data(), entry.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&address_), sizeof(address_));
    return sent_bytes == static_cast<ssize_t>(entry.size());
  }

 private:
  const int descriptor_;
  const sockaddr_un address_;
};

class LineSink : public EventSink {
 public:
  explicit LineSink(std::ostream* errors) : errors_(errors) {}

  bool Write(const Event& event) override {
    *errors_ << EventLine(event) << std::flush;
    return errors_->good();
  }

 private:
  std::ostream* const errors_;
};

bool IsSocket(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

std::string JournalEntry(const Event& event) {
  const EventInfo& info = InfoOf(event.kind);
  std::string entry;
  AppendField("MESSAGE", event.message, &entry);
  AppendField("MESSAGE_ID", info.message_id, &entry);
  AppendField("PRIORITY", fmt::format("{}", info.priority), &entry);
  AppendField("SYSLOG_IDENTIFIER", "octroi", &entry);
  AppendField("OCTROI_EVENT", info.name, &entry);
  for (const auto& [name, value] : event.fields) {
    AppendField(name, value, &entry);
  }
  return entry;
}

std::string EventLine(const Event& event) {
  return fmt::format("octroi: {}\n", Printable(event.message));
}

std::unique_ptr<EventSink> OpenEventSink(const std::string& socket_path,
                                         std::ostream* errors) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (IsSocket(socket_path) && socket_path.size() < sizeof(address.sun_path)) {
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0) {
      return std::make_unique<JournalSink>(descriptor, address);
    }
  }
  return std::make_unique<LineSink>(errors);
}

}  // namespace octroi
