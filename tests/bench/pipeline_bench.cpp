// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one record costs in each stage: decoding alone, merging from 2, 64 and 256 pCPUs, baking, and all
// of it on the shipped recordings.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "source/replay_source.h"
#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {
namespace {

class Bytes {
 public:
  void record(std::uint32_t event, std::uint64_t tsc, std::initializer_list<std::uint32_t> words) {
    put(event | static_cast<std::uint32_t>(words.size()) << 28 | 1U << 31);
    put(tsc);
    for (const std::uint32_t word : words) put(word);
  }
  [[nodiscard]] const std::vector<std::byte>& data() const { return bytes_; }

 private:
  template <class Word>
  void put(Word word) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof word);
    std::memcpy(&bytes_[at], &word, sizeof word);
  }
  std::vector<std::byte> bytes_;
};

// A switch as stock Xen writes it: five records.
void add_switch(Bytes& bytes, std::uint64_t tsc, std::uint32_t prev, std::uint32_t next) {
  bytes.record(0x2800e, tsc, {prev, 0, 1000});
  bytes.record(event::kSwitchInfNext, tsc + 1, {next, 0, 500, 10'000'000});
  bytes.record(0x2800a, tsc + 2, {prev, 0, next, 0});
  bytes.record(event::kRunstateChange | 0U << 8 | 1U << 4, tsc + 3, {prev << 16});
  bytes.record(event::kRunstateChange | 1U << 8 | 0U << 4, tsc + 4, {next << 16});
}

// Two domains of its own take turns on each pCPU.
std::vector<Bytes> make_trace(std::uint32_t pcpus, std::uint64_t records) {
  std::mt19937_64 random(1);
  std::vector<Bytes> all(pcpus);
  for (std::uint32_t pcpu = 0; pcpu < pcpus; ++pcpu) {
    std::uint64_t tsc = 1 + random() % 1000;
    for (std::uint64_t i = 0; i < records / pcpus / 5; ++i) {
      add_switch(all[pcpu], tsc, 1 + pcpu * 2 + i % 2, 1 + pcpu * 2 + (i + 1) % 2);
      tsc += 100 + random() % 2000;
    }
  }
  return all;
}

Pass pass_of(const std::vector<Bytes>& trace) {
  Pass pass;
  for (std::uint32_t pcpu = 0; pcpu < trace.size(); ++pcpu)
    pass.windows.push_back({pcpu, trace[pcpu].data(), {}});
  pass.stable = pass.last = true;
  return pass;
}

constexpr std::uint64_t kRecords = 1'000'000;

struct Nothing {
  void begin(std::uint32_t, std::uint64_t) {}
  void apply(std::uint32_t, const Record& record) { sum += record.tsc; }
  void lost_begin(std::uint32_t, std::uint64_t) {}
  void lost_end(std::uint32_t, std::uint64_t, std::uint32_t, std::uint32_t, std::uint32_t) {}
  void gap(std::uint32_t, std::uint64_t) {}
  std::uint64_t sum = 0;
};

void decode(benchmark::State& state) {
  const std::vector<Bytes> trace = make_trace(1, kRecords);
  for (auto _ : state) {
    const std::byte* at = trace[0].data().data();
    const std::byte* const end = at + trace[0].data().size();
    std::uint64_t sum = 0;
    for (Record record; decode_record(at, end, record); at += record.bytes()) sum += record.tsc;
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRecords));
}
BENCHMARK(decode);

void merge(benchmark::State& state) {
  const std::vector<Bytes> trace = make_trace(static_cast<std::uint32_t>(state.range(0)), kRecords);
  for (auto _ : state) {
    Merge merge;
    Nothing sink;
    merge.append(pass_of(trace));
    merge.drain(Merge::kNoLimit, sink);
    benchmark::DoNotOptimize(sink.sum);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRecords));
}
BENCHMARK(merge)->Arg(2)->Arg(64)->Arg(256);

class Discard final : public BakeSink {
 public:
  void on_sample(Baker&, const BakedSample& sample) override { benchmark::DoNotOptimize(sample.rows.size()); }
};

// With samples of 100 ms (argument 1) and without (0).
void bake(benchmark::State& state) {
  const std::vector<Bytes> trace = make_trace(2, kRecords);
  for (auto _ : state) {
    Merge merge;
    Discard sink;
    Baker::Options options;
    if (state.range(0) != 0) options.sample_ns = 100'000'000;
    Baker baker(options, state.range(0) != 0 ? &sink : nullptr);
    merge.append(pass_of(trace));
    merge.drain(Merge::kNoLimit, baker);
    benchmark::DoNotOptimize(baker.now_ns());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRecords));
}
BENCHMARK(bake)->Arg(0)->Arg(1);

void recording(benchmark::State& state, const char* file) {
  std::uint64_t records = 0;
  for (auto _ : state) {
    Result<std::unique_ptr<Source>> source = open_replay({std::string(XENMON_RECORDINGS) + "/" + file, 0});
    if (!source) {
      state.SkipWithError(source.error().message.c_str());
      return;
    }
    Merge merge;
    Baker baker(Baker::Options{});
    Pass pass;
    do {
      if (!(*source)->read_pass(pass)) break;
      merge.append(pass);
      merge.drain(Merge::kNoLimit, baker);
    } while (!pass.last);
    records += merge.counts().records;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(records));
}
// Decompression included.
BENCHMARK_CAPTURE(recording, credit_1pcpu, "web-credit-1pcpu.xentrace.xz");
BENCHMARK_CAPTURE(recording, credit2_2pcpu, "web-credit2-2pcpu.xentrace.xz");

} // namespace
} // namespace xenmon

BENCHMARK_MAIN();
