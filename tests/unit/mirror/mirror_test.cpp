// SPDX-License-Identifier: GPL-2.0-or-later
//
// A region, the stream of its changes, and the region that is made of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "client/region_reader.h"
#include "mirror/compression.h"
#include "mirror/mirror_receiver.h"
#include "mirror/mirror_sender.h"
#include "temporary_directory.h"
#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

class MirrorTest : public testing::Test {
 protected:
  MirrorTest() {
    theirs_.set_domain(0, 0, 1, "Domain-0");
    theirs_.set_domain(1, 7, 2, "web");
    theirs_.set_vcpu(0, 0, 0);
    theirs_.set_vcpu(1, 1, 0);
    theirs_.put(their_path_);
  }

  void publish(std::uint32_t running_ms) {
    const std::uint32_t running_ns = running_ms * 1'000'000;
    theirs_.domain_rows = {{0, running_ns, 0, 0, 0, 0, 100'000'000 - running_ns, 0},
                           {1, 0, 0, 0, 0, 60'000'000, 30'000'000, 0}};
    theirs_.publish(
        {make_row(0, 0, {.running_ms = running_ms, .blocked_ms = 100 - running_ms, .executions = 3}),
         make_vcpu_row(1, 1, {.waited_ms = 60, .blocked_ms = 40, .executions = 2, .slice_ms = 5})},
        {make_io_row(1, 0, running_ms)});
    theirs_.update(their_path_);
  }
  static xenmon_row make_vcpu_row(std::uint32_t vcpu, std::uint32_t domain, const RowTimes& times) {
    xenmon_row row = make_row(domain, 1, times);
    row.vcpu_slot = vcpu;
    return row;
  }

  // All that the sender has to say now, in pieces of that length.
  std::size_t pass(std::size_t piece = SIZE_MAX) {
    std::size_t passed = 0;
    for (int i = 0; i < 100; ++i) {
      std::string bytes;
      now_ns_ += 50 * kMs;
      sender_->next(bytes);
      if (bytes.empty()) continue;
      passed += bytes.size();
      for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const Status received = decompressor_.receive(
            std::string_view(bytes).substr(at, piece),
            [this](MirrorMessage kind, std::string_view body) { return receiver_.take(kind, body); });
        EXPECT_TRUE(received) << received.error().message;
        if (!received) return passed;
      }
    }
    return passed;
  }
  void connect() {
    sender_.emplace(their_path_, receiver_.progress(), [this] { return now_ns_; });
    decompressor_ = MessageDecompressor();
    receiver_.begin_session();
  }

  void expect_same() {
    const Result<RegionFile> ours = RegionFile::open(our_path_);
    const Result<RegionFile> theirs = RegionFile::open(their_path_);
    ASSERT_TRUE(ours && theirs);
    EXPECT_EQ(ours->reader().newest_sample(), theirs->reader().newest_sample());
    for (std::uint64_t number = 1; number <= theirs->reader().newest_sample(); ++number) {
      SampleCopy mine;
      SampleCopy other;
      ASSERT_EQ(ours->reader().read_sample(number, mine), ReadOutcome::kCopied) << number;
      ASSERT_EQ(theirs->reader().read_sample(number, other), ReadOutcome::kCopied);
      EXPECT_EQ(mine.head().end_ns, other.head().end_ns);
      EXPECT_EQ(mine.head().lost_records, other.head().lost_records);
      EXPECT_TRUE(same(mine.rows(), other.rows())) << number;
      EXPECT_TRUE(same(mine.io_rows(), other.io_rows())) << number;
      EXPECT_TRUE(same(mine.domain_rows(), other.domain_rows())) << number;
    }
    TablesCopy mine;
    TablesCopy other;
    ASSERT_TRUE(ours->reader().read_tables(mine, true) && theirs->reader().read_tables(other, true));
    EXPECT_TRUE(same<xenmon_domain>(mine.domains, other.domains));
    EXPECT_TRUE(same<xenmon_vcpu>(mine.vcpus, other.vcpus));
  }
  template <class Record>
  static bool same(std::span<Record> a, std::span<Record> b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
  }

  TemporaryDirectory directory_;
  std::string their_path_ = directory_ / "theirs";
  std::string our_path_ = directory_ / "ours";
  ScriptedRegion theirs_;
  std::uint64_t now_ns_ = 1'000'000 * kMs;
  MirrorReceiver receiver_{our_path_, "other"};
  std::optional<MirrorSender> sender_;
  MessageDecompressor decompressor_;
};

