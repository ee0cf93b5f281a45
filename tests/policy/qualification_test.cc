// SPDX-License-Identifier: Apache-2.0
#include "policy/qualification.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/facts_builder.h"

namespace octroi {
namespace {

using testing::DayFrom;
using testing::FactsBuilder;
using Spec = FactsBuilder::ServiceSpec;
using Status = QualificationStatus;

constexpr ServiceState kQualified = ServiceState::kQualified;
constexpr ServiceState kInQualification = ServiceState::kInQualification;

// Rows of the service "s", in this order in the file.
std::vector<CatalogueRow> RowsOf(std::vector<Spec> rows) {
  FactsBuilder facts;
  for (Spec& row : rows) {
    row.id = "s";
    facts.Service(row);
  }
  return facts.services();
}

Service ServiceOf(std::vector<Spec> rows) {
  return Catalogue::Create(RowsOf(std::move(rows))).value().service(0);
}

TEST(EvaluateQualificationTest, FollowsTheLifeOfAService) {
  // Known from an observation only, without dates.
  const Service observed =
      ServiceOf({{.state = kQualified, .observed_on = "2024-03-01"}});
  const Service dated = ServiceOf({{.state = kQualified,
                                    .from = "2023-01-01",
                                    .until = "2025-12-31",
                                    .observed_on = "2024-03-01"}});
  // A decision takes effect on the day on which the state before it ends.
  const Service decided = ServiceOf(
      {{.state = kQualified, .from = "2025-12-16", .until = "2028-12-16"},
       {.state = kInQualification,
        .from = "2024-07-01",
        .until = "2025-12-16"}});
  const Service suspended = ServiceOf(
      {{.state = kQualified, .from = "2023-01-01", .until = "2025-12-31"},
       {.state = ServiceState::kSuspended,
        .from = "2024-04-01",
        .until = "2024-06-30"}});
  const Service withdrawn = ServiceOf(
      {{.state = kQualified, .from = "2023-01-01", .until = "2025-12-31"},
       {.state = ServiceState::kWithdrawn, .from = "2024-04-01"}});
  const Service renewed = ServiceOf(
      {{.state = kQualified, .from = "2020-01-01", .until = "2022-12-31"},
       {.state = kQualified, .from = "2023-03-01", .until = "2026-02-28"}});
  const Service refused = ServiceOf(
      {{.state = kInQualification, .from = "2023-01-01", .until = "2024-01-01"},
       {.state = ServiceState::kNone, .from = "2024-01-02"}});
  const Service restarted = ServiceOf(
      {{.state = kQualified, .from = "2020-01-01", .until = "2022-12-31"},
       {.state = kInQualification,
        .from = "2023-01-01",
        .until = "2023-12-31"}});
  const Service empty;

  struct Case {
    const char* what;
    const Service& service;
    const char* day;
    Status status;
  };
  const Case cases[] = {
      {"no rows", empty, "2024-01-01", Status::kUnknown},
      {"before the observation", observed, "2024-02-29", Status::kUnknown},
      {"on the day of the observation", observed, "2024-03-01",
       Status::kQualified},
      {"open end", observed, "2099-01-01", Status::kQualified},
      {"before the first day", dated, "2022-12-31", Status::kUnknown},
      {"first day, though observed later", dated, "2023-01-01",
       Status::kQualified},
      {"last day", dated, "2025-12-31", Status::kQualified},
      {"day after the last", dated, "2026-01-01", Status::kExpired},
      {"on its way", decided, "2025-12-15", Status::kInQualification},
      {"the shared day", decided, "2025-12-16", Status::kQualified},
      {"decided", decided, "2025-12-17", Status::kQualified},
      {"expired after the decision", decided, "2028-12-17", Status::kExpired},
      {"before the suspension", suspended, "2024-03-31", Status::kQualified},
      {"suspended", suspended, "2024-04-01", Status::kSuspended},
      {"last day of the suspension", suspended, "2024-06-30",
       Status::kSuspended},
      {"after the suspension", suspended, "2024-07-01", Status::kQualified},
      {"expired after a suspension", suspended, "2026-01-01", Status::kExpired},
      {"before the withdrawal", withdrawn, "2024-03-31", Status::kQualified},
      {"withdrawn", withdrawn, "2024-04-01", Status::kWithdrawn},
      {"withdrawn for good", withdrawn, "2026-01-01", Status::kWithdrawn},
      {"first qualification", renewed, "2022-12-31", Status::kQualified},
      {"the gap", renewed, "2023-02-28", Status::kExpired},
      {"qualified again", renewed, "2023-03-01", Status::kQualified},
      {"expired again", renewed, "2026-03-01", Status::kExpired},
      {"refused", refused, "2024-01-02", Status::kNone},
      // Something followed the state that ended, and nobody said what.
      {"after a state that is not a qualification", restarted, "2024-01-01",
       Status::kUnknown},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(EvaluateQualification(c.service, DayFrom(c.day)).status, c.status)
        << c.what;
  }
}

TEST(EvaluateQualificationTest, NamesTheRowThatDecided) {
  const Service service = ServiceOf(
      {{.state = kQualified, .from = "2020-01-01", .until = "2022-12-31"},
       {.state = kQualified, .from = "2023-03-01", .until = "2026-02-28"}});

  EXPECT_EQ(EvaluateQualification(service, DayFrom("2019-12-31")).row, nullptr);
  EXPECT_EQ(EvaluateQualification(service, DayFrom("2022-01-01")).row->line, 1);
  EXPECT_EQ(EvaluateQualification(service, DayFrom("2023-01-15")).row->line, 1);
  EXPECT_EQ(EvaluateQualification(service, DayFrom("2024-01-01")).row->line, 2);
  EXPECT_EQ(EvaluateQualification(service, DayFrom("2027-01-01")).row->line, 2);
}

TEST(EvaluateQualificationTest, LetsTheLaterRowOfTheFileWinOnATie) {
  const Service service =
      ServiceOf({{.state = kInQualification, .from = "2024-01-01"},
                 {.state = kQualified, .from = "2024-01-01"}});

  EXPECT_EQ(EvaluateQualification(service, DayFrom("2024-01-01")).status,
            Status::kQualified);
}

// The definition, day by day: what every row says of each day is written down,
// the row that began last on top; then the last thing written says what a day
// without a row is.
std::vector<Status> NaiveStatuses(const std::vector<Spec>& rows, Day first,
                                  int day_count) {
  std::vector<Status> statuses;
  for (int i = 0; i < day_count; ++i) {
    const Day day = first + std::chrono::days(i);
    const Spec* top = nullptr;
    const Spec* gone = nullptr;
    for (const Spec& row : rows) {
      const Day begin = DayFrom(row.from.empty() ? row.observed_on : row.from);
      const bool has_end = !row.until.empty();
      const auto begin_of = [](const Spec& spec) {
        return DayFrom(spec.from.empty() ? spec.observed_on : spec.from);
      };
      if (begin > day) continue;
      if (!has_end || DayFrom(row.until) >= day) {
        if (top == nullptr || begin_of(*top) <= begin) top = &row;
      } else if (gone == nullptr || DayFrom(gone->until) < DayFrom(row.until) ||
                 (gone->until == row.until && begin_of(*gone) <= begin)) {
        gone = &row;
      }
    }
    Status status = Status::kUnknown;
    if (top != nullptr) {
      switch (top->state) {
        case ServiceState::kNone:
          status = Status::kNone;
          break;
        case ServiceState::kInQualification:
          status = Status::kInQualification;
          break;
        case ServiceState::kQualified:
          status = Status::kQualified;
          break;
        case ServiceState::kSuspended:
          status = Status::kSuspended;
          break;
        case ServiceState::kWithdrawn:
          status = Status::kWithdrawn;
          break;
      }
    } else if (gone != nullptr && gone->state == kQualified) {
      status = Status::kExpired;
    }
    statuses.push_back(status);
  }
  return statuses;
}

// Rows of one service, as many as asked, that a catalogue accepts.
std::vector<Spec> RandomHistory(size_t row_count, std::mt19937_64* random,
                                const auto& day) {
  std::vector<Spec> rows;
  while (rows.size() < row_count) {
    Spec row;
    row.state = kServiceStates[(*random)() % std::size(kServiceStates)];
    const size_t begin = (*random)() % 16;
    row.observed_on = day(begin);
    if ((*random)() % 3 != 0) {
      row.from = day(begin);
      row.observed_on = day((*random)() % 20);
    }
    if ((*random)() % 3 != 0) row.until = day(begin + (*random)() % 8);
    rows.push_back(row);
    if (!Catalogue::Create(RowsOf(rows)).ok()) rows.pop_back();
  }
  return rows;
}

TEST(EvaluateQualificationTest, EqualsAModelThatGoesDayByDay) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const Day first = DayFrom("2024-02-20");
  constexpr int kDayCount = 24;
  const auto day = [&](size_t offset) {
    return FormatDay(first + std::chrono::days(offset));
  };
  for (int round = 0; round < 500; ++round) {
    const std::vector<Spec> rows =
        RandomHistory(1 + random() % 5, &random, day);
    const Service service = ServiceOf(rows);
    // Of rows that are known from one day, the one later in a service's life
    // speaks; the model takes the one that stands later.
    std::vector<Spec> in_order_of_life = rows;
    std::sort(in_order_of_life.begin(), in_order_of_life.end(),
              [](const Spec& a, const Spec& b) {
                const auto key = [](const Spec& row) {
                  return std::tuple(row.observed_on, row.state,
                                    row.until.empty() ? "9999" : row.until);
                };
                return key(a) < key(b);
              });
    const std::vector<Status> expected =
        NaiveStatuses(in_order_of_life, first, kDayCount);
    for (int i = 0; i < kDayCount; ++i) {
      ASSERT_EQ(
          EvaluateQualification(service, first + std::chrono::days(i)).status,
          expected[i])
          << "round " << round << ", " << day(i);
    }
  }
}

TEST(CompareVersionsTest, OrdersNumberByNumber) {
  struct Case {
    const char* a;
    const char* b;
    int sign;
  };
  const Case cases[] = {
      {"3.2", "3.2", 0},
      {"3.1", "3.2", -1},
      {"3.2", "3.10", -1},
      {"3.9", "3.10", -1},
      {"4", "3.2", 1},
      {"3", "3.0", 0},
      {"3", "3.0.0", 0},
      {"3", "3.0.1", -1},
      {"3.2", "3.2.1", -1},
      {"0", "0.0", 0},
      {"2020", "2019.9", 1},
      {"03.2", "3.2", 0},
      {"4294967295", "4294967294", 1},
  };
  for (const Case& c : cases) {
    const std::optional<int> order = CompareVersions(c.a, c.b);
    const std::optional<int> reverse = CompareVersions(c.b, c.a);
    ASSERT_TRUE(order && reverse) << c.a << " " << c.b;
    EXPECT_EQ((*order > 0) - (*order < 0), c.sign) << c.a << " " << c.b;
    EXPECT_EQ((*reverse > 0) - (*reverse < 0), -c.sign) << c.a << " " << c.b;
  }
}

// Found by this test: "4.x" was called newer than 3.2, as the first number had
// decided before the rest was read.
TEST(CompareVersionsTest, ComparesTextThatIsNoVersionAsNothing) {
  for (const char* text : {"", ".", "3.", ".2", "3..2", "4.x", "2.x", "v3.2",
                           "3.2b", "3,2", "3.2 ", " 3.2", "-3", "+3", "3.-2",
                           "latest", "4294967296", "3.99999999999999999999"}) {
    EXPECT_FALSE(CompareVersions(text, "3.2").has_value()) << text;
    EXPECT_FALSE(CompareVersions("3.2", text).has_value()) << text;
    EXPECT_FALSE(CompareVersions(text, text).has_value()) << text;
  }
}

}  // namespace
}  // namespace octroi
