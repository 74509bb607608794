// SPDX-License-Identifier: GPL-2.0-or-later
//
// RegionImage by itself, on snapshots that the test made up, seen through the front end's reader.
#include "publish/region_image.h"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "client/region_reader.h"
#include "publish/text_field.h"
#include "region_placing.h"
#include "temporary_directory.h"

namespace xenmon {
namespace {

// Tables and one sample, to be changed as a test likes.
struct Figures {
  std::vector<xenmon_pcpu> pcpus = std::vector<xenmon_pcpu>(2, xenmon_pcpu{XENMON_PCPU_HAS_RECORDS, 0, 5, 0});
  std::vector<xenmon_domain> domains;
  std::vector<xenmon_vcpu> vcpus;
  std::vector<HistogramChange> histograms;
  std::vector<xenmon_wait> waits;
  std::vector<xenmon_row> rows;
  std::vector<xenmon_io_row> io_rows;
  std::vector<xenmon_domain_row> domain_rows;
  std::uint64_t end_ns = 0;

  explicit Figures(std::uint32_t domains_now = 2) { grow(domains_now); }
  // One vCPU and one row to a domain.
  void grow(std::uint32_t domains_now) {
    for (auto slot = static_cast<std::uint32_t>(domains.size()); slot < domains_now; ++slot) {
      xenmon_domain domain{};
      domain.flags = XENMON_DOMAIN_IN_USE;
      domain.domid = slot;
      domain.uid = 100 + slot;
      put_text(domain.name, "domain " + std::to_string(slot));
      domains.push_back(domain);
      xenmon_vcpu vcpu{};
      vcpu.flags = XENMON_VCPU_IN_USE;
      vcpu.domain_slot = slot;
      vcpus.push_back(vcpu);
      xenmon_row row{};
      row.vcpu_slot = row.domain_slot = slot;
      row.running_ns = 1000 + slot;
      rows.push_back(row);
    }
  }
  Snapshot tables() const {
    Snapshot snapshot;
    snapshot.pcpus = pcpus;
    snapshot.domains = domains;
    snapshot.vcpus = vcpus;
    snapshot.histograms = histograms;
    snapshot.waits = waits;
    return snapshot;
  }
  Snapshot next() {
    Snapshot snapshot = tables();
    snapshot.sample = {.start_ns = end_ns,
                       .end_ns = end_ns + 1'000'000,
                       .rows = rows,
                       .io_rows = io_rows,
                       .domain_rows = domain_rows};
    end_ns += 1'000'000;
    return snapshot;
  }
};

// Ten samples of a millisecond.
RegionFacts plain_facts() {
  RegionFacts facts;
  facts.source_kind = XENMON_SOURCE_SCRIPTED;
  facts.sample_ns = 1'000'000;
  facts.history_ns = 10'000'000;
  return facts;
}

// On pCPU 0.
xenmon_wait short_wait() {
  xenmon_wait wait{};
  wait.start_ns = 1;
  wait.end_ns = 2;
  return wait;
}

class RegionImageTest : public testing::Test {
 protected:
  ~RegionImageTest() override { test::on_placing = nullptr; }

