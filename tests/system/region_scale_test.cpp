// SPDX-License-Identifier: GPL-2.0-or-later
//
// A big host in a region of at most 64 MiB, and domains that come and go a hundred thousand times.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>

#include "big_host.h"
#include "client/region_reader.h"
#include "sanitized.h"

#ifdef XENMON_SANITIZED
// The sanitizers bring their own allocator, which mallinfo2() knows nothing of.
#define XENMON_TEST_HEAP_IS_KNOWN 0
#else
#define XENMON_TEST_HEAP_IS_KNOWN 1
#endif

namespace xenmon::test {
namespace {

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;
constexpr std::uint64_t kLimit = 64 * kMebibyte;

class RegionScaleTest : public testing::Test {
 protected:
  RegionScaleTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-scale-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "region").string();
  }
  ~RegionScaleTest() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::uint64_t file_bytes() const {
    struct stat status {};
    EXPECT_EQ(stat(path_.c_str(), &status), 0);
    return static_cast<std::uint64_t>(status.st_size);
  }

  // What is in the region, in words, and whether it is in order.
  void judge(const BigHostPipeline& pipeline) {
    const Result<RegionFile> file = RegionFile::open(path_);
    ASSERT_TRUE(file) << file.error().message;
    const RegionReader& reader = file->reader();
    const std::uint64_t newest = reader.newest_sample();
    EXPECT_EQ(newest, pipeline.baker->counts().samples);
    SampleCopy sample;
    std::uint64_t reach_ns = 0;
    std::uint64_t held = 0;
    for (std::uint64_t number = newest; number > 0; --number) {
      if (reader.read_sample(number, sample) != ReadOutcome::kCopied) break;
      ++held;
      const std::uint64_t length_ns = sample.head().end_ns - sample.head().start_ns;
      reach_ns += length_ns;
      std::uint64_t sum_ns = 0;
      for (const xenmon_row& row : sample.rows()) {
        sum_ns += std::uint64_t{row.running_ns} + row.waited_wake_ns + row.waited_preempt_ns +
                  row.blocked_ns + row.offline_ns + row.unknown_ns;
      }
      ASSERT_EQ(sum_ns, length_ns * (BigHost::kVcpus + BigHost::kPcpus)) << "sample " << number;
    }
    TablesCopy tables;
    ASSERT_TRUE(reader.read_tables(tables));
    EXPECT_EQ(tables.domains.size(), BigHost::kDomains + 1U);
    EXPECT_EQ(tables.pcpus.size(), BigHost::kPcpus);
    const bool shortened = (reader.flags() & XENMON_FLAG_HISTORY_SHORTENED) != 0;
    std::printf(
        "region: %llu bytes (%.1f MiB), the largest on the way %.1f MiB; %.0f rows and %.0f I/O rows a "
        "sample; "
        "%llu samples (%.1f s) held; HISTORY_SHORTENED is %s\n",
        static_cast<unsigned long long>(file_bytes()), static_cast<double>(file_bytes()) / kMebibyte,
        static_cast<double>(pipeline.largest_region) / kMebibyte,
        static_cast<double>(pipeline.rows) / static_cast<double>(newest),
        static_cast<double>(pipeline.io_rows) / static_cast<double>(newest),
        static_cast<unsigned long long>(held), static_cast<double>(reach_ns) / 1e9,
        shortened ? "set" : "not set");
    EXPECT_LE(file_bytes(), kLimit);
    EXPECT_LE(pipeline.largest_region, kLimit);
    EXPECT_EQ(pipeline.baker->counts().conservation_violations, 0U);
    // The flag is the truth.
    EXPECT_EQ(shortened, reach_ns < 10'000'000'000);
  }

  std::filesystem::path directory_;
  std::string path_;
};

TEST_F(RegionScaleTest, ABigHostWithTenSecondsOfHistoryFitsIn64MiB) {
  BigHostPipeline pipeline(path_);
  ASSERT_EQ(pipeline.problem, "");
  pipeline.play_samples(130);
  ASSERT_EQ(pipeline.problem, "");
  judge(pipeline);
  const Result<RegionFile> file = RegionFile::open(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->reader().flags() & XENMON_FLAG_HISTORY_SHORTENED, 0U);
}

TEST_F(RegionScaleTest, ABigHostThatDoesInputAndOutputStaysWithin64MiB) {
  BigHostPipeline pipeline(path_);
  ASSERT_EQ(pipeline.problem, "");
  pipeline.host.do_io(true);
  pipeline.play_samples(130);
  ASSERT_EQ(pipeline.problem, "");
  judge(pipeline);
}

TEST_F(RegionScaleTest, ABigHostWhoseInputAndOutputBeginsLateStaysWithin64MiB) {
  BigHostPipeline pipeline(path_);
  ASSERT_EQ(pipeline.problem, "");
  pipeline.play_samples(130);
  pipeline.host.do_io(true);
  pipeline.play_samples(130);
  ASSERT_EQ(pipeline.problem, "");
  judge(pipeline);
}

// ---- domains that come and go

constexpr std::uint32_t kFew = 1'000;
constexpr std::uint32_t kMany = 100'000;
constexpr std::uint32_t kAliveAtOnce = 7;
constexpr std::uint32_t kDomids = 500; // used again and again
constexpr std::uint64_t kLifeNs = 10'000'000;

// One domain begins and another ends in each window; a vCPU of theirs runs in turns on two pCPUs.
class ShortLives {
 public:
  // Until `count` domains have ended in all.
  template <class Feed>
  void run_until(std::uint32_t count, Feed feed) {
    while (ended_ < count) {
      WindowBuilder window(0);
      WindowBuilder other(1);
      const std::uint32_t born = 1 + begun_++ % kDomids;
      alive_.push_back(born);
      window.record(event::kDomainAdd, now_, {born});
      window.runstate(now_ + 10, born, 0, kOfflineState, kRunnableState);
      window.runstate(now_ + 20, born, 0, kRunnableState, kRunningState);
      window.record(event::kGrantMap, now_ + 30, {born});
      window.runstate(now_ + 1'000'000, born, 0, kRunningState, kRunnableState);
      other.runstate(now_ + 1'500'000, born, 0, kRunnableState, kRunningState);
      other.runstate(now_ + 2'500'000, born, 0, kRunningState, kBlockedState);
      if (alive_.size() > kAliveAtOnce) {
        const std::uint32_t ends = alive_.front();
        alive_.pop_front();
        window.runstate(now_ + 3'000'000, ends, 0, kBlockedState, kOfflineState);
        window.record(event::kDomainRemove, now_ + 3'000'010, {ends});
        ++ended_;
      }
      feed(window, other);
      now_ += kLifeNs;
    }
  }

