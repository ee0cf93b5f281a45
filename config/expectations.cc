// SPDX-License-Identifier: Apache-2.0
#include "config/expectations.h"

#include <charconv>
#include <limits>
#include <utility>

#include "config/csv.h"
#include "config/suggest.h"
#include "fmt/format.h"
#include "geo/calendar.h"

namespace octroi {
namespace {

constexpr std::string_view kColumns[] = {"local", "remote",  "port",
                                         "time",  "verdict", "reason"};
constexpr std::string_view kOptionalColumns[] = {"protocol", "opened_by",
                                                 "note"};
constexpr std::string_view kProtocols[] = {"tcp", "udp", "sctp", "icmp"};
constexpr std::string_view kOpeners[] = {"local", "remote"};

// IANA's protocol numbers.
constexpr uint8_t kIcmp = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIcmpV6 = 58;
constexpr uint8_t kSctp = 132;

bool HasPorts(uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp;
}

// A decimal number of the type's range.
template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc() || end != last) return std::nullopt;
  return number;
}

// The values of one row, each checked.
class ExpectationReader {
 public:
  explicit ExpectationReader(CsvTable* table) : table_(*table) {
    for (size_t i = 0; i < static_cast<size_t>(Verdict::kCount); ++i) {
      verdicts_.push_back(VerdictName(static_cast<Verdict>(i)));
    }
    for (const ReasonInfo& info : kReasons) reasons_.push_back(info.name);
  }

  Expectation Read() {
    Expectation row;
    row.line = table_.line();
    row.local = Address("local");
    row.remote = Address("remote");
    if (row.local.is_v4() != row.remote.is_v4() && table_.row_is_good()) {
      table_.Error("remote",
                   "is not of the family of the local address; write two IPv4 "
                   "or two IPv6 addresses");
    }
    row.protocol_identifier = Protocol(row.local.is_v4());
    row.port = Port(row.protocol_identifier);
    row.start_ns = Time();
    row.time_text = table_.Text("time");
    row.verdict =
        ParseVerdict(Word("verdict", verdicts_)).value_or(Verdict::kNotJudged);
    if (!table_.Text("reason").empty()) {
      row.reason = ParseReason(Word("reason", reasons_));
    }
    if (!table_.Text("opened_by").empty()) {
      row.is_opened_by_local = Word("opened_by", kOpeners) == "local";
    }
    row.note = table_.Text("note");
    return row;
  }

 private:
  IpAddress Address(std::string_view column) {
    const std::string_view text = table_.Text(column);
    const std::optional<IpAddress> address = IpAddress::Parse(text);
    if (address) return *address;
    table_.Error(column, fmt::format("{} is not an IP address; write for "
                                     "example 192.0.2.1 or 2001:db8::1",
                                     Quoted(text)));
    return {};
  }

  uint8_t Protocol(bool is_v4) {
    const std::string_view text = table_.Text("protocol");
    if (text.empty() || text == "tcp") return kTcp;
    if (text == "udp") return kUdp;
    if (text == "sctp") return kSctp;
    if (text == "icmp") return is_v4 ? kIcmp : kIcmpV6;
    const auto number = ParseNumber<uint8_t>(text);
    if (number) return *number;
    table_.Error("protocol",
                 fmt::format("{} is not a protocol; write {}, or a number from "
                             "0 to 255",
                             Quoted(text), OneOf(kProtocols)));
    return kTcp;
  }

  uint16_t Port(uint8_t protocol) {
    const std::string_view text = table_.Text("port");
    if (!HasPorts(protocol)) {
      if (text.empty()) return 0;
      table_.Error("port", fmt::format("protocol {} has no ports; leave it "
                                       "empty",
                                       protocol));
      return 0;
    }
    const auto port = ParseNumber<uint16_t>(text);
    if (port && *port != 0) return *port;
    table_.Error("port", fmt::format("{} is not a port; write the service's "
                                     "port, 1 to {}",
                                     Quoted(text),
                                     std::numeric_limits<uint16_t>::max()));
    return 0;
  }

  int64_t Time() {
    const std::string_view text = table_.Text("time");
    const std::optional<int64_t> time = ParseInstant(text);
    if (time) return *time;
    table_.Error("time", fmt::format("{} is not a time; write YYYY-MM-DD or "
                                     "YYYY-MM-DDThh:mm:ssZ",
                                     Quoted(text)));
    return 0;
  }

  std::string_view Word(std::string_view column,
                        std::span<const std::string_view> known) {
    const std::string_view text = table_.Text(column);
    for (const std::string_view word : known) {
      if (word == text) return word;
    }
    table_.Error(column, UnknownWord(column == "opened_by" ? "opener" : column,
                                     text, known));
    return "";
  }

  CsvTable& table_;
  std::vector<std::string_view> verdicts_;
  std::vector<std::string_view> reasons_;
};

}  // namespace

std::vector<Expectation> ReadExpectations(std::string_view text,
                                          const std::string& file,
                                          std::vector<Problem>* problems) {
  std::vector<Expectation> rows;
  const size_t problems_before = problems->size();
  std::optional<CsvTable> table =
      CsvTable::Open(text, file, kColumns, problems, kOptionalColumns);
  if (!table) return rows;
  ExpectationReader reader(&*table);
  while (table->Next()) {
    Expectation row = reader.Read();
    if (table->row_is_good()) rows.push_back(std::move(row));
  }
  if (rows.empty() && problems->size() == problems_before) {
    problems->push_back({file, 0, 0,
                         "expects nothing; write a row below the header for "
                         "each flow"});
  }
  return rows;
}

}  // namespace octroi
