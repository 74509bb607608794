// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/region_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <thread>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

std::string refusal(const ScriptedRegion& region) {
  const auto reader = RegionReader::make(region.bytes(), "R");
  return reader ? "" : reader.error().message;
}

TEST(RegionReader, AcceptsAWholeRegion) {
  EXPECT_EQ(refusal(ScriptedRegion()), "");
}

// A copy in which every record is longer by so many bytes.
std::vector<std::uint64_t> with_longer_records(ScriptedRegion& region, std::uint32_t more) {
  xenmon_region_header header = region.header();
  std::vector<std::uint64_t> words(4096 / 8);
  for (xenmon_table* table :
       {&header.pcpu, &header.domain, &header.vcpu, &header.hist, &header.sample, &header.row, &header.io_row,
        &header.wait, &header.verdict, &header.carry, &header.domain_row}) {
    const xenmon_table old = *table;
    table->offset = words.size() * 8;
    table->stride += more;
    words.resize(words.size() + std::size_t{table->stride} * table->capacity / 8);
    auto* const bytes = reinterpret_cast<std::byte*>(words.data());
    for (std::uint32_t i = 0; i < table->capacity; ++i) {
      std::memcpy(&record_at<std::byte>(bytes, *table, i), &region.element<std::byte>(old, i), old.stride);
    }
  }
  header.region_bytes = words.size() * 8;
  std::memcpy(words.data(), &header, sizeof header);
  return words;
}

TEST(RegionReader, AcceptsLongerRecordsOfALaterMinorVersion) {
  ScriptedRegion region;
  region.header().version_minor = 9;
  region.set_domain(1, 5, 50, "web");
  region.publish({make_row(1, 0, {.running_ms = 40}), make_row(1, 1, {.running_ms = 7})});
  const std::vector<std::uint64_t> longer = with_longer_records(region, 16);
  const auto reader = RegionReader::make(std::as_bytes(std::span(longer)), "R");
  ASSERT_TRUE(reader);
  SampleCopy copy;
  ASSERT_EQ(reader->read_sample(1, copy), ReadOutcome::kCopied);
  ASSERT_EQ(copy.rows().size(), 2u);
  EXPECT_EQ(copy.rows()[1].running_ns, 7 * kMs);
  TablesCopy tables;
  ASSERT_TRUE(reader->read_tables(tables));
  EXPECT_STREQ(tables.domains.at(1).name, "web");
}

TEST(RegionReader, AcceptsTheShorterHeaderOfTheFirstVersion) {
  ScriptedRegion region;
  region.publish({});
  region.add_wait(make_wait(5, 50, 7 * kMs, 3 * kMs));
  ASSERT_TRUE(RegionReader::make(region.bytes(), "R")->has_waits());
  // Whatever follows it is not ours.
  region.header().version_minor = 0;
  region.header().header_bytes = XENMON_HEADER_BYTES_1_0;
  region.header().wait.offset = 3;
  const auto reader = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_FALSE(reader->has_waits());
  EXPECT_EQ(reader->newest_wait(), 0u);
  EXPECT_EQ(reader->header().slow_wait_ns, 0u);
  SampleCopy copy;
  EXPECT_EQ(reader->read_sample(1, copy), ReadOutcome::kCopied);
}

TEST(RegionReader, ReadsVerdictsCausesAndFaults) {
  ScriptedRegion region;
  region.header().bad_records_by[XENMON_BAD_TSC] = 12;
  region.header().source_faults[XENMON_FAULT_MASK] = 3;
  region.header().wall_epoch_ns = 5;
  const RegionReader reader = *RegionReader::make(region.bytes(), "R");
  std::vector<std::string> sentences = {"old"};
  EXPECT_TRUE(reader.read_verdicts(sentences));
  EXPECT_TRUE(sentences.empty());
  region.add_verdict(XENMON_VERDICT_NOT_TRACED, "CPUs 2 to 7 were not traced.");
  region.add_verdict(99, "A kind of \x1b[2J later versions.");
  region.header().wall_epoch_ns = 6;
  EXPECT_TRUE(reader.read_verdicts(sentences));
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_EQ(sentences[0], "CPUs 2 to 7 were not traced.");
  EXPECT_EQ(sentences[1].find('\x1b'), std::string::npos);
  EXPECT_EQ(reader.faults().bad_by[XENMON_BAD_TSC], 12u);
  EXPECT_EQ(reader.faults().source[XENMON_FAULT_MASK], 3u);
  EXPECT_EQ(reader.wall_epoch_ns(), 6u);
  region.header().tables_seq = 1;
  EXPECT_FALSE(reader.read_verdicts(sentences));
  region.header().tables_seq = 2;
  region.header().verdict.count = 0xffffffff;
  EXPECT_TRUE(reader.read_verdicts(sentences));
  EXPECT_EQ(sentences.size(), region.header().verdict.capacity);
}