TEST_F(MirrorTest, HasWhatTheRegionHad) {
  for (std::uint32_t ms = 0; ms < 40; ++ms) publish(ms);
  connect();
  pass();
  EXPECT_TRUE(receiver_.complete());
  expect_same();
}

TEST_F(MirrorTest, GrowsWithTheRegionAlsoInPiecesOfOneByte) {
  connect();
  pass(1);
  for (std::uint32_t ms = 0; ms < 12; ++ms) {
    publish(ms);
    pass(1);
    expect_same();
  }
}

TEST_F(MirrorTest, SettingsComeAndChange) {
  const auto ours = [&] {
    std::vector<xenmon_setting> settings;
    const Result<RegionFile> file = RegionFile::open(our_path_);
    EXPECT_TRUE(file && file->reader().read_settings(settings));
    return settings;
  };
  publish(1);
  connect();
  pass();
  EXPECT_TRUE(ours().empty());
  theirs_.set_settings(
      {{XENMON_SETTING_DOMAIN_WEIGHT, 7, 0, 0, 512}, {XENMON_SETTING_DOMAIN_CAP, 7, 0, 0, 60}});
  publish(2);
  pass();
  ASSERT_EQ(ours().size(), 2U);
  EXPECT_EQ(ours()[0].value, 512U);
  theirs_.set_settings({});
  publish(3);
  pass();
  EXPECT_TRUE(ours().empty());
  theirs_.set_settings({{XENMON_SETTING_DOMAIN_CAP, 7, 0, 0, 60}});
  publish(4);
  connect(); // another session has all of them again
  pass();
  EXPECT_EQ(ours().size(), 1U);
}

TEST_F(MirrorTest, TheNextSessionGoesOnAfterTheNewestSample) {
  for (std::uint32_t ms = 0; ms < 5; ++ms) publish(ms);
  connect();
  pass();
  for (std::uint32_t ms = 0; ms < 5; ++ms) publish(ms + 50);
  connect();
  pass();
  expect_same();
  EXPECT_EQ(receiver_.progress().sample, 10U);
}

// What the count of a bucket is, beyond its word.
std::uint64_t count_of(const std::string& path, std::uint32_t slot, std::uint32_t bucket) {
  const Result<RegionFile> file = RegionFile::open(path);
  std::vector<xenmon_carry> carries;
  xenmon_histograms words = {};
  const std::array<std::uint32_t, 3> all = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  EXPECT_TRUE(file && file->reader().read_carries(carries) &&
              file->reader().read_histograms(slot, all, words));
  std::uint64_t passed = 0;
  for (const xenmon_carry& carry : carries)
    if (carry.vcpu_slot == slot && carry.bucket == XENMON_HIST_BUCKETS + bucket) passed += carry.passed;
  return (passed << 32) + words.preempt_wait[bucket];
}

TEST_F(MirrorTest, BeginsWithCountsThatHavePassedTheirWord) {
  const auto count = [this](std::uint64_t value) {
    theirs_.element<xenmon_histograms>(theirs_.header().hist, 1).preempt_wait[20] =
        static_cast<std::uint32_t>(value);
    theirs_.element<xenmon_carry>(theirs_.header().carry, 0) = {XENMON_NO_SLOT, 0, 0};
    theirs_.element<xenmon_carry>(theirs_.header().carry, 1) = {1, XENMON_HIST_BUCKETS + 20, value >> 32};
    theirs_.header().carry.count = value >> 32 == 0 ? 0 : 2;
    publish(5);
    ASSERT_EQ(count_of(their_path_, 1, 20), value);
  };
  const std::uint64_t word = std::uint64_t{1} << 32;
  count(3 * word + 7);
  connect();
  pass();
  EXPECT_EQ(count_of(our_path_, 1, 20), 3 * word + 7);
  // It goes on, passes its word once more, and does so while there is no connection.
  count(4 * word - 1);
  pass();
  EXPECT_EQ(count_of(our_path_, 1, 20), 4 * word - 1);
  count(4 * word + 2);
  pass();
  EXPECT_EQ(count_of(our_path_, 1, 20), 4 * word + 2);
  count(5 * word + 1);
  connect();
  pass();
  EXPECT_EQ(count_of(our_path_, 1, 20), 5 * word + 1);
  connect();
  pass();
  EXPECT_EQ(count_of(our_path_, 1, 20), 5 * word + 1);
}

