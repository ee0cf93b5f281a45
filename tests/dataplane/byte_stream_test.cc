// SPDX-License-Identifier: Apache-2.0
#include "dataplane/byte_stream.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tests/support/capture_builder.h"
#include "tests/support/temp_dir.h"

namespace octroi {
namespace {

using ::octroi::testing::Gzip;
using ::octroi::testing::TempDir;
using ::octroi::testing::Zstd;
using ::testing::HasSubstr;

std::unique_ptr<ByteStream> OpenOrDie(const std::string& path,
                                      ByteStream::Observer observer = nullptr) {
  auto stream = ByteStream::Open(path, std::move(observer));
  EXPECT_TRUE(stream.ok()) << stream.status();
  return *std::move(stream);
}

// Everything that is left, taken in steps of `step` bytes.
std::string ReadAll(ByteStream* stream, size_t step) {
  std::string content;
  for (;;) {
    stream->Fill(step);
    const auto window = stream->window();
    const size_t bytes = std::min(step, window.size());
    if (bytes == 0) return content;
    content.append(reinterpret_cast<const char*>(window.data()), bytes);
    stream->Consume(bytes);
  }
}

// Compresses badly, so that several blocks are read of compressed forms too.
std::string Noise(size_t bytes) {
  std::mt19937 random(7);
  std::string noise(bytes, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}

struct EncodingCase {
  const char* description;
  std::string stored;
  std::string content;
  ByteStream::Encoding encoding;
};

std::vector<EncodingCase> EncodingCases() {
  using Encoding = ByteStream::Encoding;
  const std::string noise = Noise(1'500'000);
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  return {
      {"empty", "", "", Encoding::kPlain},
      {"one byte", "x", "x", Encoding::kPlain},
      {"plain", noise, noise, Encoding::kPlain},
      {"gzip", Gzip(noise), noise, Encoding::kGzip},
      {"gzip of nothing", Gzip(""), "", Encoding::kGzip},
      {"gzip members", Gzip(noise) + Gzip("") + Gzip("tail"), noise + "tail",
       Encoding::kGzip},
      {"gzip padded with zeros", Gzip(noise) + std::string(512, '\0'), noise,
       Encoding::kGzip},
      {"gzip of zeros", Gzip(std::string(3'000'000, '\0')),
       std::string(3'000'000, '\0'), Encoding::kGzip},
      {"zstd", Zstd(noise), noise, Encoding::kZstd},
      {"zstd frames", Zstd(noise) + Zstd("") + Zstd("tail"), noise + "tail",
       Encoding::kZstd},
      {"zstd behind a skippable frame", skippable + Zstd(noise), noise,
       Encoding::kZstd},
      {"zstd of zeros", Zstd(std::string(3'000'000, '\0')),
       std::string(3'000'000, '\0'), Encoding::kZstd},
  };
}

TEST(ByteStreamTest, GivesTheDecompressedContentInAnyStep) {
  const TempDir dir;
  for (const EncodingCase& c : EncodingCases()) {
    const std::string path = dir.Write("stream", c.stored);
    for (const size_t step : {1'000, 262'143, 1'048'577}) {
      SCOPED_TRACE(std::string(c.description) + " " + std::to_string(step));
      const auto stream = OpenOrDie(path);

      const std::string content = ReadAll(stream.get(), step);

      EXPECT_EQ(stream->encoding(), c.encoding);
      EXPECT_TRUE(content == c.content);
      EXPECT_TRUE(stream->status().ok()) << stream->status();
      EXPECT_EQ(stream->offset(), c.content.size());
      EXPECT_EQ(stream->raw_bytes_read(), c.stored.size());
      EXPECT_EQ(stream->file_bytes(), c.stored.size());
      EXPECT_TRUE(stream->is_fully_read());
    }
  }
}

TEST(ByteStreamTest, ShowsTheObserverEveryRawByteOnce) {
  const TempDir dir;
  for (const EncodingCase& c : EncodingCases()) {
    SCOPED_TRACE(c.description);
    const std::string path = dir.Write("stream", c.stored);
    std::string seen;
    const auto stream = OpenOrDie(path, [&seen](std::span<const uint8_t> raw) {
      seen.append(reinterpret_cast<const char*>(raw.data()), raw.size());
    });

    // Stops half way: draining shows the rest.
    if (!c.content.empty()) {
      ASSERT_TRUE(stream->Fill(1));
      stream->Consume(1);
    }
    stream->Drain();

    EXPECT_TRUE(seen == c.stored);
    EXPECT_TRUE(stream->is_fully_read());
    EXPECT_TRUE(stream->window().empty());
    EXPECT_FALSE(stream->Fill(1));
  }
}

TEST(ByteStreamTest, KeepsAWindowOfTheLargestSize) {
  const TempDir dir;
  const std::string content = Noise(ByteStream::kMaxWindowBytes + 100'000);
  const auto stream = OpenOrDie(dir.Write("stream", content));
  ASSERT_TRUE(stream->Fill(99'999));
  stream->Consume(99'999);

  ASSERT_TRUE(stream->Fill(ByteStream::kMaxWindowBytes));

  const auto window = stream->window().first(ByteStream::kMaxWindowBytes);
  EXPECT_TRUE(std::equal(
      window.begin(), window.end(), content.begin() + 99'999,
      [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); }));
}

TEST(ByteStreamTest, LeavesHeldBytesAsTheyAre) {
  const std::string content = Noise(3'000'000);
  const TempDir dir;
  for (const std::string& stored : {content, Gzip(content)}) {
    const auto stream = OpenOrDie(dir.Write("held", stored));
    struct Held {
      std::shared_ptr<const void> memory;
      std::span<const uint8_t> bytes;
    };
    std::vector<Held> held;

    // Steps that leave a tail, and one that makes the memory grow.
    size_t step = 1000;
    for (;;) {
      // Of a plain file, some is read ahead.
      if (held.size() % 400 < 200) stream->PlanAhead();
      if (!stream->Fill(step)) break;
      held.push_back({stream->Hold(), stream->window().first(step)});
      stream->Consume(step);
      step = held.size() == 500 ? 1'500'000 : 999;
    }
    stream->Drain();

    std::string seen;
    for (const Held& one : held) {
      seen.append(reinterpret_cast<const char*>(one.bytes.data()),
                  one.bytes.size());
    }
    EXPECT_GT(held.size(), 1000u);
    EXPECT_EQ(seen, content.substr(0, seen.size()));
  }
}

// Memory stays constant however long a stream is, if what is held is.
TEST(ByteStreamTest, UsesMemoryAgainThatNobodyHolds) {
  const TempDir dir;
  const auto stream = OpenOrDie(dir.Write("long", Noise(8'000'000)));
  std::shared_ptr<const void> held;
  std::set<const void*> memories;

  while (stream->Fill(1000)) {
    held = stream->Hold();
    memories.insert(held.get());
    stream->Consume(1000);
  }

  EXPECT_EQ(memories.size(), 2u);
}

// As a lane of a replay does: plans what it can before each step, and has some
// of it read elsewhere.
enum class WhoReads { kNobody, kThisThread, kOtherThreads, kSomeOfEach };

TEST(ByteStreamTest, GivesTheSameContentWhateverIsReadAhead) {
  const TempDir dir;
  const std::string content = Noise(5'000'000);
  const std::string path = dir.Write("plain", content);
  for (const WhoReads who : {WhoReads::kNobody, WhoReads::kThisThread,
                             WhoReads::kOtherThreads, WhoReads::kSomeOfEach}) {
    // The last ones are larger than a block.
    for (const size_t step : {999, 300'000, 1'500'000}) {
      SCOPED_TRACE(fmt::format("{} {}", static_cast<int>(who), step));
      std::string observed;
      const auto stream = OpenOrDie(path, [&](std::span<const uint8_t> raw) {
        observed.append(reinterpret_cast<const char*>(raw.data()), raw.size());
      });
      std::vector<std::thread> threads;
      std::string seen;
      size_t planned_count = 0;
      do {
        while (auto ahead = stream->PlanAhead()) {
          planned_count += 1;
          EXPECT_FALSE(ahead->is_used());
          const bool is_read_here =
              who == WhoReads::kThisThread ||
              (who == WhoReads::kSomeOfEach && planned_count % 3 == 0);
          const bool is_read_there =
              who == WhoReads::kOtherThreads ||
              (who == WhoReads::kSomeOfEach && planned_count % 3 == 1);
          if (is_read_here) ahead->Read();
          if (is_read_there) threads.emplace_back([ahead] { ahead->Read(); });
        }
        stream->Fill(step);
        const auto window = stream->window();
        const size_t bytes = std::min(step, window.size());
        seen.append(reinterpret_cast<const char*>(window.data()), bytes);
        stream->Consume(bytes);
      } while (!stream->window().empty() || stream->Fill(1));
      for (std::thread& thread : threads) thread.join();

      EXPECT_GT(planned_count, 10u);
      EXPECT_TRUE(seen == content);
      EXPECT_TRUE(observed == content);
      EXPECT_TRUE(stream->status().ok()) << stream->status();
      EXPECT_EQ(stream->raw_bytes_read(), content.size());
      EXPECT_TRUE(stream->is_fully_read());
    }
  }
}

TEST(ByteStreamTest, PlansABoundedPartOfThePlainFile) {
  const TempDir dir;
  const auto stream = OpenOrDie(dir.Write("plain", Noise(8'000'000)));

  size_t planned_count = 0;
  std::shared_ptr<BytesAhead> last;
  while (auto ahead = stream->PlanAhead()) {
    last = std::move(ahead);
    planned_count += 1;
    ASSERT_LT(planned_count, 20u);
  }
  EXPECT_GT(planned_count, 1u);

  // Once the stream has come to one of them there is room for another.
  while (!last->is_used()) {
    ASSERT_TRUE(stream->Fill(1000));
    stream->Consume(1000);
  }
  EXPECT_NE(stream->PlanAhead(), nullptr);

  const auto small = OpenOrDie(dir.Write("small", "all is read at once"));
  EXPECT_EQ(small->PlanAhead(), nullptr);
  const auto compressed = OpenOrDie(dir.Write("gz", Gzip(Noise(2'000'000))));
  EXPECT_EQ(compressed->PlanAhead(), nullptr);
}

// A capture that is written anew while it is read: what was read counts.
TEST(ByteStreamTest, EndsWhereAFileHasBecomeShorter) {
  const TempDir dir;
  const std::string content = Noise(4'000'000);
  const std::string path = dir.Write("shrinks", content);
  const auto stream = OpenOrDie(path);
  std::vector<std::shared_ptr<BytesAhead>> planned;
  while (auto ahead = stream->PlanAhead()) planned.push_back(std::move(ahead));
  planned[0]->Read();
  ASSERT_EQ(::truncate(path.c_str(), 600'000), 0);
  planned[2]->Read();

  const std::string seen = ReadAll(stream.get(), 1000);

  EXPECT_TRUE(seen == content.substr(0, 600'000));
  EXPECT_TRUE(stream->status().ok()) << stream->status();
  EXPECT_TRUE(planned.back()->is_used());
}

TEST(ByteStreamTest, LeavesWhatWasPlannedUsableWithoutTheStream) {
  const TempDir dir;
  auto stream = OpenOrDie(dir.Write("plain", Noise(2'000'000)));
  const std::shared_ptr<BytesAhead> read = stream->PlanAhead();
  const std::shared_ptr<BytesAhead> not_read = stream->PlanAhead();
  read->Read();

  stream.reset();
  not_read->Read();

  EXPECT_TRUE(read->is_used());
  EXPECT_TRUE(not_read->is_used());
}

// Every place where a compressed file can be cut: what was read counts, and
// the end is an error that says where in the file.
TEST(ByteStreamTest, ReportsACutOffStreamAtItsEnd) {
  const TempDir dir;
  const std::string content = "many words, many words, many words";
  for (const std::string& stored : {Gzip(content), Zstd(content)}) {
    for (size_t bytes = 4; bytes < stored.size(); ++bytes) {
      SCOPED_TRACE(bytes);
      const std::string path = dir.Write("stream", stored.substr(0, bytes));
      const auto stream = OpenOrDie(path);

      const std::string read = ReadAll(stream.get(), 7);

      EXPECT_TRUE(content.starts_with(read));
      EXPECT_EQ(stream->status().message(),
                path + ": byte " + std::to_string(bytes) +
                    " of the file: the " +
                    std::string(EncodingName(stream->encoding())) +
                    " stream is cut off; what came before was read");
    }
  }
}

TEST(ByteStreamTest, ReportsABrokenStreamBehindWhatItHeld) {
  const std::string noise = Noise(600'000);
  std::string bad_checksum = Gzip(noise);
  bad_checksum[bad_checksum.size() - 8] ^= 1;
  std::string bad_zstd = Zstd(noise) + "trailing garbage";
  const struct {
    const char* description;
    std::string stored;
    bool is_whole_content_there;
    const char* message;
  } kCases[] = {
      {"checksum", bad_checksum, true, "incorrect data check"},
      {"garbage behind gzip", Gzip(noise) + "garbage", true,
       "incorrect header check"},
      {"garbage behind zstd", bad_zstd, true, "Unknown frame descriptor"},
      {"no deflate", std::string("\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff", 12),
       false, "invalid block type"},
  };
  const TempDir dir;
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.description);
    const auto stream = OpenOrDie(dir.Write("stream", c.stored));

    const std::string read = ReadAll(stream.get(), 1000);

    EXPECT_EQ(read == noise, c.is_whole_content_there);
    EXPECT_THAT(std::string(stream->status().message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(stream->status().message()), HasSubstr(": byte "));
  }
}

// A frame header that asks for 2 GiB of memory.
TEST(ByteStreamTest, RefusesAZstdWindowAboveTheLimit) {
  const TempDir dir;
  const std::string frame("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", 9);
  const auto stream = OpenOrDie(dir.Write("stream", frame));

  EXPECT_FALSE(stream->Fill(1));

  EXPECT_THAT(std::string(stream->status().message()),
              HasSubstr("too much memory"));
}

TEST(ByteStreamTest, RefusesWhatIsNoFile) {
  const TempDir dir;

  const auto missing = ByteStream::Open(dir.Path("missing"));
  const auto directory = ByteStream::Open(dir.Path(""));

  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(missing.status().message(),
            dir.Path("missing") +
                ": cannot be opened: No such file or directory; a readable "
                "capture file is accepted");
  EXPECT_THAT(std::string(directory.status().message()),
              HasSubstr(": is a directory; "));
}

// A pipe hands over what is there, in pieces of any size, and has no length.
TEST(ByteStreamTest, ReadsAPipe) {
  const TempDir dir;
  const std::string path = dir.Path("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const std::string noise = Noise(700'000);
  std::thread writer([&path, &noise] {
    const int descriptor = ::open(path.c_str(), O_WRONLY);
    for (size_t i = 0; i < noise.size();) {
      const ssize_t count = ::write(descriptor, noise.data() + i,
                                    std::min<size_t>(9'999, noise.size() - i));
      if (count <= 0) break;
      i += static_cast<size_t>(count);
    }
    ::close(descriptor);
  });
  const auto stream = OpenOrDie(path);

  const std::string content = ReadAll(stream.get(), 300'000);

  writer.join();
  EXPECT_TRUE(content == noise);
  EXPECT_EQ(stream->file_bytes(), std::nullopt);
  EXPECT_TRUE(stream->is_fully_read());
}

// An endless device must not be drained.
TEST(ByteStreamTest, LeavesTheRestOfADeviceAlone) {
  const auto stream = OpenOrDie("/dev/zero");

  stream->Drain();

  EXPECT_FALSE(stream->is_fully_read());
}

}  // namespace
}  // namespace octroi
