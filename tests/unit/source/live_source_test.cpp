// SPDX-License-Identifier: GPL-2.0-or-later
//
// LiveSource on a fake Xen: opening, reading, events, names, closing. Refusals and failures half-way are
// in live_refusal_test.cpp.
#include "source/live_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <optional>
#include <thread>

#include "fake_xen.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

namespace fs = std::filesystem;
using Calls = std::vector<std::string>;

class LiveSourceTest : public ::testing::Test {
 protected:
  LiveSourceTest() {
    facts_.xen = facts_.root = true;
    facts_.dom0 = HostFacts::Dom0::kYes;
  }

  std::unique_ptr<LiveSource> open() {
    auto source = LiveSource::open_on(options_, facts_, std::make_unique<FakeHypervisor>(xen_));
    EXPECT_TRUE(source) << source.error().message;
    return source ? std::move(*source) : nullptr;
  }
  Calls calls() { return std::exchange(xen_.calls, {}); }

  FakeXen xen_;
  HostFacts facts_;
  LiveOptions options_;
};

TEST_F(LiveSourceTest, WithoutBuffersTheyAreMadeUnderTheRightMask) {
  auto source = open();
  EXPECT_EQ(calls(), (Calls{"open_control", "open_events", "bind", "info", "mask 00129000", "make 64", "info",
                            "physinfo", "map table", "map 2000", "map 2100", "all_cpus", "disable",
                            "mask 00129000", "enable"}));
  EXPECT_TRUE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x00129000u);
  EXPECT_TRUE(source->close());
  EXPECT_EQ(calls(), (Calls{"disable", "mask 0ffff000", "unbind"}));
  EXPECT_FALSE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0ffff000u);
  EXPECT_EQ(xen_.mapped, 0);
}

TEST_F(LiveSourceTest, BuffersThatWereOffAreSwitchedOffAgain) {
  xen_.make(4);
  xen_.on = false;
  xen_.mask = 0x0002f000;
  auto source = open();
  EXPECT_EQ(calls(),
            (Calls{"open_control", "open_events", "bind", "info", "physinfo", "map table", "map 2000",
                   "map 2100", "all_cpus", "mask 0ffff000", "info", "disable", "mask 00129000", "enable"}));
  source.reset();
  EXPECT_EQ(calls(), (Calls{"disable", "mask 0002f000", "unbind"}));
  EXPECT_FALSE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0002f000u);
}

TEST_F(LiveSourceTest, WhereXenHasXenMonsRecordsTheseAreAskedFor) {
  xen_.patched = true;
  auto source = open();
  EXPECT_EQ(xen_.mask, 0x00024000u);
  EXPECT_TRUE(source->origin().patched);
  EXPECT_EQ(source->origin().event_mask, 0x00024000u);
  source.reset();
  EXPECT_EQ(xen_.mask, 0x0ffff000u);
}

TEST_F(LiveSourceTest, XensOwnRecordsAreToBeHadOnAPatchedXenToo) {
  xen_.patched = true;
  options_.stock_records = true;
  options_.without_slices = true;
  auto source = open();
  EXPECT_EQ(xen_.mask, 0x00121000u);
  EXPECT_TRUE(source->origin().patched);
}

TEST_F(LiveSourceTest, AMaskThatIsAskedForIsSet) {
  xen_.patched = true;
  options_.event_mask = 0x0112f000;
  auto source = open();
  EXPECT_EQ(xen_.mask, 0x0112f000u);
}

TEST_F(LiveSourceTest, WithoutTimeSlicesTheMaskIsNarrower) {
  options_.without_slices = true;
  auto source = open();
  EXPECT_EQ(xen_.mask, 0x00121000u);
  EXPECT_FALSE(source->origin().patched);
}