TEST_F(MirrorTest, AWaitComesOnceAndWhatIsMissingIsCounted) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    theirs_.add_wait(make_wait(7, 2, theirs_.clock_ns + 2 * kMs, kMs));
    publish(1);
  }
  connect();
  pass();
  connect();
  pass();
  // The ring has 64.
  for (std::uint32_t i = 0; i < 100; ++i) theirs_.add_wait(make_wait(7, 2, theirs_.clock_ns + 2 * kMs, kMs));
  publish(1);
  pass();
  const Result<RegionFile> ours = RegionFile::open(our_path_);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->reader().newest_wait(), 110U);
  xenmon_wait wait;
  EXPECT_EQ(ours->reader().read_wait(110, wait), ReadOutcome::kGone);
  EXPECT_EQ(ours->reader().read_wait(74, wait), ReadOutcome::kCopied);
}

TEST_F(MirrorTest, SamplesThatWereOverwrittenAreAGapInTheNumbers) {
  for (std::uint32_t i = 0; i < 3; ++i) publish(1);
  connect();
  pass();
  for (std::uint32_t i = 0; i < 150; ++i) publish(2); // the ring has 128
  pass();
  const Result<RegionFile> ours = RegionFile::open(our_path_);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->reader().newest_sample(), 153U);
  xenmon_sample head;
  EXPECT_EQ(ours->reader().read_sample_head(10, head), ReadOutcome::kGone);
  EXPECT_EQ(ours->reader().read_sample_head(150, head), ReadOutcome::kCopied);
}

TEST_F(MirrorTest, AnOldHeartbeatStaysOld) {
  publish(1);
  theirs_.header().heartbeat_ns = now_ns_;
  theirs_.update(their_path_);
  now_ns_ += 7'000 * kMs;
  connect();
  pass();
  const Result<RegionFile> ours = RegionFile::open(our_path_);
  ASSERT_TRUE(ours);
  EXPECT_GE(boottime_ns() - ours->reader().heartbeat_ns(), 7'000 * kMs);
}

TEST_F(MirrorTest, ReadersAreToldThatThereIsNoConnection) {
  publish(1);
  connect();
  pass();
  Attachment attachment(our_path_);
  receiver_.set_connected(false);
  attachment.poll();
  EXPECT_EQ(attachment.health().kind, Health::Kind::kGone);
  EXPECT_THAT(health_text(attachment.health()), testing::HasSubstr("no connection to other"));
  receiver_.set_connected(true);
  attachment.poll();
  EXPECT_FALSE(attachment.health().disconnected);
}

TEST_F(MirrorTest, WithoutARegionTheReasonIsSaid) {
  sender_.emplace(directory_ / "nothing", MirrorProgress{}, [this] { return now_ns_; });
  pass();
  EXPECT_THAT(receiver_.problem(), testing::HasSubstr("there is no region"));
  EXPECT_FALSE(receiver_.complete());
}

TEST_F(MirrorTest, DamageIsAnErrorAndChangesNothing) {
  for (std::uint32_t ms = 0; ms < 5; ++ms) publish(ms);
  connect();
  pass();
  publish(9);
  // Every byte of a batch, changed: no crash, and what is published stays a region.
  std::string batch;
  now_ns_ += 50 * kMs;
  sender_->next(batch);
  std::vector<std::pair<MirrorMessage, std::string>> messages;
  ASSERT_TRUE(decompressor_.receive(batch, [&](MirrorMessage kind, std::string_view body) {
    messages.emplace_back(kind, body);
    return ok();
  }));
  ASSERT_FALSE(messages.empty());
  for (const auto& [kind, body] : messages) {
    for (std::size_t i = 0; i < body.size(); ++i) {
      std::string changed = body;
      changed[i] = static_cast<char>(changed[i] ^ 0x95);
      [[maybe_unused]] const Status status = receiver_.take(kind, changed);
      [[maybe_unused]] const Status cut = receiver_.take(kind, std::string_view(body).substr(0, i));
    }
  }
  EXPECT_TRUE(RegionFile::open(our_path_));
}

} // namespace
} // namespace xenmon::test
