// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one sample costs when it is published: all of the tables, rows, waits and histograms of a host where
// everything does something in every sample. Only RegionWriter::publish() is timed. The argument is the
// number of domains, of 4 vCPUs each.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <time.h>

#include <filesystem>
#include <string>

#include "big_host.h"

namespace xenmon::test {
namespace {

// Nothing here waits, so the CPU's time is the cost, however busy the machine is.
double cpu_seconds() {
  struct timespec now {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

class TimedSink final : public BakeSink {
 public:
  TimedSink(RegionWriter& writer, const Merge& merge) : writer_(writer), merge_(merge) {}
  void on_sample(Baker& from, const BakedSample& sample) override {
    const double begin = cpu_seconds();
    if (!writer_.publish(from, sample, merge_)) failed = true;
    seconds = cpu_seconds() - begin;
  }
  double seconds = 0; // of the last sample
  bool failed = false;

 private:
  RegionWriter& writer_;
  const Merge& merge_;
};

void publish(benchmark::State& state) {
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-bench-XXXXXX").string();
  if (mkdtemp(directory.data()) == nullptr) return state.SkipWithError("no directory");
  RegionWriter::Options options;
  options.place.path = directory + "/region";
  Origin origin;
  origin.kind = XENMON_SOURCE_SCRIPTED;
  origin.cpu_khz = BigHost::kKhz;
  Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(options, origin);
  if (!writer) return state.SkipWithError(writer.error().message.c_str());
  Merge merge;
  TimedSink sink(**writer, merge);
  Baker::Options baking;
  baking.cpu_khz = BigHost::kKhz;
  baking.sample_ns = BigHost::kSampleNs;
  Baker baker(baking, &sink);
  BigHost host(static_cast<std::uint32_t>(state.range(0)));
  const auto play_sample = [&] {
    Pass pass;
    for (const WindowBuilder& window : host.next_sample()) pass.windows.push_back(window.window());
    merge.append(pass);
    merge.drain(Merge::kNoLimit, baker);
  };
  for (int i = 0; i < 120; ++i) play_sample(); // the whole history: no file is too small any more
  for (auto _ : state) {
    play_sample();
    state.SetIterationTime(sink.seconds);
  }
  if (sink.failed) state.SkipWithError("publishing failed");
  std::filesystem::remove_all(directory);
}
BENCHMARK(publish)->Arg(16)->Arg(128)->Arg(1024)->UseManualTime()->Unit(benchmark::kMicrosecond);

} // namespace
} // namespace xenmon::test
