// SPDX-License-Identifier: Apache-2.0
// How results write JSON: keys in the order in which they are set, null for
// what is not known, and text of any origin made valid UTF-8. Free functions;
// any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "geo/calendar.h"
#include "geo/facts.h"
#include "nlohmann/json.hpp"

namespace octroi {

using Json = nlohmann::ordered_json;

inline Json TextOrNull(std::string_view text) {
  return text.empty() ? Json() : Json(text);
}

template <typename Number>
Json NumberOrNull(const std::optional<Number>& number) {
  return number ? Json(*number) : Json();
}

// RFC 3339.
inline Json DayOrNull(const std::optional<Day>& day) {
  return day ? Json(FormatDay(*day)) : Json();
}
inline Json InstantOrNull(const std::optional<int64_t>& ns) {
  return ns ? Json(FormatInstant(*ns)) : Json();
}

// The files that facts came from, as every result lists them.
inline Json SourcesToJson(const std::vector<FactSource>& sources) {
  Json json = Json::array();
  for (const FactSource& source : sources) {
    json.push_back({{"name", source.name},
                    {"built", DayOrNull(source.built)},
                    {"sha256", source.sha256},
                    {"attribution", TextOrNull(source.attribution)}});
  }
  return json;
}

// On one line, without a newline at its end. Names in databases are hostile
// input: what is not UTF-8 is replaced.
inline std::string ToLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
// Pretty-printed, ending in a newline.
inline std::string ToPage(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace octroi