// A region of 1.1 has waits, and nothing after them.
TEST(RegionReader, AcceptsTheShorterHeaderOfTheSecondVersion) {
  ScriptedRegion region;
  region.add_wait(make_wait(5, 50, 7 * kMs, 3 * kMs));
  region.add_verdict(XENMON_VERDICT_NOT_TRACED, "CPUs 2 to 7 were not traced.");
  region.header().version_minor = 1;
  region.header().header_bytes = XENMON_HEADER_BYTES_1_1;
  region.header().verdict.offset = 3;
  region.header().bad_records_by[0] = 7;
  const auto reader = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE(reader->has_waits());
  EXPECT_EQ(reader->newest_wait(), 1u);
  EXPECT_EQ(reader->header().slow_wait_ns, kMs);
  std::vector<std::string> sentences;
  EXPECT_TRUE(reader->read_verdicts(sentences));
  EXPECT_TRUE(sentences.empty());
  EXPECT_EQ(reader->faults().bad_by[0], 0u);
}

// A region of 1.3 has no settings.
TEST(RegionReader, AcceptsTheShorterHeaderOfTheFourthVersion) {
  ScriptedRegion region;
  region.set_settings({{XENMON_SETTING_DOMAIN_CAP, 7, 0, 0, 60}});
  std::vector<xenmon_setting> settings;
  ASSERT_TRUE(RegionReader::make(region.bytes(), "R")->read_settings(settings));
  EXPECT_EQ(settings.size(), 1U);
  region.header().version_minor = 3;
  region.header().header_bytes = XENMON_HEADER_BYTES_1_3;
  region.header().setting.offset = 3;
  const auto reader = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE(reader->read_settings(settings));
  EXPECT_TRUE(settings.empty());
}

// A region of 1.2 has neither sums nor carries.
TEST(RegionReader, AcceptsTheShorterHeaderOfTheThirdVersion) {
  ScriptedRegion region;
  region.set_domain(0, 1, 5, "a");
  region.set_vcpu(0, 0, 0);
  region.add_verdict(XENMON_VERDICT_NOT_TRACED, "CPUs 2 to 7 were not traced.");
  region.header().version_minor = 2;
  region.header().header_bytes = XENMON_HEADER_BYTES_1_2;
  region.header().carry.offset = 3;
  region.header().bad_records_by[0] = 7;
  region.header().vcpu.stride = XENMON_VCPU_BYTES_1_1;
  region.element<xenmon_vcpu>(region.header().vcpu, 0).hist_lines[0] = 9;
  const auto reader = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_FALSE(reader->has_sums());
  std::vector<std::string> sentences;
  EXPECT_TRUE(reader->read_verdicts(sentences));
  EXPECT_EQ(sentences.size(), 1u);
  EXPECT_EQ(reader->faults().bad_by[0], 7u);
  TablesCopy tables;
  ASSERT_TRUE(reader->read_tables(tables, true));
  EXPECT_TRUE(tables.carries.empty());
  EXPECT_EQ(tables.vcpus.at(0).hist_lines[0], 9u);
  EXPECT_EQ(tables.vcpus[0].run_sum_ns, 0u);
}

