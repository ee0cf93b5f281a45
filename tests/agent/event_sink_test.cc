// SPDX-License-Identifier: Apache-2.0
#include "agent/event_sink.h"

// The program's own fields only, without the file and line of this test.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cctype>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "tests/support/private_mounts.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

namespace fs = std::filesystem;

using ::octroi::testing::MountMemory;
using ::octroi::testing::RunWithPrivateMounts;
using ::octroi::testing::TempDir;

// A journal that keeps what it is sent until it is asked.
class FakeJournal {
 public:
  explicit FakeJournal(const std::string& path) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    descriptor_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    is_bound_ = ::bind(descriptor_, reinterpret_cast<sockaddr*>(&address),
                       sizeof(address)) == 0;
  }
  ~FakeJournal() { ::close(descriptor_); }
  FakeJournal(const FakeJournal&) = delete;
  FakeJournal& operator=(const FakeJournal&) = delete;

  bool is_bound() const { return is_bound_; }

  // The oldest datagram that waits; "" if there is none.
  std::string Receive() {
    std::string datagram(1 << 16, '\0');
    const ssize_t size =
        ::recv(descriptor_, datagram.data(), datagram.size(), MSG_DONTWAIT);
    datagram.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return datagram;
  }

 private:
  int descriptor_ = -1;
  bool is_bound_ = false;
};

// Reads an entry as the journal does: NAME=VALUE, or NAME, a newline, the
// length in eight bytes, the value, each with a newline behind it.
std::multimap<std::string, std::string> Parse(std::string_view entry) {
  std::multimap<std::string, std::string> fields;
  while (!entry.empty()) {
    const size_t end = entry.find('\n');
    if (end == std::string_view::npos) {
      ADD_FAILURE() << "no newline at the end";
      break;
    }
    const std::string_view line = entry.substr(0, end);
    entry.remove_prefix(end + 1);
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      fields.emplace(line.substr(0, equals), line.substr(equals + 1));
      continue;
    }
    uint64_t size = 0;
    std::memcpy(&size, entry.data(), sizeof(size));
    fields.emplace(line, entry.substr(sizeof(size), size));
    entry.remove_prefix(sizeof(size) + size + 1);
  }
  return fields;
}

Event Sample() {
  return {EventKind::kSourceLost,
          "source lost source=eth0",
          {{"OCTROI_SOURCE", "eth0"}, {"OCTROI_PROBLEM", "gone"}}};
}

TEST(EventSinkTest, WritesTheFieldsOfAnEntry) {
  EXPECT_EQ(JournalEntry(Sample()),
            "MESSAGE=source lost source=eth0\n"
            "MESSAGE_ID=e20f83c695194cd88a322516163b8830\n"
            "PRIORITY=3\n"
            "SYSLOG_IDENTIFIER=octroi\n"
            "OCTROI_EVENT=source_lost\n"
            "OCTROI_SOURCE=eth0\n"
            "OCTROI_PROBLEM=gone\n");
}

// Names come from databases that anybody may have written.
TEST(EventSinkTest, LetsNoValueForgeAField) {
  Event event = Sample();
  const std::string value =
      "a\nPRIORITY=0\nMESSAGE\n\x01\x02=\xff" + std::string(1, '\0') + "\n";
  event.fields[0].value = value;
  event.message = "one\ntwo";

  const auto fields = Parse(JournalEntry(event));

  EXPECT_EQ(fields.size(), 7u);
  EXPECT_EQ(fields.count("PRIORITY"), 1u);
  EXPECT_EQ(fields.find("PRIORITY")->second, "3");
  EXPECT_EQ(fields.find("OCTROI_SOURCE")->second, value);
  EXPECT_EQ(fields.find("MESSAGE")->second, "one\ntwo");
}

TEST(EventSinkTest, LetsNoMessageForgeALine) {
  Event event = Sample();
  event.message = "name a\noctroi: edition adopted\x1b[2J\r";

  const std::string line = EventLine(event);

  EXPECT_EQ(line, "octroi: name a?octroi: edition adopted?[2J?\n");
}

TEST(EventSinkTest, SendsADatagramForEachEntry) {
  const TempDir dir;
  FakeJournal journal(dir.Path("socket"));
  ASSERT_TRUE(journal.is_bound());
  std::ostringstream errors;
  const auto sink = OpenEventSink(dir.Path("socket"), &errors);
  Event second = Sample();
  second.kind = EventKind::kSourceBack;

  EXPECT_TRUE(sink->Write(Sample()));
  EXPECT_TRUE(sink->Write(second));

  EXPECT_EQ(journal.Receive(), JournalEntry(Sample()));
  EXPECT_EQ(journal.Receive(), JournalEntry(second));
  EXPECT_EQ(journal.Receive(), "");
  EXPECT_EQ(errors.str(), "");
}