TEST_F(LiveSourceTest, TracingThatWasOnStaysOn) {
  xen_.make(4);
  xen_.mask = 0x0002f000;
  auto source = open();
  (void)calls();
  EXPECT_TRUE(source->close());
  EXPECT_EQ(calls(), (Calls{"mask 0002f000", "enable", "unbind"}));
  EXPECT_TRUE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0002f000u);
}

TEST_F(LiveSourceTest, TracingThatWasOnIsSeenEvenWhenTheBuffersWereFull) {
  xen_.make(1);
  xen_.write(0, 4096 - 8);
  auto source = open();
  source.reset();
  EXPECT_TRUE(xen_.on);
}

TEST_F(LiveSourceTest, ClosingTwiceDoesNothingMore) {
  auto source = open();
  EXPECT_TRUE(source->close());
  (void)calls();
  EXPECT_TRUE(source->close());
  Pass pass;
  EXPECT_TRUE(source->read_pass(pass));
  EXPECT_TRUE(pass.last);
  EXPECT_TRUE(pass.windows.empty());
  source->release_pass();
  EXPECT_TRUE(source->acknowledge());
  EXPECT_EQ(source->event_fd(), -1);
  EXPECT_EQ(source->name_service(), nullptr);
  source.reset();
  EXPECT_EQ(calls(), Calls{});
}

TEST_F(LiveSourceTest, TheSizeIsXensAndNotWhatWasAskedFor) {
  xen_.make(3);
  options_.buffer_pages = 64;
  auto source = open();
  EXPECT_EQ(source->pages_per_ring(), 3u);
  xen_.write(1, 3 * 4096 - 8);
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].first.size() + pass.windows[0].second.size(), 3u * 4096 - 8);
}

TEST_F(LiveSourceTest, TheSizeAskedForIsUsedWhenThereAreNoBuffers) {
  options_.buffer_pages = 5;
  EXPECT_EQ(open()->pages_per_ring(), 5u);
}

TEST_F(LiveSourceTest, SparseCpuIds) {
  xen_.online = {true, false, false, true, false};
  auto source = open();
  EXPECT_EQ(source->ring_count(), 2u);
  xen_.write(3, 16);
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].pcpu, 3u);
  xen_.write(0, 8);
  ASSERT_TRUE(source->read_pass(pass));
  ASSERT_EQ(pass.windows.size(), 2u);
  EXPECT_EQ(pass.windows[0].pcpu, 0u);
  EXPECT_EQ(pass.windows[1].pcpu, 3u);
}

TEST_F(LiveSourceTest, OldRecordsAreDiscarded) {
  xen_.make(2);
  xen_.write(0, 400);
  xen_.write(1, 800);
  auto source = open();
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  EXPECT_TRUE(pass.windows.empty());
  EXPECT_FALSE(pass.stable);
  EXPECT_FALSE(pass.last);
}

TEST_F(LiveSourceTest, SpaceIsGivenBackOnRelease) {
  auto source = open();
  xen_.write(1, 48);
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].first.size(), 48u);
  EXPECT_EQ(xen_.cons(1), 0u);
  xen_.write(1, 16);
  source->release_pass();
  EXPECT_EQ(xen_.cons(1), 48u);
  ASSERT_TRUE(source->read_pass(pass));
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].first.size(), 16u);
}

TEST_F(LiveSourceTest, ADamagedRingIsCountedAndTracingResumed) {
  auto source = open();
  xen_.write(0, 48);
  xen_.prod(1) = 3;
  xen_.on = false; // what Xen does when it sees that
  (void)calls();
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  EXPECT_EQ(pass.bad.total(), 1u);
  EXPECT_EQ(source->counts().ring_faults, 1u);
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].pcpu, 0u);
  EXPECT_EQ(calls(), (Calls{"info", "all_cpus", "enable"}));
  EXPECT_TRUE(xen_.on);
  source->release_pass();
  xen_.write(1, 8);
  ASSERT_TRUE(source->read_pass(pass));
  EXPECT_EQ(pass.bad.total(), 0u);
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].pcpu, 1u);
}