 private:
  std::uint64_t now_ = 1'000'000;
  std::uint32_t begun_ = 0;
  std::uint32_t ended_ = 0;
  std::deque<std::uint32_t> alive_;
};

std::uint64_t heap_bytes() {
  return mallinfo2().uordblks;
}

class RegionSink final : public BakeSink {
 public:
  RegionSink(RegionWriter& writer, const Merge& merge) : writer_(writer), merge_(merge) {}
  void on_sample(Baker& from, const BakedSample& sample) override {
    if (const Status done = writer_.publish(from, sample, merge_); !done) problem = done.error().message;
  }
  std::string problem;

 private:
  RegionWriter& writer_;
  const Merge& merge_;
};

void feed_both(Merge& merge, Baker& baker, const WindowBuilder& window, const WindowBuilder& other) {
  Pass pass;
  pass.windows = {window.window(), other.window()};
  merge.append(pass);
  merge.drain(Merge::kNoLimit, baker);
}

// As on a live host, where something is always left over for the next pass.
TEST_F(RegionScaleTest, AHundredThousandPassesLeaveNothingBehind) {
  Merge merge;
  Baker::Options baking;
  baking.cpu_khz = 1'000'000;
  Baker baker(baking);
  std::uint64_t now = 1'000'000;
  const auto play = [&](std::uint32_t passes) {
    for (std::uint32_t i = 0; i < passes; ++i, now += 1'000'000) {
      WindowBuilder window(0);
      WindowBuilder other(1);
      window.runstate(now, 1, 0, kRunnableState, kRunningState)
          .runstate(now + 10'000, 1, 0, kRunningState, kBlockedState);
      other.runstate(now + 20'000, 1, 0, kBlockedState, kRunnableState);
      feed_both(merge, baker, window, other);
    }
  };
  play(1'000);
  const std::uint64_t heap_then = heap_bytes();
  play(99'000);
  const std::uint64_t heap_now = heap_bytes();
  std::printf("after 1000 passes: heap %llu bytes; after 100000: %llu\n",
              static_cast<unsigned long long>(heap_then), static_cast<unsigned long long>(heap_now));
#if XENMON_TEST_HEAP_IS_KNOWN
  EXPECT_LE(heap_now, heap_then + kMebibyte);
#else
  std::printf("the heap's size is not judged under a sanitizer\n");
#endif
  EXPECT_GT(merge.counts().records, 299'000U);
  EXPECT_EQ(merge.counts().bad_records, 0U);
}

TEST_F(RegionScaleTest, AHundredThousandDomainsLeaveNothingBehind) {
  RegionWriter::Options options;
  options.place.path = path_;
  options.history_ns = 1'000'000'000;
  Origin origin;
  origin.kind = XENMON_SOURCE_SCRIPTED;
  origin.cpu_khz = 1'000'000;
  Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(options, origin);
  ASSERT_TRUE(writer) << writer.error().message;
  Merge merge;
  RegionSink sink(**writer, merge);
  Baker::Options baking;
  baking.cpu_khz = 1'000'000;
  baking.sample_ns = options.sample_ns;
  baking.linger_ns = options.history_ns + 2'000'000'000;
  Baker baker(baking, &sink);
  ShortLives lives;
  const auto feed = [&](const WindowBuilder& window, const WindowBuilder& other) {
    feed_both(merge, baker, window, other);
  };

  lives.run_until(kFew, feed);
  const std::uint64_t heap_then = heap_bytes();
  const std::uint64_t region_then = file_bytes();
  const std::size_t domain_slots = baker.domains().size();
  const std::size_t vcpu_slots = baker.vcpus().size();
  lives.run_until(kMany, feed);
  const std::uint64_t heap_now = heap_bytes();
  ASSERT_EQ(sink.problem, "");
  std::printf("after %u domains: heap %llu bytes, region %llu, slots for %zu domains and %zu vCPUs\n", kFew,
              static_cast<unsigned long long>(heap_then), static_cast<unsigned long long>(region_then),
              domain_slots, vcpu_slots);
  std::printf("after %u domains: heap %llu bytes, region %llu, slots for %zu domains and %zu vCPUs\n", kMany,
              static_cast<unsigned long long>(heap_now), static_cast<unsigned long long>(file_bytes()),
              baker.domains().size(), baker.vcpus().size());
#if XENMON_TEST_HEAP_IS_KNOWN
  EXPECT_GT(heap_then, 0U);
  EXPECT_LE(heap_now, heap_then + kMebibyte);
#else
  std::printf("the heap's size is not judged under a sanitizer\n");
#endif
  EXPECT_EQ(file_bytes(), region_then);
  // Three seconds of the dead, the living, and Dom0 for its share of the I/O; the same slots all along.
  EXPECT_LT(domain_slots, 400U);
  EXPECT_LE(baker.domains().size(), domain_slots + 16);
  EXPECT_LE(baker.vcpus().size(), vcpu_slots + 16);
  EXPECT_EQ(baker.counts().conservation_violations, 0U);
  EXPECT_EQ(baker.counts().bad.total(), 0U);
  // All of them were different domains.
  std::uint64_t highest_uid = 0;
  for (const std::unique_ptr<Domain>& domain : baker.domains()) {
    if (domain) highest_uid = std::max(highest_uid, domain->uid);
  }
  EXPECT_GE(highest_uid, kMany);
}

TEST_F(RegionScaleTest, TotalsOfAHundredThousandDomainsAreSmall) {
  Merge merge;
  Baker::Options baking;
  baking.cpu_khz = 1'000'000;
  Baker baker(baking);
  ShortLives lives;
  const auto feed = [&](const WindowBuilder& window, const WindowBuilder& other) {
    feed_both(merge, baker, window, other);
  };
  lives.run_until(kFew, feed);
  const std::uint64_t heap_then = heap_bytes();
  lives.run_until(kMany, feed);
  const std::uint64_t heap_now = heap_bytes();
  merge.lift_watermark();
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  const double each = (static_cast<double>(heap_now) - static_cast<double>(heap_then)) / (kMany - kFew);
  std::printf("totals: %.0f bytes of heap for each domain that has ended\n", each);
#if XENMON_TEST_HEAP_IS_KNOWN
  EXPECT_LT(each, 1024.0);
#else
  std::printf("the heap's size is not judged under a sanitizer\n");
#endif
  const std::vector<DomainTotals> totals = baker.totals();
  EXPECT_EQ(totals.size(), kMany + kAliveAtOnce + 1); // and Dom0
  for (const DomainTotals& domain : totals) {
    if (domain.domid == 0) continue;
    ASSERT_EQ(domain.vcpus.size(), 1U);
    std::uint64_t sum = 0;
    for (const std::uint64_t time : domain.vcpus[0].times) sum += time;
    ASSERT_EQ(sum, baker.now_ns()) << "domain " << domain.domid << ", uid " << domain.uid;
    ASSERT_EQ(domain.executions, 2U) << "domain " << domain.domid << ", uid " << domain.uid;
  }
}

} // namespace
} // namespace xenmon::test
