// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the writer publishes, seen through the front end's reader.
#include "publish/region_writer.h"

#include <gtest/gtest.h>

#include <optional>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>

#include "client/region_reader.h"
#include "region_placing.h"
#include "trace_builder.h"

extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming,clang-diagnostic-reserved-identifier): the linker calls it so.
int __real_renameat(int from_directory, const char* from, int to_directory, const char* to);
// The linker (--wrap) leads the writer here.
// NOLINTNEXTLINE(readability-identifier-naming,clang-diagnostic-reserved-identifier)
int __wrap_renameat(int from_directory, const char* from, int to_directory, const char* to) {
  if (xenmon::test::on_placing) {
    xenmon::test::on_placing(
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(from_directory)).string() + "/" +
        from);
  }
  return __real_renameat(from_directory, from, to_directory, to);
}
}

namespace xenmon::test {
namespace {

// A pipeline from bytes to a region, sample by sample.
class Pipeline final : public BakeSink {
 public:
  Pipeline(const std::string& path, std::uint64_t sample_ns, std::uint64_t history_ns,
           std::uint64_t slow_wait_ns = 1'000'000, std::uint32_t wait_capacity = 64) {
    RegionWriter::Options options;
    options.place.path = path;
    options.sample_ns = sample_ns;
    options.history_ns = history_ns;
    options.slow_wait_ns = slow_wait_ns;
    options.wait_capacity = wait_capacity;
    Origin origin;
    origin.kind = XENMON_SOURCE_SCRIPTED;
    origin.cpu_khz = 1'000'000;
    Result<std::unique_ptr<RegionWriter>> made = RegionWriter::create(options, origin);
    EXPECT_TRUE(made) << made.error().message;
    writer = std::move(*made);
    Baker::Options baking;
    baking.cpu_khz = 1'000'000;
    baking.sample_ns = sample_ns;
    baking.linger_ns = history_ns;
    baking.slow_wait_ns = slow_wait_ns;
    baking.waits_per_sample = wait_capacity;
    baker = std::make_unique<Baker>(baking, this);
  }
  void on_sample(Baker& from, const BakedSample& sample) override {
    const Status published = writer->publish(from, sample, *merge);
    EXPECT_TRUE(published) << published.error().message;
  }
  void feed(std::initializer_list<const WindowBuilder*> windows) {
    Pass pass;
    for (const WindowBuilder* window : windows) pass.windows.push_back(window->window());
    pass.last = true;
    merge->append(pass);
    merge->drain(Merge::kNoLimit, *baker);
  }

  std::optional<Merge> merge{std::in_place};
  std::unique_ptr<RegionWriter> writer;
  std::unique_ptr<Baker> baker;
};

class RegionWriterTest : public testing::Test {
 protected:
  RegionWriterTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-writer-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "region").string();
  }
  ~RegionWriterTest() override {
    test::on_placing = nullptr;
    std::filesystem::remove_all(directory_);
  }

  RegionFile open() const {
    Result<RegionFile> file = RegionFile::open(path_);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }

  std::filesystem::path directory_;
  std::string path_;
};

// The header of one file never changes, and this one began before anybody knew.
TEST_F(RegionWriterTest, RecordsOfAPatchedXenAreSeenForWhatTheyAre) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  const RegionFile before = open();
  EXPECT_EQ(before.reader().header().io_kinds, XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER);
  WindowBuilder w;
  w.switched(1'000'000, 1, {500, event::kCausePreempted}, 0, {100, event::kCauseWoken})
      .plain(event::kDispatchPageCounts, {0, 3U << 16 | 1, 4000})
      .switched(1'500'000, 0, {500, event::kCauseBlocked}, 1, {500, event::kCausePreempted})
      .record(0x22202, 2'500'000, {});
  pipeline.feed({&w});
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  const RegionFile after = open();
  const RegionReader& reader = after.reader();
  EXPECT_NE(reader.flags() & XENMON_FLAG_PATCHED_XEN, 0U);
  EXPECT_NE(reader.header().io_kinds & XENMON_IO_COPY, 0U);
  EXPECT_EQ(reader.state(), XENMON_STATE_RUNNING);
  SampleCopy sample;
  ASSERT_EQ(reader.read_sample(1, sample), ReadOutcome::kCopied);
  ASSERT_EQ(sample.io_rows().size(), 2U);
  EXPECT_EQ(sample.io_rows()[0].copy, 3U);
  EXPECT_EQ(sample.io_rows()[0].copy_bytes, 4000U);
  TablesCopy tables;
  ASSERT_TRUE(reader.read_tables(tables));
  ASSERT_EQ(tables.domains.size(), 2U);
  EXPECT_EQ(tables.domains[0].io_copy_bytes, 4000U);
}