TEST_F(LiveSourceTest, AMaskThatAnotherProgramSetsIsPutBackAndAGap) {
  auto source = open();
  xen_.mask = 0x0008f000; // as xentrace -e does before it is refused the event
  xen_.write(0, 48);
  (void)calls();
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  EXPECT_TRUE(pass.gap);
  EXPECT_TRUE(pass.windows.empty()) << "some may be missing between them";
  EXPECT_EQ(pass.bad.total(), 0u);
  EXPECT_EQ(source->counts().masks_changed, 1u);
  EXPECT_EQ(calls(), (Calls{"info", "all_cpus", "mask 00129000", "enable"}));
  EXPECT_EQ(xen_.mask, 0x00129000u);
  source->release_pass();
  xen_.write(0, 16);
  ASSERT_TRUE(source->read_pass(pass));
  EXPECT_FALSE(pass.gap);
  ASSERT_EQ(pass.windows.size(), 1u);
  EXPECT_EQ(pass.windows[0].first.size(), 16u);
  EXPECT_EQ(source->counts().masks_changed, 1u);
}

TEST_F(LiveSourceTest, AllCpusAreTracedWhateverAnotherProgramSays) {
  auto source = open();
  (void)calls();
  Pass pass;
  ASSERT_TRUE(source->read_pass(pass));
  EXPECT_FALSE(pass.gap);
  EXPECT_EQ(calls(), (Calls{"info", "all_cpus"})) << "that mask cannot be read, only set";
}

