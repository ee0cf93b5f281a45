// SPDX-License-Identifier: Apache-2.0
// The frame of every benchmark program: a pinned thread, repetitions that
// interleave octroi with its references, and names that tools/bench reads:
//
//   step/case/who        flow_table/1000000/uniform/octroi
//
// Thread safety: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"

namespace octroi::bench {

// What the command line says beside Google Benchmark's own options.
struct BenchOptions {
  // --flows=N: concurrent flows of the benchmarks that have flows.
  uint32_t flow_count = 1'000'000;
  // --capture=PATH: the file of the benchmarks that read one.
  std::string capture;
  // --cpu=N: the core to run on.
  int cpu = 0;
};

// Takes octroi's options out of the command line, pins this thread, and hands
// the rest to Google Benchmark with interleaved repetitions as the default.
BenchOptions StartBench(int* argc, char** argv);

// Registers one competitor. `run` does the work once; it handles `item_count`
// items, and the reported time is that of one call. Time per item is what
// tools/bench prints.
void AddBench(const std::string& name, size_t item_count,
              std::function<void()> run);

// Runs what was registered; returns the exit code.
int FinishBench();

}  // namespace octroi::bench
