// SPDX-License-Identifier: Apache-2.0
#include "bench/bench.h"

#include <sched.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace octroi::bench {
namespace {

constexpr int kRepetitions = 7;

// The value of "--name=VALUE"; nothing if `argument` is another option.
std::optional<std::string_view> ValueOf(std::string_view argument,
                                        std::string_view name) {
  if (!argument.starts_with(name)) return std::nullopt;
  argument.remove_prefix(name.size());
  if (!argument.starts_with("=")) return std::nullopt;
  return argument.substr(1);
}

template <typename Number>
Number NumberOf(std::string_view text) {
  Number number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    std::fprintf(stderr, "bench: \"%.*s\" is not a number\n",
                 static_cast<int>(text.size()), text.data());
    std::exit(2);
  }
  return number;
}

void PinTo(int cpu) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) {
    std::fprintf(stderr, "bench: not pinned to core %d\n", cpu);
  }
}

}  // namespace

BenchOptions StartBench(int* argc, char** argv) {
  BenchOptions options;
  std::vector<char*> others = {argv[0]};
  for (int i = 1; i < *argc; ++i) {
    if (const auto flows = ValueOf(argv[i], "--flows")) {
      options.flow_count = NumberOf<uint32_t>(*flows);
    } else if (const auto capture = ValueOf(argv[i], "--capture")) {
      options.capture = *capture;
    } else if (const auto cpu = ValueOf(argv[i], "--cpu")) {
      options.cpu = NumberOf<int>(*cpu);
    } else {
      others.push_back(argv[i]);
    }
  }
  PinTo(options.cpu);

  // Before what was given, which wins. Kept for the life of the program.
  static char interleave[] = "--benchmark_enable_random_interleaving=true";
  static char repeat[] = "--benchmark_repetitions=7";
  static_assert(kRepetitions == 7);
  others.insert(others.begin() + 1, {interleave, repeat});
  int count = static_cast<int>(others.size());
  benchmark::Initialize(&count, others.data());
  if (benchmark::ReportUnrecognizedArguments(count, others.data())) {
    std::exit(2);
  }
  return options;
}

void AddBench(const std::string& name, size_t item_count,
              std::function<void()> run) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [item_count, run = std::move(run)](benchmark::State& state) {
        for (auto _ : state) run();
        state.SetItemsProcessed(static_cast<int64_t>(item_count) *
                                static_cast<int64_t>(state.iterations()));
      })
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

int FinishBench() {
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace octroi::bench
