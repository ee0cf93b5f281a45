// SPDX-License-Identifier: Apache-2.0
#include "agent/http_negotiation.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace octroi {
namespace {

// In thousandths: RFC 9110 §12.4.2 has three digits.
constexpr int kFullQuality = 1000;

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The part before `separator`, which is taken from `rest` with it.
std::string_view TakePart(std::string_view* rest, char separator) {
  const size_t end = rest->find(separator);
  const std::string_view part = Trimmed(rest->substr(0, end));
  *rest = end == std::string_view::npos ? "" : rest->substr(end + 1);
  return part;
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return lowered;
}

// "0", "0.5", "1.000"; 0 for anything else.
int QualityOf(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) {
    return 0;
  }
  if (text.size() > 1 && text[1] != '.') return 0;
  int quality = (text[0] - '0') * kFullQuality;
  int unit = kFullQuality / 10;
  for (size_t i = 2; i < text.size(); ++i, unit /= 10) {
    if (text[i] < '0' || text[i] > '9') return 0;
    quality += (text[i] - '0') * unit;
  }
  return std::min(quality, kFullQuality);
}

// One item of a list: what it names, and its parameters.
struct Choice {
  std::string name;
  std::string version;  // "": not given.
  int quality = kFullQuality;
};

Choice TakeChoice(std::string_view* rest) {
  std::string_view item = TakePart(rest, ',');
  Choice choice;
  choice.name = Lowered(TakePart(&item, ';'));
  while (!item.empty()) {
    std::string_view parameter = TakePart(&item, ';');
    const std::string key = Lowered(TakePart(&parameter, '='));
    const std::string_view value = Trimmed(parameter);
    if (key == "q") choice.quality = QualityOf(value);
    if (key == "version") choice.version = std::string(value);
  }
  return choice;
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  int named = -1;  // Not named.
  int any = 0;
  while (!accept_encoding.empty()) {
    const Choice choice = TakeChoice(&accept_encoding);
    if (choice.name == "gzip" || choice.name == "x-gzip") {
      named = std::max(named, choice.quality);
    } else if (choice.name == "*") {
      any = choice.quality;
    }
  }
  return named >= 0 ? named > 0 : any > 0;
}

bool PrefersOpenMetrics(std::string_view accept) {
  int open_metrics = 0;
  int text = 0;
  while (!accept.empty()) {
    const Choice choice = TakeChoice(&accept);
    if (choice.name == "application/openmetrics-text" &&
        (choice.version.empty() || choice.version == "1.0.0")) {
      open_metrics = std::max(open_metrics, choice.quality);
    } else if (choice.name == "text/plain") {
      text = std::max(text, choice.quality);
    }
  }
  return open_metrics > 0 && open_metrics >= text;
}

}  // namespace octroi