// A vCPU of that domain waits for 5 us of every 10, on an otherwise idle pCPU; ends at `until`.
void wait_often(WindowBuilder& w, std::uint32_t dom, std::uint64_t from, std::uint64_t until) {
  for (std::uint64_t at = from; at < until; at += 10'000) {
    w.runstate(at, dom, 0, kBlockedState, kRunnableState)
        .runstate(at + 5'000, dom, 0, kRunnableState, kRunningState)
        .runstate(at + 6'000, dom, 0, kRunningState, kBlockedState);
  }
}

TEST_F(RegionWriterTest, AReaderFindsTheWaitsBeforeTheirSample) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000, 2'000);
  const RegionFile file = open();
  EXPECT_EQ(file.reader().header().slow_wait_ns, 2'000U);
  EXPECT_EQ(file.reader().header().header_bytes, sizeof(xenmon_region_header));
  EXPECT_TRUE(file.reader().has_waits());
  EXPECT_EQ(file.reader().newest_wait(), 0U);
  WindowBuilder w;
  wait_often(w, 4, 1'000'000, 1'020'000);
  w.record(0x22202, 2'100'000, {});
  pipeline.feed({&w});
  ASSERT_EQ(file.reader().newest_wait(), 2U);
  xenmon_wait wait;
  ASSERT_EQ(file.reader().read_wait(2, wait), ReadOutcome::kCopied);
  EXPECT_EQ(wait.seq, 2U);
  EXPECT_EQ(wait.domid, 4U);
  EXPECT_EQ(wait.start_ns, 10'000U);
  EXPECT_EQ(wait.end_ns, 15'000U);
  SampleCopy sample;
  ASSERT_EQ(file.reader().read_sample(1, sample), ReadOutcome::kCopied);
  EXPECT_GE(sample.head().end_ns, wait.end_ns);
}

TEST_F(RegionWriterTest, WaitsThatAreOverwrittenOrFindNoRoomHaveNumbersAllTheSame) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000, 2'000, 4);
  WindowBuilder w;
  wait_often(w, 4, 1'000'000, 1'060'000); // two too many for one sample
  wait_often(w, 4, 2'200'000, 2'210'000);
  w.record(0x22202, 3'100'000, {});
  pipeline.feed({&w});
  const RegionFile file = open();
  EXPECT_EQ(file.reader().newest_wait(), 7U);
  xenmon_wait wait;
  std::map<std::uint64_t, std::uint64_t> found;
  for (std::uint64_t number = 1; number <= 8; ++number) {
    if (file.reader().read_wait(number, wait) == ReadOutcome::kCopied) found[number] = wait.start_ns;
  }
  // The seventh has the third's place.
  EXPECT_EQ(found,
            (std::map<std::uint64_t, std::uint64_t>{{1, 0}, {2, 10'000}, {4, 30'000}, {7, 1'200'000}}));
}

TEST_F(RegionWriterTest, WaitsMoveIntoALargerFileUnderTheirNumbers) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000, 2'000);
  const RegionFile before = open();
  WindowBuilder w;
  wait_often(w, 4, 1'000'000, 1'030'000);
  w.record(0x22202, 2'100'000, {});
  // More domains than the first file has room for.
  for (std::uint32_t dom = 1000; dom < 1100; ++dom)
    w.runstate(2'200'000, dom, 0, kRunnableState, kBlockedState);
  wait_often(w, 4, 2'300'000, 2'310'000);
  w.record(0x22202, 3'100'000, {});
  pipeline.feed({&w});
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  const RegionFile after = open();
  ASSERT_EQ(after.reader().newest_wait(), 4U);
  for (std::uint64_t number = 1; number <= 4; ++number) {
    xenmon_wait wait;
    ASSERT_EQ(after.reader().read_wait(number, wait), ReadOutcome::kCopied) << number;
    EXPECT_EQ(wait.end_ns - wait.start_ns, 5'000U);
  }
}

TEST_F(RegionWriterTest, AReaderFindsTheSamplesAndTheTables) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  EXPECT_EQ(open().reader().state(), XENMON_STATE_STARTING);
  WindowBuilder w(2);
  w.runstate(5'000'000, 1, 0, kRunnableState, kRunningState)
      .record(event::kGrantMap, 5'100'000, {1})
      .runstate(5'600'000, 1, 0, kRunningState, kBlockedState)
      .record(0x22202, 6'500'000, {});
  pipeline.feed({&w});
  const RegionFile file = open();
  const RegionReader& reader = file.reader();
  EXPECT_EQ(reader.state(), XENMON_STATE_RUNNING);
  ASSERT_EQ(reader.newest_sample(), 1U);
  SampleCopy sample;
  ASSERT_EQ(reader.read_sample(1, sample), ReadOutcome::kCopied);
  EXPECT_EQ(sample.head().start_ns, 0U);
  EXPECT_EQ(sample.head().end_ns, 1'000'000U);
  ASSERT_EQ(sample.rows().size(), 1U);
  EXPECT_EQ(sample.rows()[0].pcpu, 2U);
  EXPECT_EQ(sample.rows()[0].running_ns, 600'000U);
  EXPECT_EQ(sample.rows()[0].blocked_ns, 400'000U);
  ASSERT_EQ(sample.io_rows().size(), 2U);
  EXPECT_EQ(sample.io_rows()[0].map, 1U);
  TablesCopy tables;
  ASSERT_TRUE(reader.read_tables(tables));
  ASSERT_GE(tables.pcpus.size(), 3U);
  EXPECT_EQ(tables.pcpus[2].seen, 1U);
  EXPECT_EQ(tables.pcpus[0].seen, 0U);
  ASSERT_GE(tables.domains.size(), 1U);
  EXPECT_EQ(tables.domains[0].domid, 1U);
}

TEST_F(RegionWriterTest, OldSamplesAreGoneAndNotWrong) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  for (std::uint64_t t = 0; t < 3'000'000'000; t += 5'000'000) {
    WindowBuilder w(0);
    w.runstate(t + 1'000'000, 1, 0, kRunnableState, kRunningState)
        .runstate(t + 2'500'000, 1, 0, kRunningState, kRunnableState);
    pipeline.feed({&w});
  }
  const RegionFile file = open();
  const std::uint64_t newest = file.reader().newest_sample();
  SampleCopy sample;
  EXPECT_EQ(file.reader().read_sample(1, sample), ReadOutcome::kGone);
  EXPECT_EQ(file.reader().read_sample(newest + 1, sample), ReadOutcome::kGone);
  for (std::uint64_t number = newest; number > newest - 10; --number) {
    ASSERT_EQ(file.reader().read_sample(number, sample), ReadOutcome::kCopied);
    EXPECT_EQ(sample.head().end_ns - sample.head().start_ns, 1'000'000U);
  }
}

TEST_F(RegionWriterTest, GrowsIntoANewFileAndKeepsItsHistory) {
  Pipeline pipeline(path_, 1'000'000, 1'000'000'000);
  WindowBuilder first(0);
  first.runstate(1'000'000, 1, 0, kRunnableState, kRunningState).record(0x22202, 3'500'000, {});
  pipeline.feed({&first});
  const RegionFile before = open();
  const std::uint64_t start = before.reader().header().daemon_start;
  WindowBuilder crowd(0);
  for (std::uint32_t dom = 2; dom < 1200; ++dom)
    crowd.runstate(4'000'000 + dom, dom, 0, kRunningState, kBlockedState);
  crowd.record(0x22202, 20'000'000, {});
  pipeline.feed({&crowd});
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  const RegionFile after = open();
  EXPECT_NE(after.reader().header().generation, before.reader().header().generation);
  EXPECT_EQ(after.reader().header().daemon_start, start);
  const std::uint64_t newest = after.reader().newest_sample();
  EXPECT_EQ(newest, 19U);
  SampleCopy sample;
  std::uint64_t running = 0;
  for (std::uint64_t number = 1; number <= newest; ++number) {
    ASSERT_EQ(after.reader().read_sample(number, sample), ReadOutcome::kCopied) << number;
    for (const xenmon_row& row : sample.rows()) running += row.running_ns;
  }
  EXPECT_EQ(running, 3'000'000U); // until the sample in which another domain's record contradicts it
  TablesCopy tables;
  ASSERT_TRUE(after.reader().read_tables(tables));
  EXPECT_EQ(tables.domains.size(), 1199U);
}

// A reader that opens the path the moment the file is there must miss nothing: every row's slots are in the
// tables, and the samples and waits that the old file had are in the new one.
TEST_F(RegionWriterTest, ALargerFileIsCompleteBeforeItIsPutInPlace) {
  Pipeline pipeline(path_, 1'000'000, 1'000'000'000, 2'000);
  WindowBuilder first(0);
  wait_often(first, 1, 1'000'000, 3'000'000);
  first.record(0x22202, 3'500'000, {});
  pipeline.feed({&first});
  const std::uint64_t waits = open().reader().newest_wait();
  EXPECT_GT(waits, 0U);

  int placed = 0;
  test::on_placing = [&](const std::string& path) {
    ++placed;
    Result<RegionFile> file = RegionFile::open(path);
    ASSERT_TRUE(file) << file.error().message;
    const RegionReader& reader = file->reader();
    EXPECT_EQ(reader.state(), XENMON_STATE_RUNNING);
    // The sample that needs the larger file is in it, too.
    const std::uint64_t newest = reader.newest_sample();
    EXPECT_EQ(newest, open().reader().newest_sample() + 1);
    EXPECT_EQ(open().reader().state(), XENMON_STATE_RUNNING);
    EXPECT_EQ(reader.counters().samples, newest);
    EXPECT_GE(reader.newest_wait(), waits);
    TablesCopy tables;
    ASSERT_TRUE(reader.read_tables(tables, true));
    EXPECT_GE(tables.pcpus.size(), 1U);
    SampleCopy sample;
    for (std::uint64_t number = 1; number <= newest; ++number) {
      ASSERT_EQ(reader.read_sample(number, sample), ReadOutcome::kCopied) << number;
      for (const xenmon_row& row : sample.rows()) {
        ASSERT_LT(row.domain_slot, tables.domains.size());
        EXPECT_NE(tables.domains[row.domain_slot].flags & XENMON_DOMAIN_IN_USE, 0U);
        ASSERT_LT(row.vcpu_slot, tables.vcpus.size());
        EXPECT_EQ(tables.vcpus[row.vcpu_slot].domain_slot, row.domain_slot);
      }
    }
  };
  for (std::uint64_t crowd = 1; crowd <= 4; ++crowd) {
    WindowBuilder window(0);
    const std::uint64_t at = crowd * 10'000'000;
    for (std::uint32_t i = 0; i < 300; ++i) {
      window.runstate(at + i, static_cast<std::uint32_t>(crowd * 1000 + i), 0, kRunningState, kBlockedState);
    }
    window.record(0x22202, at + 5'000'000, {});
    pipeline.feed({&window});
  }
  EXPECT_GE(placed, 4);
}

// A history so long that its ring alone is larger than a region is meant to be: there is no room for rows but
// for those of one sample.
TEST_F(RegionWriterTest, ASampleFitsIntoItsRowsHoweverLargeTheTablesAre) {
  Pipeline pipeline(path_, 1'000'000, 1'100'000'000'000);
  WindowBuilder births(0);
  for (std::uint32_t dom = 0; dom < 65; ++dom) births.record(event::kDomainAdd, 1'000'000 + dom, {dom});
  births.record(0x22202, 2'100'000, {});
  pipeline.feed({&births});
  SampleCopy sample;
  for (std::uint32_t crowd = 1; crowd <= 6; ++crowd) {
    WindowBuilder window(0);
    for (std::uint32_t dom = 0; dom < crowd * 10; ++dom) {
      window.runstate(crowd * 2'000'000 + 500'000 + dom, dom, 0, kRunningState, kBlockedState);
    }
    window.record(0x22202, crowd * 2'000'000 + 1'100'000, {});
    pipeline.feed({&window});
    const RegionFile file = open();
    EXPECT_GT(file.reader().header().region_bytes, RegionWriter::kSizeLimit);
    ASSERT_EQ(file.reader().read_sample(file.reader().newest_sample(), sample), ReadOutcome::kCopied)
        << crowd;
    EXPECT_GE(sample.rows().size(), crowd * 10);
  }
}

std::vector<std::string> verdicts_in(const RegionReader& reader) {
  std::vector<std::string> sentences;
  EXPECT_TRUE(reader.read_verdicts(sentences));
  return sentences;
}

TEST_F(RegionWriterTest, VerdictsAreReadAtOnceAndInEveryLaterFile) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  const RegionFile before = open();
  std::vector<Verdict> verdicts = {{XENMON_VERDICT_NOT_TRACED, 0, "CPUs 2 to 7 were not traced."}};
  pipeline.writer->set_verdicts(verdicts);
  EXPECT_EQ(verdicts_in(before.reader()), std::vector<std::string>{"CPUs 2 to 7 were not traced."});
  verdicts[0].text = "CPUs 2 to 6 were not traced.";
  verdicts.push_back({XENMON_VERDICT_DAMAGED, 0, std::string(300, 'x')});
  pipeline.writer->set_verdicts(verdicts);
  const std::vector<std::string> told = verdicts_in(before.reader());
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], verdicts[0].text);
  EXPECT_EQ(told[1], std::string(XENMON_VERDICT_TEXT_BYTES - 1, 'x'));
  WindowBuilder crowd(0);
  for (std::uint32_t dom = 0; dom < 300; ++dom)
    crowd.runstate(1'000'000 + dom, dom, 0, kRunningState, kBlockedState);
  crowd.record(0x22202, 2'500'000, {});
  pipeline.feed({&crowd});
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  EXPECT_EQ(verdicts_in(open().reader()), told);
  ASSERT_TRUE(pipeline.writer->start_again());
  EXPECT_EQ(verdicts_in(open().reader()), told);
  pipeline.writer->set_verdicts(std::vector<Verdict>(100, verdicts[0]));
  EXPECT_EQ(verdicts_in(open().reader()).size(), 32U);
}

TEST_F(RegionWriterTest, TellsWhyRecordsWereBadAndWhatTheSourceMet) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  TraceHealth health;
  health.bad_by[XENMON_BAD_TSC] = 12;
  health.faults[XENMON_FAULT_MASK] = 2;
  pipeline.writer->set_trace_health(health);
  pipeline.writer->set_wall_epoch(4'711);
  WindowBuilder w(0);
  w.record(0x22202, 1'000'000, {}).record(0x22202, 2'500'000, {});
  pipeline.feed({&w});
  const RegionFile file = open();
  EXPECT_EQ(file.reader().faults().bad_by[XENMON_BAD_TSC], 12U);
  EXPECT_EQ(file.reader().faults().source[XENMON_FAULT_MASK], 2U);
  EXPECT_EQ(file.reader().wall_epoch_ns(), 4'711U);
}

TEST_F(RegionWriterTest, APcpuThatExistsIsThereWithoutRecords) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  const std::uint32_t present[] = {99, 1, 0};
  pipeline.writer->set_present_pcpus(present);
  WindowBuilder w(1);
  w.record(0x22202, 1'000'000, {}).record(0x22202, 2'500'000, {});
  pipeline.feed({&w});
  TablesCopy tables;
  ASSERT_TRUE(open().reader().read_tables(tables));
  ASSERT_EQ(tables.pcpus.size(), 100U);
  EXPECT_EQ(tables.pcpus[0].seen, XENMON_PCPU_NO_RECORDS);
  EXPECT_EQ(tables.pcpus[0].running_vcpu, XENMON_NO_SLOT);
  EXPECT_EQ(tables.pcpus[1].seen, XENMON_PCPU_HAS_RECORDS);
  EXPECT_EQ(tables.pcpus[2].seen, 0U);
  EXPECT_EQ(tables.pcpus[99].seen, XENMON_PCPU_NO_RECORDS);
}

// With core scheduling one pCPU reports what its sibling does; and a damaged word may name any.
TEST_F(RegionWriterTest, APcpuThatOnlyItsIdleVcpuNamesEndsNothing) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  WindowBuilder w(1);
  w.runstate(1'000'000, XENMON_DOMID_IDLE, 65, kRunnableState, kRunningState)
      .runstate(1'500'000, XENMON_DOMID_IDLE, 65, kRunningState, kRunnableState)
      .record(0x22202, 2'500'000, {});
  pipeline.feed({&w});
  TablesCopy tables;
  const RegionFile file = open();
  ASSERT_TRUE(file.reader().read_tables(tables));
  ASSERT_EQ(tables.pcpus.size(), 66U);
  EXPECT_EQ(tables.pcpus[65].seen, 0U);
  SampleCopy sample;
  ASSERT_EQ(file.reader().read_sample(1, sample), ReadOutcome::kCopied);
  ASSERT_EQ(sample.rows().size(), 1U);
  EXPECT_EQ(sample.rows()[0].pcpu, 65U);
}

TEST_F(RegionWriterTest, SaysWhatIsKnownOfTheTraceFromTheStart) {
  RegionWriter::Options options;
  options.place.path = path_;
  Origin origin;
  {
    const Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(options, origin);
    ASSERT_TRUE(writer);
    EXPECT_EQ(open().reader().flags() & (XENMON_FLAG_KHZ_MEASURED | XENMON_FLAG_ALL_PCPUS), 0U);
  }
  origin.cpu_khz_measured = true;
  origin.facts.pcpus = {0, 1};
  const Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(options, origin);
  ASSERT_TRUE(writer);
  EXPECT_NE(open().reader().flags() & XENMON_FLAG_KHZ_MEASURED, 0U);
  EXPECT_NE(open().reader().flags() & XENMON_FLAG_ALL_PCPUS, 0U);
}

TEST_F(RegionWriterTest, SaysThatItIsHeld) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  WindowBuilder w;
  w.runstate(0, 1, 0, kRunnableState, kRunningState).record(0x22202, 2'500'000, {});
  pipeline.feed({&w});
  const RegionFile file = open();
  EXPECT_EQ(file.reader().flags() & XENMON_FLAG_HELD, 0U);
  pipeline.writer->set_held(true);
  EXPECT_NE(file.reader().flags() & XENMON_FLAG_HELD, 0U);
  pipeline.writer->set_held(false);
  EXPECT_EQ(file.reader().flags() & XENMON_FLAG_HELD, 0U);
}

