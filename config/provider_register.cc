// SPDX-License-Identifier: Apache-2.0
#include "config/provider_register.h"

#include <charconv>

#include "config/csv.h"
#include "config/text_file.h"
#include "fmt/format.h"

namespace octroi {
namespace {

constexpr std::string_view kColumns[] = {"operator"};
constexpr std::string_view kOptionalColumns[] = {"asn", "reference", "note"};

RegisteredProvider ReadRow(CsvTable* table) {
  RegisteredProvider provider;
  provider.name = table->Text("operator");
  const std::string_view asn = table->Text("asn");
  if (!asn.empty()) {
    const char* const last = asn.data() + asn.size();
    const auto [end, error] = std::from_chars(asn.data(), last, provider.asn);
    if (error != std::errc() || end != last || provider.asn == 0) {
      table->Error("asn",
                   fmt::format("{} is not an ASN; write a number from 1 to "
                               "4294967295, without \"AS\", or nothing",
                               Quoted(asn)));
    }
  }
  if (provider.name.empty() && provider.asn == 0) {
    table->Error("operator", "is empty; name the provider, or give its asn");
  }
  return provider;
}

}  // namespace

std::optional<std::vector<RegisteredProvider>> ReadProviderRegister(
    const std::string& path, std::vector<Problem>* problems) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, kMaxCsvFileBytes);
  if (!text.ok()) {
    problems->push_back(ProblemOf(path, text.status()));
    return std::nullopt;
  }
  const size_t problems_before = problems->size();
  std::vector<RegisteredProvider> providers;
  std::optional<CsvTable> table =
      CsvTable::Open(*text, path, kColumns, problems, kOptionalColumns);
  while (table && table->Next()) providers.push_back(ReadRow(&*table));
  if (problems->size() != problems_before) return std::nullopt;
  return providers;
}

}  // namespace octroi