  RegionImage create(RegionImage::Options options = {}) {
    options.place.path = path;
    Result<RegionImage> made = RegionImage::create(options, facts);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  std::string refusal_to_create(RegionImage::Options options = {}) {
    options.place.path = path;
    const Result<RegionImage> made = RegionImage::create(options, facts);
    return made ? "" : made.error().message;
  }
  RegionFile open() const {
    Result<RegionFile> file = RegionFile::open(path);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  static std::uint64_t running_ns(const RegionReader& reader, std::uint64_t number) {
    SampleCopy copy;
    if (reader.read_sample(number, copy) != ReadOutcome::kCopied) return 0;
    std::uint64_t sum = 0;
    for (const xenmon_row& row : copy.rows()) sum += row.running_ns;
    return sum;
  }

  test::TemporaryDirectory directory;
  std::string path = directory / "region";
  RegionFacts facts = plain_facts();
};

TEST_F(RegionImageTest, IsThereBeforeItsFirstSample) {
  facts.daemon_start = 4711;
  facts.flags = XENMON_FLAG_KHZ_ASSUMED;
  facts.source_text = std::string(200, 'x');
  const RegionImage image = create();
  const RegionFile file = open();
  const RegionReader& reader = file.reader();
  EXPECT_EQ(reader.state(), XENMON_STATE_STARTING);
  EXPECT_EQ(reader.flags(), XENMON_FLAG_KHZ_ASSUMED);
  EXPECT_EQ(reader.header().daemon_start, 4711U);
  EXPECT_EQ(reader.header().sample.capacity, 1011U); // a second more than the history
  EXPECT_EQ(std::string(reader.header().source_text), std::string(XENMON_TEXT_BYTES - 1, 'x'));
  EXPECT_EQ(reader.newest_sample(), 0U);
}

TEST_F(RegionImageTest, FactsWithWhichThereCanBeNoRegionAreRefused) {
  facts.sample_ns = 0;
  EXPECT_NE(refusal_to_create().find("samples of 0 ns"), std::string::npos);
  facts.sample_ns = 1;
  facts.history_ns = UINT64_MAX;
  EXPECT_NE(refusal_to_create().find("history"), std::string::npos);
  facts.sample_ns = 1'000'000;
  facts.history_ns = 10'000'000;
  RegionImage::Options options;
  options.capacities.wait = 0;
  EXPECT_NE(refusal_to_create(options).find("without room"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(RegionImageTest, TablesCanChangeWithoutASample) {
  RegionImage image = create();
  const RegionFile file = open();
  Figures figures;
  ASSERT_TRUE(image.publish(figures.tables()));
  TablesCopy tables;
  ASSERT_TRUE(file.reader().read_tables(tables, true));
  EXPECT_STREQ(tables.domains.at(1).name, "domain 1");
  EXPECT_EQ(tables.vcpus.at(1).domain_slot, 1U);
  EXPECT_EQ(file.reader().state(), XENMON_STATE_STARTING);
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(file.reader().state(), XENMON_STATE_RUNNING);
  EXPECT_EQ(running_ns(file.reader(), 1), 2001U);
}

TEST_F(RegionImageTest, SequencesAndNumbersAreAsTheContractHasThem) {
  RegionImage::Options options;
  options.capacities.sample = 4;
  RegionImage image = create(options);
  Figures figures;
  std::vector<std::uint64_t> words(image.region_bytes() / 8);
  for (std::uint64_t number = 1; number <= 10; ++number) {
    ASSERT_TRUE(image.publish(figures.next()));
    ASSERT_TRUE(
        std::ifstream(path, std::ios::binary)
            .read(reinterpret_cast<char*>(words.data()), static_cast<std::streamsize>(words.size() * 8)));
    const auto* const bytes = reinterpret_cast<const std::byte*>(words.data());
    const auto& header = *reinterpret_cast<const xenmon_region_header*>(bytes);
    EXPECT_EQ(header.tables_seq, 2 * number);
    EXPECT_EQ(header.newest_sample, number);
    EXPECT_EQ(header.counters.samples, number);
    for (std::uint64_t entry = 0; entry < 4; ++entry) {
      const std::uint64_t seq = record_at<xenmon_sample>(bytes, header.sample, entry).seq;
      EXPECT_TRUE(seq == 0 || (seq <= number && seq + 4 > number && seq % 4 == entry)) << seq;
    }
  }
}

// Rows that are written over belong to samples that are gone before that.
TEST_F(RegionImageTest, ASampleIsGoneWhenAnyOfItsRowsIs) {
  RegionImage::Options options;
  options.capacities.row = 16;
  options.size_limit = 0;
  RegionImage image = create(options);
  const RegionFile file = open();
  Figures figures(6);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(file.reader().state(), XENMON_STATE_RUNNING); // no larger file
  EXPECT_NE(file.reader().flags() & XENMON_FLAG_HISTORY_SHORTENED, 0U);
  SampleCopy copy;
  for (const std::uint64_t gone : {1, 2, 3})
    EXPECT_EQ(file.reader().read_sample(gone, copy), ReadOutcome::kGone);
  for (const std::uint64_t there : {4, 5}) EXPECT_EQ(running_ns(file.reader(), there), 6015U);
}

TEST_F(RegionImageTest, ALargerFileHasAllThatTheOldOneHad) {
  RegionImage image = create();
  const RegionFile before = open();
  Figures figures;
  std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts{};
  counts[20] = 7;
  figures.histograms = {
      {.vcpu_slot = 1, .lines = {0, 1U << 1, 0}, .counts = {nullptr, counts.data(), nullptr}}};
  figures.waits = {short_wait()};
  xenmon_verdict verdict{};
  verdict.kind = XENMON_VERDICT_DAMAGED;
  put_text(verdict.text, "It is cut off.");
  image.set_verdicts({&verdict, 1});
  Snapshot snapshot = figures.next();
  snapshot.counters.late_records = 3;
  snapshot.bad_records_by[XENMON_BAD_TSC] = 4;
  ASSERT_TRUE(image.publish(snapshot));
  image.heartbeat(12, 34);
  figures.histograms.clear();
  figures.waits.clear();

  // What is about to be put in place has its tables, and the old file does not say yet that it is over.
  int placed = 0;
  test::on_placing = [&](const std::string& in_the_making) {
    ++placed;
    EXPECT_EQ(before.reader().state(), XENMON_STATE_RUNNING);
    Result<RegionFile> file = RegionFile::open(in_the_making);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->reader().state(), XENMON_STATE_RUNNING);
    EXPECT_EQ(file->reader().newest_sample(), 2U);
    TablesCopy tables;
    ASSERT_TRUE(file->reader().read_tables(tables, true));
    EXPECT_EQ(tables.domains.size(), 500U);
    EXPECT_EQ(tables.vcpus.size(), 500U);
  };
  figures.grow(500);
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(placed, 1);
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);

  const RegionFile after = open();
  const RegionReader& reader = after.reader();
  EXPECT_NE(reader.header().generation, before.reader().header().generation);
  EXPECT_EQ(reader.header().daemon_start, before.reader().header().daemon_start);
  EXPECT_EQ(running_ns(reader, 1), 2001U);
  EXPECT_EQ(reader.counters().wakeups, 12U);
  xenmon_wait wait;
  EXPECT_EQ(reader.read_wait(1, wait), ReadOutcome::kCopied);
  const std::array<std::uint32_t, 3> all_lines = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  xenmon_histograms copy{};
  ASSERT_TRUE(reader.read_histograms(1, all_lines, copy));
  EXPECT_EQ(copy.preempt_wait[20], 7U);
  std::vector<std::string> sentences;
  ASSERT_TRUE(reader.read_verdicts(sentences));
  EXPECT_EQ(sentences, std::vector<std::string>{"It is cut off."});
}

TEST_F(RegionImageTest, WhatDoesNotFitAnywhereLeavesTheRegionAsItWas) {
  RegionImage image = create();
  Figures figures;
  ASSERT_TRUE(image.publish(figures.next()));
  const RegionFile before = open();
  // Nothing can be renamed over a directory.
  std::filesystem::remove(path);
  std::filesystem::create_directories(path + "/occupied");
  figures.grow(500);
  EXPECT_FALSE(image.publish(figures.next()));
  EXPECT_EQ(before.reader().state(), XENMON_STATE_RUNNING);
  EXPECT_EQ(before.reader().newest_sample(), 1U);
  std::filesystem::remove_all(path);
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  EXPECT_EQ(open().reader().newest_sample(), 2U);
  EXPECT_EQ(running_ns(open().reader(), 1), 2001U);
}

TEST_F(RegionImageTest, HistogramsOfASlotStartFromZeroWithItsNextOwner) {
  RegionImage image = create();
  const RegionFile file = open();
  Figures figures;
  std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts{};
  counts[20] = 7;
  figures.histograms = {
      {.vcpu_slot = 0, .lines = {1U << 1, 0, 0}, .counts = {counts.data(), nullptr, nullptr}}};
  ASSERT_TRUE(image.publish(figures.next()));
  const auto read = [&] {
    const std::array<std::uint32_t, 3> all_lines = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    xenmon_histograms copy{};
    EXPECT_TRUE(file.reader().read_histograms(0, all_lines, copy));
    return std::pair(copy.wake_wait[20], copy.wake_wait[40]);
  };
  EXPECT_EQ(read(), std::pair(7U, 0U));
  figures.histograms.clear();
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(read(), std::pair(7U, 0U));
  figures.domains[0].uid = 900;
  counts = {};
  counts[40] = 2;
  figures.histograms = {
      {.vcpu_slot = 0, .lines = {1U << 2, 0, 0}, .counts = {counts.data(), nullptr, nullptr}}};
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(read(), std::pair(0U, 2U));
}

// As a mirror has it that could not read all samples of the other host: numbers are those over there.
// {{slot, bucket}: how often it has passed 2^32}
std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> carries_of(const RegionReader& reader) {
  std::vector<xenmon_carry> carries;
  EXPECT_TRUE(reader.read_carries(carries));
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> found;
  for (const xenmon_carry& carry : carries) {
    if (carry.vcpu_slot != XENMON_NO_SLOT) found[{carry.vcpu_slot, carry.bucket}] = carry.passed;
  }
  return found;
}

TEST_F(RegionImageTest, ACountThatPassesItsWordIsCarried) {
  RegionImage image = create();
  Figures figures;
  std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts{};
  figures.histograms.push_back({1, {0, 0, 1}, {nullptr, nullptr, counts.data()}});
  const auto publish = [&](std::uint32_t count) {
    counts[5] = count;
    ASSERT_TRUE(image.publish(figures.next()));
  };
  publish(UINT32_MAX);
  EXPECT_TRUE(carries_of(open().reader()).empty());
  publish(3);
  const std::pair place{1U, 2 * XENMON_HIST_BUCKETS + 5};
  EXPECT_EQ(carries_of(open().reader()).at(place), 1U);
  publish(4);
  EXPECT_EQ(carries_of(open().reader()).at(place), 1U);
  publish(2);
  EXPECT_EQ(carries_of(open().reader()), (decltype(carries_of(open().reader())){{place, 2}}));
  // A larger file has it, too, and another owner of the slot has not.
  figures.grow(5000);
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(carries_of(open().reader()).at(place), 2U);
  figures.domains[1].uid = 9;
  counts[5] = 1;
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_TRUE(carries_of(open().reader()).empty());
}

// Who begins with counts that have passed 2^32 says so, and from then on the image sees it happen.
TEST_F(RegionImageTest, CarriesFromBeforeAreTaken) {
  RegionImage image = create();
  Figures figures;
  std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts{};
  counts[5] = UINT32_MAX;
  figures.histograms.push_back({1, {0, 0, 1}, {nullptr, nullptr, counts.data()}});
  const std::vector<xenmon_carry> before = {{0, 7, 1}, {1, 2 * XENMON_HIST_BUCKETS + 5, 3}};
  Snapshot snapshot = figures.next();
  snapshot.carries = before;
  ASSERT_TRUE(image.publish(snapshot));
  using Carries = decltype(carries_of(open().reader()));
  const std::pair place{1U, 2 * XENMON_HIST_BUCKETS + 5};
  EXPECT_EQ(carries_of(open().reader()), (Carries{{{0, 7}, 1}, {place, 3}}));
  counts[5] = 2;
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(carries_of(open().reader()), (Carries{{{0, 7}, 1}, {place, 4}}));
  // They are all of them: what is not among them is not carried any more.
  snapshot = figures.next();
  snapshot.carries = std::span(before).first(1);
  ASSERT_TRUE(image.publish(snapshot));
  EXPECT_EQ(carries_of(open().reader()), (Carries{{{0, 7}, 1}}));
  // More than a file has room for make a larger one; what does not exist is refused.
  std::vector<xenmon_carry> many;
  for (std::uint32_t bucket = 0; bucket < 200; ++bucket) many.push_back({1, bucket, 1});
  snapshot = figures.next();
  snapshot.carries = many;
  ASSERT_TRUE(image.publish(snapshot));
  EXPECT_EQ(carries_of(open().reader()).size(), 200U);
  for (const xenmon_carry& wrong : {xenmon_carry{99, 0, 1}, xenmon_carry{0, 3 * XENMON_HIST_BUCKETS, 1}}) {
    snapshot = figures.next();
    snapshot.carries = std::span(&wrong, 1);
    EXPECT_FALSE(image.publish(snapshot));
  }
}

// Before there is no room left, so that no count ever lacks its carry.
TEST_F(RegionImageTest, AFileWithTooFewEntriesForCarriesIsReplaced) {
  RegionImage::Options options;
  options.capacities.carry = 16;
  RegionImage image = create(options);
  Figures figures;
  std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts{};
  figures.histograms.push_back({0, {(1U << 29) - 1, 0, 0}, {counts.data(), nullptr, nullptr}});
  for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
    counts[bucket] = 7;
    ASSERT_TRUE(image.publish(figures.next()));
    counts[bucket] = 6;
    ASSERT_TRUE(image.publish(figures.next()));
    ASSERT_EQ(carries_of(open().reader()).size(), bucket + 1);
  }
}

TEST_F(RegionImageTest, NumbersMayBeLeftOut) {
  RegionImage::Options options;
  options.capacities.sample = 8;
  RegionImage image = create(options);
  const RegionFile file = open();
  Figures figures;
  const auto publish = [&](std::uint64_t number) {
    Snapshot snapshot = figures.next();
    snapshot.sample->number = number;
    return static_cast<bool>(image.publish(snapshot));
  };
  const auto there = [&] {
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t number = 1; number <= file.reader().newest_sample(); ++number) {
      if (running_ns(file.reader(), number) != 0) numbers.push_back(number);
    }
    return numbers;
  };
  EXPECT_TRUE(publish(101));
  EXPECT_TRUE(publish(102));
  EXPECT_TRUE(publish(105));
  EXPECT_EQ(there(), (std::vector<std::uint64_t>{101, 102, 105}));
  EXPECT_FALSE(publish(105));
  EXPECT_FALSE(publish(3));
  EXPECT_TRUE(publish(109));
  EXPECT_EQ(there(), (std::vector<std::uint64_t>{102, 105, 109}));
  EXPECT_FALSE(image.overwrites_unread(size_of(figures.tables()), 102));
  EXPECT_TRUE(publish(1'000'000));
  EXPECT_EQ(there(), (std::vector<std::uint64_t>{1'000'000}));
  figures.grow(500);
  EXPECT_TRUE(publish(1'000'003));
  EXPECT_EQ(running_ns(open().reader(), 1'000'000), 2001U);
}

TEST_F(RegionImageTest, WaitsForWhichThereWasNoRoomHaveNumbers) {
  RegionImage::Options options;
  options.capacities.wait = 4;
  RegionImage image = create(options);
  const RegionFile file = open();
  Figures figures;
  figures.waits = std::vector<xenmon_wait>(2, short_wait());
  Snapshot snapshot = figures.tables();
  snapshot.waits_left_out = 3;
  ASSERT_TRUE(image.publish(snapshot));
  ASSERT_TRUE(image.publish(snapshot));
  EXPECT_EQ(file.reader().newest_wait(), 10U);
  std::vector<std::uint64_t> there;
  xenmon_wait wait;
  for (std::uint64_t number = 1; number <= 10; ++number) {
    if (file.reader().read_wait(number, wait) == ReadOutcome::kCopied) there.push_back(number);
  }
  EXPECT_EQ(there, (std::vector<std::uint64_t>{1, 6, 7})); // 6 has the second one's place
}

TEST_F(RegionImageTest, ARestartIsAnotherDaemonsEmptyFile) {
  RegionImage image = create();
  Figures figures;
  ASSERT_TRUE(image.publish(figures.next()));
  image.set_held(true);
  const RegionFile before = open();
  ASSERT_TRUE(image.restart(55));
  EXPECT_EQ(before.reader().state(), XENMON_STATE_SUPERSEDED);
  const RegionFile after = open();
  EXPECT_EQ(after.reader().header().daemon_start, 55U);
  EXPECT_EQ(after.reader().state(), XENMON_STATE_STARTING);
  EXPECT_EQ(after.reader().flags(), 0U);
  EXPECT_EQ(after.reader().newest_sample(), 0U);
  ASSERT_TRUE(image.publish(Figures(1).next())); // fewer slots than the one before
  EXPECT_EQ(after.reader().newest_sample(), 1U);
}

TEST_F(RegionImageTest, AVerdictAlwaysHasAnEnd) {
  RegionImage image = create();
  std::vector<xenmon_verdict> verdicts(100);
  for (xenmon_verdict& verdict : verdicts) std::fill(std::begin(verdict.text), std::end(verdict.text), 'x');
  image.set_verdicts(verdicts);
  std::vector<std::string> sentences;
  const RegionFile file = open();
  ASSERT_TRUE(file.reader().read_verdicts(sentences));
  EXPECT_EQ(sentences.size(), file.reader().header().verdict.capacity);
  EXPECT_EQ(sentences[0], std::string(XENMON_VERDICT_TEXT_BYTES - 1, 'x'));
}

std::vector<xenmon_setting> settings_in(const RegionReader& reader) {
  std::vector<xenmon_setting> settings;
  EXPECT_TRUE(reader.read_settings(settings));
  return settings;
}

std::vector<xenmon_setting> weights(std::uint32_t count) {
  std::vector<xenmon_setting> settings;
  for (std::uint32_t domid = 0; domid < count; ++domid)
    settings.push_back({XENMON_SETTING_DOMAIN_WEIGHT, domid, 0, 0, 256U + domid});
  return settings;
}

TEST_F(RegionImageTest, SettingsAreReadAtOnceAndInEveryLaterFile) {
  RegionImage image = create();
  EXPECT_TRUE(settings_in(open().reader()).empty());
  image.set_settings(weights(3));
  ASSERT_EQ(settings_in(open().reader()).size(), 3U);
  EXPECT_EQ(settings_in(open().reader())[2].value, 258U);
  image.set_settings(weights(2));
  EXPECT_EQ(settings_in(open().reader()).size(), 2U);
  Figures figures;
  figures.grow(500);
  ASSERT_TRUE(image.publish(figures.next()));
  EXPECT_EQ(settings_in(open().reader()).size(), 2U);
  ASSERT_TRUE(image.restart());
  EXPECT_EQ(settings_in(open().reader()).size(), 2U);
}

TEST_F(RegionImageTest, MoreSettingsThanThereIsRoomForMakeALargerFile) {
  RegionImage image = create();
  image.set_settings(weights(1000));
  EXPECT_TRUE(settings_in(open().reader()).empty()); // rather none than some
  ASSERT_TRUE(image.publish(Figures().next()));
  EXPECT_EQ(settings_in(open().reader()).size(), 1000U);
}

// ---- what another host may send

struct Hostile {
  const char* name;
  void (*damage)(Figures& figures, Snapshot& snapshot);
};

class HostileSnapshot : public RegionImageTest, public testing::WithParamInterface<Hostile> {};

TEST_P(HostileSnapshot, IsRefusedAndChangesNothing) {
  RegionImage image = create();
  Figures figures;
  ASSERT_TRUE(image.publish(figures.next()));
  figures.waits = {short_wait()};
  const std::array<std::uint32_t, XENMON_HIST_BUCKETS> counts{};
  figures.histograms = {{.vcpu_slot = 1, .lines = {1, 0, 0}, .counts = {counts.data(), nullptr, nullptr}}};
  figures.io_rows.resize(1);
  figures.domain_rows.resize(1);
  Snapshot snapshot = figures.next();
  GetParam().damage(figures, snapshot);
  const Status published = image.publish(snapshot);
  ASSERT_FALSE(published);
  EXPECT_NE(published.error().message.find("restart"), std::string::npos) << published.error().message;
  const RegionFile file = open();
  EXPECT_EQ(file.reader().newest_sample(), 1U);
  EXPECT_EQ(file.reader().newest_wait(), 0U);
  TablesCopy tables;
  ASSERT_TRUE(file.reader().read_tables(tables));
  EXPECT_STREQ(tables.domains.at(0).name, "domain 0");
  // And what is whole goes on.
  figures = Figures();
  EXPECT_TRUE(image.publish(figures.next()));
}

// A span of memory that is not there: whoever looks into it before its size crashes.
template <class Record>
std::span<const Record> endless(std::size_t count) {
  return {reinterpret_cast<const Record*>(std::uintptr_t{4096}), count};
}

INSTANTIATE_TEST_SUITE_P(
    RegionImage, HostileSnapshot,
    testing::Values(
        Hostile{"RowOfNoVcpu", [](Figures& f, Snapshot&) { f.rows[1].vcpu_slot = 2; }},
        Hostile{"RowOfNoDomain", [](Figures& f, Snapshot&) { f.rows[1].domain_slot = UINT32_MAX; }},
        Hostile{"RowOfNoPcpu", [](Figures& f, Snapshot&) { f.rows[1].pcpu = 2; }},
        Hostile{"IoRowOfNoDomain", [](Figures& f, Snapshot&) { f.io_rows[0].domain_slot = 2; }},
        Hostile{"DomainRowOfNoDomain", [](Figures& f, Snapshot&) { f.domain_rows[0].domain_slot = 2; }},
        Hostile{"VcpuOfNoDomain", [](Figures& f, Snapshot&) { f.vcpus[0].domain_slot = 2; }},
        Hostile{"PcpuRunsNobody", [](Figures& f, Snapshot&) { f.pcpus[0].running_vcpu = 2; }},
        Hostile{"NameWithoutEnd",
                [](Figures& f, Snapshot&) {
                  std::fill(std::begin(f.domains[0].name), std::end(f.domains[0].name), 'x');
                }},
        Hostile{"WaitOnNoPcpu", [](Figures& f, Snapshot&) { f.waits[0].pcpu = 2; }},
        Hostile{"WaitEndsBeforeItBegins", [](Figures& f, Snapshot&) { f.waits[0].start_ns = 3; }},
        Hostile{"HistogramOfNoVcpu", [](Figures& f, Snapshot&) { f.histograms[0].vcpu_slot = 2; }},
        Hostile{"HistogramWithTooManyLines",
                [](Figures& f, Snapshot&) { f.histograms[0].lines[0] = 1U << 29; }},
        Hostile{"HistogramWithoutCounts", [](Figures& f, Snapshot&) { f.histograms[0].counts[0] = nullptr; }},
        Hostile{"SampleEndsBeforeItBegins",
                [](Figures&, Snapshot& s) { s.sample->start_ns = s.sample->end_ns + 1; }},
        Hostile{"SampleNumberFromNowhere", [](Figures&, Snapshot& s) { s.sample->number = UINT64_MAX; }},
        Hostile{"WaitsFromNowhere", [](Figures&, Snapshot& s) { s.waits_left_out = UINT64_MAX; }},
        Hostile{"TooManyPcpus", [](Figures&, Snapshot& s) { s.pcpus = endless<xenmon_pcpu>(1U << 21); }},
        Hostile{"TooManyDomains",
                [](Figures&, Snapshot& s) { s.domains = endless<xenmon_domain>(1U << 21); }},
        Hostile{"TooManyVcpus",
                [](Figures&, Snapshot& s) { s.vcpus = endless<xenmon_vcpu>(SIZE_MAX / 1024); }},
        Hostile{"TooManyRows", [](Figures&, Snapshot& s) { s.sample->rows = endless<xenmon_row>(1U << 25); }},
        Hostile{"TooManyIoRows",
                [](Figures&, Snapshot& s) { s.sample->io_rows = endless<xenmon_io_row>(1U << 25); }},
        Hostile{"TooManyDomainRows",
                [](Figures&, Snapshot& s) { s.sample->domain_rows = endless<xenmon_domain_row>(1U << 25); }},
        Hostile{"TooManyWaits", [](Figures&, Snapshot& s) { s.waits = endless<xenmon_wait>(1U << 25); }},
        Hostile{"SlotsLost",
                [](Figures& f, Snapshot& s) {
                  s.sample.reset();
                  s.histograms = {};
                  s.vcpus = std::span(f.vcpus).first(1);
                }}),
    [](const auto& param) { return std::string(param.param.name); });

} // namespace
} // namespace xenmon