// As another daemon's would be, but under the same lock.
TEST_F(RegionWriterTest, ARecordingThatBeginsAnewHasAnEmptyRegion) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  WindowBuilder w;
  w.runstate(0, 1, 0, kRunnableState, kRunningState).record(0x22202, 5'500'000, {});
  pipeline.feed({&w});
  pipeline.writer->set_held(true);
  const RegionFile before = open();
  ASSERT_TRUE(pipeline.writer->start_again());
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  const RegionFile after = open();
  const RegionReader& reader = after.reader();
  EXPECT_NE(reader.header().generation, before.reader().header().generation);
  EXPECT_NE(reader.header().daemon_start, before.reader().header().daemon_start);
  EXPECT_EQ(reader.header().daemon_pid, before.reader().header().daemon_pid);
  EXPECT_EQ(reader.state(), XENMON_STATE_STARTING);
  EXPECT_EQ(reader.flags() & XENMON_FLAG_HELD, 0U);
  EXPECT_EQ(reader.newest_sample(), 0U);
  TablesCopy tables;
  ASSERT_TRUE(reader.read_tables(tables, true));
  EXPECT_TRUE(tables.domains.empty());
  EXPECT_TRUE(tables.vcpus.empty());

  // The same again, and it is as the first time.
  pipeline.merge.emplace();
  Baker::Options baking;
  baking.cpu_khz = 1'000'000;
  baking.sample_ns = 1'000'000;
  pipeline.baker = std::make_unique<Baker>(baking, &pipeline);
  pipeline.feed({&w});
  EXPECT_EQ(reader.newest_sample(), 5U);
  EXPECT_EQ(reader.state(), XENMON_STATE_RUNNING);
  SampleCopy sample;
  ASSERT_EQ(reader.read_sample(5, sample), ReadOutcome::kCopied);
  EXPECT_EQ(sample.head().end_ns, 5'000'000U);
  ASSERT_EQ(sample.rows().size(), 1U);
  EXPECT_EQ(sample.rows()[0].running_ns, 1'000'000U);
}

TEST_F(RegionWriterTest, EndsInWords) {
  Pipeline pipeline(path_, 1'000'000, 10'000'000);
  pipeline.writer->set_state(XENMON_STATE_ENDED);
  EXPECT_EQ(open().reader().state(), XENMON_STATE_ENDED);
}

} // namespace
} // namespace xenmon::test