// A region of 1.3 has neither domain rows nor migrations; its records are as long as they were.
TEST(RegionReader, AcceptsTheShorterRecordsOfTheFourthVersion) {
  ScriptedRegion region;
  region.set_domain(0, 1, 5, "a");
  region.set_vcpu(0, 0, 0);
  xenmon_row row = make_row(0, 0, {.running_ms = 40});
  row.migrations = 8;
  region.domain_rows = {{0, 40, 0, 0, 0, 0, 0, 0}};
  region.publish({row});
  const auto whole = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(whole);
  SampleCopy copy;
  ASSERT_EQ(whole->read_sample(1, copy), ReadOutcome::kCopied);
  EXPECT_TRUE(whole->has_domain_rows() && whole->has_migrations());
  ASSERT_EQ(copy.domain_rows().size(), 1U);
  EXPECT_EQ(copy.domain_rows()[0].full_run_ns, 40U);
  EXPECT_EQ(copy.rows()[0].migrations, 8U);

  xenmon_region_header& header = region.header();
  const xenmon_sample sample = region.sample(1);
  header.version_minor = 3;
  header.header_bytes = XENMON_HEADER_BYTES_1_3;
  header.domain_row.offset = 3;
  header.domain.stride = XENMON_DOMAIN_BYTES_1_0;
  header.vcpu.stride = XENMON_VCPU_BYTES_1_3;
  header.row.stride = XENMON_ROW_BYTES_1_0;
  header.sample.stride = XENMON_SAMPLE_BYTES_1_0;
  std::memcpy(&region.sample(1), &sample, XENMON_SAMPLE_BYTES_1_0);
  const auto reader = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE(reader->has_sums());
  EXPECT_FALSE(reader->has_domain_rows() || reader->has_migrations());
  ASSERT_EQ(reader->read_sample(1, copy), ReadOutcome::kCopied);
  EXPECT_TRUE(copy.domain_rows().empty());
  ASSERT_EQ(copy.rows().size(), 1U);
  EXPECT_EQ(copy.rows()[0].running_ns, 40 * kMs);
  EXPECT_EQ(copy.rows()[0].migrations, 0U);
  TablesCopy tables;
  ASSERT_TRUE(reader->read_tables(tables, true));
  EXPECT_EQ(tables.domains.at(0).uid, 5U);
  EXPECT_EQ(tables.domains[0].full_run_ns, 0U);
}

TEST(RegionReader, ReadsWaitsByTheirNumber) {
  RegionSizes sizes;
  sizes.waits = 2;
  ScriptedRegion region(sizes);
  for (std::uint64_t end = 10; end < 13; ++end) region.add_wait(make_wait(5, 50, end * kMs, 3 * kMs));
  const RegionReader reader = *RegionReader::make(region.bytes(), "R");
  EXPECT_EQ(reader.newest_wait(), 3u);
  xenmon_wait wait;
  EXPECT_EQ(reader.read_wait(0, wait), ReadOutcome::kGone);
  EXPECT_EQ(reader.read_wait(1, wait), ReadOutcome::kGone);
  EXPECT_EQ(reader.read_wait(4, wait), ReadOutcome::kGone);
  ASSERT_EQ(reader.read_wait(2, wait), ReadOutcome::kCopied);
  EXPECT_EQ(wait.end_ns, 11 * kMs);
  ASSERT_EQ(reader.read_wait(3, wait), ReadOutcome::kCopied);
  EXPECT_EQ(wait.end_ns, 12 * kMs);
}

TEST(RegionReader, RefusesStrangers) {
  ScriptedRegion region;
  region.header().magic = 1;
  EXPECT_NE(refusal(region).find("not a XenMon region"), std::string::npos);
  EXPECT_FALSE(RegionReader::make({}, "R"));
  EXPECT_FALSE(RegionReader::make(ScriptedRegion().bytes().first(12), "R"));
}

TEST(RegionReader, RefusesAnotherVersionWithTheRemedy) {
  ScriptedRegion region;
  region.header().version_major = 2;
  EXPECT_EQ(refusal(region),
            "R is a XenMon region of version 2; this xenmon reads version 1: install matching packages.");
  // Also when the other version's header is shorter than ours.
  EXPECT_NE(RegionReader::make(region.bytes().first(64), "R").error().message.find("version 2"),
            std::string::npos);
}

TEST(RegionReader, RefusesATruncatedRegion) {
  ScriptedRegion region;
  for (const std::size_t length :
       {std::size_t{32}, std::size_t{575}, std::size_t{4096}, region.bytes().size() - 8}) {
    const auto reader = RegionReader::make(region.bytes().first(length), "R");
    ASSERT_FALSE(reader) << length;
    EXPECT_NE(reader.error().message.find("truncated"), std::string::npos) << reader.error().message;
  }
}