TEST_F(LiveSourceTest, TheOriginSaysWhereThisIs) {
  const auto before = static_cast<std::uint64_t>(::time(nullptr));
  auto source = open();
  const Origin& origin = source->origin();
  EXPECT_EQ(origin.kind, XENMON_SOURCE_LIVE);
  EXPECT_EQ(origin.cpu_khz, 2596128u);
  EXPECT_FALSE(origin.cpu_khz_assumed);
  EXPECT_EQ(origin.xen_version, "4.17.7");
  EXPECT_EQ(origin.scheduler, "credit2");
  EXPECT_EQ(origin.event_mask, 0x00129000u);
  EXPECT_FALSE(origin.patched);
  EXPECT_GE(origin.wall_epoch_ns / 1'000'000'000, before);
  EXPECT_LE(origin.wall_epoch_ns / 1'000'000'000, before + 60);
}

TEST_F(LiveSourceTest, EventsAreAcknowledgedAndForeignPortsIgnored) {
  auto source = open();
  EXPECT_EQ(source->event_fd(), 42);
  xen_.pending = {7, FakeXen::kPort, 8};
  (void)calls();
  EXPECT_TRUE(source->acknowledge());
  EXPECT_EQ(calls(), (Calls{"next_event", "next_event", "unmask 23", "next_event", "next_event"}));
  EXPECT_EQ(source->counts().unexpected_ports, 2u);
}

TEST_F(LiveSourceTest, ASignalIsNoFailureAndABrokenDescriptorIs) {
  auto source = open();
  xen_.failures["next_event"] = EINTR;
  EXPECT_TRUE(source->acknowledge());
  xen_.failures["next_event"] = EFBIG;
  EXPECT_EQ(source->acknowledge().error().message,
            "Xen's trace event can no longer be received (File too large): start xenbaked again.");
}

std::map<std::uint64_t, std::optional<std::string>> answers(NameService& names, std::size_t count) {
  std::map<std::uint64_t, std::optional<std::string>> all;
  while (all.size() < count) {
    if (std::optional<NameService::Answer> answer = names.take()) all[answer->ticket] = answer->name;
    std::this_thread::yield();
  }
  return all;
}

TEST_F(LiveSourceTest, Names) {
  const std::map<std::uint32_t, std::string> names{
      {1, "web"}, {2, ""}, {3, "a\x1b[2Jb\x7f\xff"}, {6, std::string("\0nul", 4)}, {4, "gr\xc3\xbc\xc3\x9f"}};
  xen_.lookup = [names](std::uint32_t domid) {
    EXPECT_NE(domid, XENMON_DOMID_IDLE) << "nobody needs to be asked";
    const auto found = names.find(domid);
    return found == names.end() ? std::nullopt : std::optional(found->second);
  };
  auto source = open();
  ASSERT_NE(source->name_service(), nullptr);
  for (const std::uint32_t domid : {1U, 2U, 3U, 4U, 5U, 6U, XENMON_DOMID_IDLE})
    source->name_service()->ask(domid, 100 + domid);
  auto all = answers(*source->name_service(), 7);
  EXPECT_EQ(all[101], "web");
  EXPECT_EQ(all[102], std::nullopt);
  EXPECT_EQ(all[103], "a\x1b[2Jb\x7f\ufffd"); // data, for xenmon to clean
  EXPECT_EQ(all[104], "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(all[105], std::nullopt);
  EXPECT_EQ(all[106], std::nullopt);
  EXPECT_EQ(all[100 + std::uint64_t{XENMON_DOMID_IDLE}], std::nullopt);
  EXPECT_EQ(source->domain_name({0, 1, true}), "Domain-0");
  EXPECT_EQ(source->domain_name({1, 1, true}), std::nullopt);
}

TEST_F(LiveSourceTest, AXenstoredThatHangsHoldsNothingUp) {
  struct Gate {
    std::promise<void> asked;
    std::promise<void> answers;
  };
  const auto gate = std::make_shared<Gate>();
  xen_.lookup = [gate](std::uint32_t) -> std::optional<std::string> {
    gate->asked.set_value();
    gate->answers.get_future().wait();
    return "web";
  };
  auto source = open();
  source->name_service()->ask(1, 1);
  gate->asked.get_future().wait();
  EXPECT_EQ(source->name_service()->take(), std::nullopt);
  source->name_service()->ask(2, 2);
  EXPECT_EQ(source->name_service()->take(), std::nullopt);
  Pass pass;
  EXPECT_TRUE(source->read_pass(pass));
  EXPECT_TRUE(source->close()); // nor does it wait for the lookup that is under way
  source.reset();
  gate->answers.set_value();
}

TEST(LiveScheduler, Names) {
  EXPECT_EQ(scheduler_name(5), "credit");
  EXPECT_EQ(scheduler_name(6), "credit2");
  EXPECT_EQ(scheduler_name(7), "arinc653");
  EXPECT_EQ(scheduler_name(8), "rtds");
  EXPECT_EQ(scheduler_name(9), "null");
  EXPECT_EQ(scheduler_name(10), "bvt");
  EXPECT_EQ(scheduler_name(4), "scheduler 4");
}

// ---- a process that is killed, and the next one

class LeftTracingTest : public LiveSourceTest {
 protected:
  LeftTracingTest() {
    std::string pattern = (fs::temp_directory_path() / "xenmon-found-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~LeftTracingTest() override { fs::remove_all(directory_); }

  std::string file() const { return (directory_ / "run" / "region.found").string(); }
  // Xen's state and the file as they are in the middle of a trace by a process that nothing is left of.
  void be_killed() {
    TracingKeeper keeper(file());
    options_.keeper = &keeper;
    auto source = open();
    ASSERT_TRUE(fs::exists(file()));
    const FakeXen traced = xen_;
    std::ifstream from(file());
    const std::string text(std::istreambuf_iterator<char>(from), {});
    source.reset();
    EXPECT_FALSE(fs::exists(file()));
    xen_.on = traced.on;
    xen_.mask = traced.mask;
    std::ofstream(file()) << text;
    options_.keeper = nullptr;
  }

  fs::path directory_;
};

TEST_F(LeftTracingTest, WhatAKilledOneFoundIsPutBackByRestore) {
  xen_.make(4);
  xen_.on = false;
  xen_.mask = 0x0002f000;
  be_killed();
  ASSERT_TRUE(xen_.on);
  TracingKeeper keeper(file());
  (void)calls();
  Result<bool> restored = LiveSource::restore_on(keeper, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_TRUE(*restored);
  EXPECT_EQ(calls(), (Calls{"open_control", "open_events", "bind", "disable", "mask 0002f000", "unbind"}));
  EXPECT_FALSE(xen_.on);
  EXPECT_FALSE(fs::exists(file()));
  restored = LiveSource::restore_on(keeper, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_TRUE(restored);
  EXPECT_FALSE(*restored);
  EXPECT_EQ(calls(), Calls{}) << "nothing is asked of Xen, which may not be there";
}

TEST_F(LeftTracingTest, TheNextOnePutsItBackFirst) {
  be_killed();
  ASSERT_TRUE(xen_.on);
  ASSERT_EQ(xen_.mask, 0x00129000u);
  TracingKeeper keeper(file());
  options_.keeper = &keeper;
  auto source = open();
  EXPECT_TRUE(xen_.on);
  source.reset();
  EXPECT_FALSE(xen_.on) << "which is what the first one had found";
  EXPECT_EQ(xen_.mask, 0x0ffff000u);
  EXPECT_FALSE(fs::exists(file()));
}

TEST_F(LeftTracingTest, TracingThatWasOnIsLeftOn) {
  xen_.make(4);
  xen_.mask = 0x0002f000;
  be_killed();
  TracingKeeper keeper(file());
  const auto restored = LiveSource::restore_on(keeper, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_TRUE(restored && *restored);
  EXPECT_TRUE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0002f000u);
}

TEST_F(LeftTracingTest, NothingIsPutBackUnderWhoeverTraces) {
  be_killed();
  xen_.event_bound = true;
  TracingKeeper keeper(file());
  const auto restored = LiveSource::restore_on(keeper, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().status, ExitStatus::kBusy);
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(LeftTracingTest, WhatCannotBePutBackCanBeTriedAgain) {
  be_killed();
  xen_.failures["disable"] = EPERM;
  TracingKeeper keeper(file());
  EXPECT_FALSE(LiveSource::restore_on(keeper, facts_, std::make_unique<FakeHypervisor>(xen_)));
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(LeftTracingTest, AnotherStartOfTheHostHasAnotherState) {
  be_killed();
  std::ofstream(file()) << "xenbaked found 1\nboot another\nmask 0x0002f000\ntracing off\n";
  TracingKeeper keeper(file());
  const auto restored = LiveSource::restore_on(keeper, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_TRUE(restored);
  EXPECT_FALSE(*restored);
}

TEST_F(LeftTracingTest, AFileThatIsNotOursOrMakesNoSenseIsNotObeyed) {
  be_killed();
  TracingKeeper keeper(file());
  for (const char* text : {"", "xenbaked found 1\n", "xenbaked found 1\nboot x\nmask 5\ntracing off\n",
                           "xenbaked found 1\nboot x\nmask 0x0002f000\ntracing perhaps\n"}) {
    std::ofstream(file()) << text;
    EXPECT_FALSE(keeper.left_behind()) << text;
  }
  fs::remove(file());
  fs::create_symlink("/etc/hostname", file());
  EXPECT_FALSE(keeper.left_behind());
}

TEST_F(LeftTracingTest, WhatCannotBeKeptIsNotChanged) {
  std::ofstream(directory_ / "run") << "no directory";
  TracingKeeper keeper(file());
  options_.keeper = &keeper;
  xen_.make(4);
  (void)calls();
  const auto source = LiveSource::open_on(options_, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_FALSE(source);
  for (const std::string& call : calls()) EXPECT_NE(call.substr(0, 4), "mask");
}

} // namespace
} // namespace xenmon