TEST(EventSinkTest, WritesLinesWhereThereIsNoJournal) {
  const TempDir dir;
  dir.Write("file", "");
  for (const char* name : {"none", "file"}) {
    std::ostringstream errors;
    const auto sink = OpenEventSink(dir.Path(name), &errors);

    EXPECT_TRUE(sink->Write(Sample()));
    EXPECT_EQ(errors.str(), "octroi: source lost source=eth0\n");

    errors.setstate(std::ios::badbit);

    EXPECT_FALSE(sink->Write(Sample()));
  }
}

// A journal that has stopped reading must not stop the writer, and what it does
// not take must not pass for taken.
TEST(EventSinkTest, SaysThatAFullJournalTakesNothingWithoutWaiting) {
  const TempDir dir;
  FakeJournal journal(dir.Path("socket"));
  ASSERT_TRUE(journal.is_bound());
  std::ostringstream errors;
  const auto sink = OpenEventSink(dir.Path("socket"), &errors);

  size_t taken = 0;
  while (taken < 1'000'000 && sink->Write(Sample())) ++taken;

  EXPECT_GT(taken, 0u);
  EXPECT_LT(taken, 1'000'000u);
  EXPECT_FALSE(sink->Write(Sample()));

  journal.Receive();

  EXPECT_TRUE(sink->Write(Sample()));
}

TEST(EventSinkTest, FindsAJournalThatWasStartedAgain) {
  const TempDir dir;
  std::ostringstream errors;
  std::unique_ptr<EventSink> sink;
  {
    FakeJournal journal(dir.Path("socket"));
    ASSERT_TRUE(journal.is_bound());
    sink = OpenEventSink(dir.Path("socket"), &errors);
  }

  EXPECT_FALSE(sink->Write(Sample()));  // Nobody listens.

  fs::remove(dir.Path("socket"));

  EXPECT_FALSE(sink->Write(Sample()));  // Nothing is there.

  FakeJournal journal(dir.Path("socket"));

  EXPECT_TRUE(sink->Write(Sample()));
  EXPECT_EQ(journal.Receive(), JournalEntry(Sample()));
}

// libsystemd speaks the protocol to one place only, so a journal is put there,
// where nobody else sees it.
TEST(EventSinkTest, WritesWhatLibsystemdWrites) {
  Event event = Sample();
  event.fields[1].value = "two\nlines and a long one: " + std::string(300, 'x');
  const EventInfo& info = InfoOf(event.kind);
  std::vector<std::string> texts = {
      "MESSAGE=" + event.message, fmt::format("MESSAGE_ID={}", info.message_id),
      fmt::format("PRIORITY={}", info.priority), "SYSLOG_IDENTIFIER=octroi",
      fmt::format("OCTROI_EVENT={}", info.name)};
  for (const auto& [name, value] : event.fields) {
    texts.push_back(fmt::format("{}={}", name, value));
  }
  std::vector<iovec> parts;
  for (std::string& text : texts) parts.push_back({text.data(), text.size()});

  const std::string problem = RunWithPrivateMounts([&] {
    ASSERT_TRUE(MountMemory("/run", 1 << 20));
    fs::create_directories(fs::path(kJournalSocket).parent_path());
    FakeJournal journal(kJournalSocket);
    ASSERT_TRUE(journal.is_bound());

    ASSERT_EQ(sd_journal_sendv(parts.data(), static_cast<int>(parts.size())),
              0);

    EXPECT_EQ(journal.Receive(), JournalEntry(event));
  });
  if (!problem.empty()) GTEST_SKIP() << problem;
}

TEST(EventSinkTest, KnowsEveryKindByAnIdOfItsOwn) {
  std::set<std::string_view> ids;
  std::set<std::string_view> names;
  for (size_t i = 0; i < kEventKindCount; ++i) {
    const EventInfo& info = kEvents[i];
    EXPECT_EQ(static_cast<size_t>(info.kind), i) << info.name;
    EXPECT_EQ(info.message_id.size(), 32u) << info.name;
    for (const char c : info.message_id) {
      EXPECT_TRUE(std::isdigit(c) || (c >= 'a' && c <= 'f')) << info.name;
    }
    EXPECT_TRUE(ids.insert(info.message_id).second) << info.name;
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
  }
}

}  // namespace
}  // namespace octroi