TEST(RegionReader, RefusesUnalignedBytes) {
  ScriptedRegion region;
  EXPECT_FALSE(RegionReader::make(region.bytes().subspan(4), "R"));
}

struct Damage {
  const char* name;
  std::function<void(xenmon_region_header&)> apply;
};

class DamagedHeader : public testing::TestWithParam<Damage> {};

TEST_P(DamagedHeader, IsRefused) {
  ScriptedRegion region;
  GetParam().apply(region.header());
  EXPECT_NE(refusal(region).find("damaged"), std::string::npos) << refusal(region);
}

INSTANTIATE_TEST_SUITE_P(
    RegionReader, DamagedHeader,
    testing::Values(Damage{"HeaderTooShort", [](auto& h) { h.header_bytes = XENMON_HEADER_BYTES_1_0 - 8; }},
                    Damage{"HeaderOdd", [](auto& h) { h.header_bytes = sizeof(h) + 1; }},
                    Damage{"HeaderBeyondRegion", [](auto& h) { h.header_bytes = 0xfffffff8; }},
                    Damage{"NoGeneration", [](auto& h) { h.generation = 0; }},
                    Damage{"NoDaemonStart", [](auto& h) { h.daemon_start = 0; }},
                    Damage{"StrideTooSmall", [](auto& h) { h.row.stride = XENMON_ROW_BYTES_1_0 - 8; }},
                    Damage{"StrideZero", [](auto& h) { h.sample.stride = 0; }},
                    Damage{"StrideOdd", [](auto& h) { h.domain.stride += 4; }},
                    Damage{"OffsetInHeader", [](auto& h) { h.pcpu.offset = 8; }},
                    Damage{"OffsetOdd", [](auto& h) { h.vcpu.offset += 4; }},
                    Damage{"OffsetBeyondRegion", [](auto& h) { h.io_row.offset = UINT64_MAX - 7; }},
                    Damage{"TableBeyondRegion", [](auto& h) { h.domain_row.capacity += 100'000; }},
                    Damage{"ProductOverflows", [](auto& h) { h.row.capacity = h.row.stride = 0xfffffff8; }},
                    Damage{"CountAboveCapacity", [](auto& h) { h.domain.count = h.domain.capacity + 1; }},
                    Damage{"HistogramsBeyondRegion", [](auto& h) { h.hist.offset = h.region_bytes - 8; }},
                    Damage{"WaitStrideTooSmall", [](auto& h) { h.wait.stride = sizeof(xenmon_wait) - 8; }},
                    Damage{"WaitsBeyondRegion", [](auto& h) { h.wait.capacity += 1'000'000; }},
                    Damage{"NoSamples", [](auto& h) { h.sample.capacity = 0; }},
                    Damage{"NoRows", [](auto& h) { h.row.capacity = 0; }}),
    [](const auto& param) { return std::string(param.param.name); });

TEST(RegionReader, ReadsRowsAcrossTheRingsEnd) {
  RegionSizes sizes;
  sizes.rows = 3;
  ScriptedRegion region(sizes);
  region.publish({make_row(0, 0, {.running_ms = 1}), make_row(0, 0, {.running_ms = 2})});
  region.publish({make_row(0, 0, {.running_ms = 3}), make_row(0, 0, {.running_ms = 4})});
  const auto reader = RegionReader::make(region.bytes(), "R");
  SampleCopy copy;
  ASSERT_EQ(reader->read_sample(2, copy), ReadOutcome::kCopied);
  EXPECT_EQ(copy.rows()[0].running_ns, 3 * kMs);
  EXPECT_EQ(copy.rows()[1].running_ns, 4 * kMs);
}

TEST(RegionReader, KnowsWhatIsGone) {
  RegionSizes sizes;
  sizes.samples = 4;
  ScriptedRegion region(sizes);
  for (int i = 0; i < 6; ++i) region.publish({});
  const auto reader = RegionReader::make(region.bytes(), "R");
  SampleCopy copy;
  EXPECT_EQ(reader->read_sample(0, copy), ReadOutcome::kGone);
  EXPECT_EQ(reader->read_sample(2, copy), ReadOutcome::kGone);
  EXPECT_EQ(reader->read_sample(3, copy), ReadOutcome::kCopied);
  EXPECT_EQ(reader->read_sample(7, copy), ReadOutcome::kGone);
  region.sample(4).seq = 0; // being written
  EXPECT_EQ(reader->read_sample(4, copy), ReadOutcome::kGone);
}

TEST(RegionReader, BelievesNoCounts) {
  ScriptedRegion region;
  region.publish({});
  region.publish({});
  region.sample(1).row_count = region.header().row.capacity + 1;
  region.sample(2).io_row_count = 0xffffffff;
  const auto reader = RegionReader::make(region.bytes(), "R");
  SampleCopy copy;
  EXPECT_EQ(reader->read_sample(1, copy), ReadOutcome::kDamaged);
  EXPECT_EQ(reader->read_sample(2, copy), ReadOutcome::kDamaged);
  EXPECT_TRUE(copy.rows().empty());

  region.header().domain.count = 0xffffffff; // after the header was checked
  TablesCopy tables;
  ASSERT_TRUE(reader->read_tables(tables));
  EXPECT_EQ(tables.domains.size(), region.header().domain.capacity);
}

TEST(RegionReader, GivesUpOnTablesThatAreAlwaysBeingWritten) {
  ScriptedRegion region;
  region.header().tables_seq = 3;
  const auto reader = RegionReader::make(region.bytes(), "R");
  TablesCopy tables;
  EXPECT_FALSE(reader->read_tables(tables));
}

// Every row of sample N says N; a copy that mixes two samples would not.
TEST(RegionReader, NeverMixesSamplesWhileTheWriterIsRunning) {
  constexpr std::uint32_t kRows = 64;
  constexpr std::uint32_t kSamples = 4;
  RegionSizes sizes;
  sizes.samples = kSamples;
  sizes.rows = kSamples * kRows;
  ScriptedRegion region(sizes);
  const auto reader = RegionReader::make(region.bytes(), "R");
  ASSERT_TRUE(reader);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    std::vector<xenmon_row> rows(kRows);
    for (std::uint64_t n = 1; !stop; ++n) {
      for (xenmon_row& row : rows) row.slice_sum_ns = n;
      region.publish(rows);
    }
  });
  SampleCopy copy;
  std::uint64_t whole = 0;
  std::uint64_t mixed = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (whole < 2000 && std::chrono::steady_clock::now() < deadline) {
    const std::uint64_t n = reader->newest_sample();
    if (reader->read_sample(n, copy) != ReadOutcome::kCopied) continue;
    ++whole;
    for (const xenmon_row& row : copy.rows()) mixed += row.slice_sum_ns != n;
  }
  stop = true;
  writer.join();
  EXPECT_GT(whole, 0u);
  EXPECT_EQ(mixed, 0u);
}

TEST(RegionFile, SaysWhatIsWrongWithAPath) {
  const TemporaryDirectory directory;
  const std::string missing = directory / "none";
  EXPECT_NE(RegionFile::open(missing).error().message.find("there is no region at"), std::string::npos);

  ScriptedRegion region;
  region.put(directory / "real");
  std::filesystem::create_symlink(directory / "real", directory / "link");
  EXPECT_NE(RegionFile::open(directory / "link").error().message.find("symbolic link"), std::string::npos);

  ASSERT_EQ(mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_NE(RegionFile::open(directory / "fifo").error().message.find("not a regular file"),
            std::string::npos);

  std::filesystem::resize_file(directory / "real", 5000);
  EXPECT_NE(RegionFile::open(directory / "real").error().message.find("truncated"), std::string::npos);
  std::filesystem::resize_file(directory / "real", 0);
  EXPECT_FALSE(RegionFile::open(directory / "real"));

  if (geteuid() != 0) {
    region.put(directory / "secret");
    chmod((directory / "secret").c_str(), 0);
    const Error error = RegionFile::open(directory / "secret").error();
    EXPECT_EQ(error.status, ExitStatus::kNotPermitted);
    EXPECT_NE(error.message.find("group xenmon"), std::string::npos);
  }
}

TEST(RegionFile, NoticesThatItWasCut) {
  const TemporaryDirectory directory;
  const std::string path = directory / "region";
  ScriptedRegion().put(path);
  const auto file = RegionFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->still_whole());
  std::filesystem::resize_file(path, 4096);
  EXPECT_FALSE(file->still_whole());
}

} // namespace
} // namespace xenmon::test
