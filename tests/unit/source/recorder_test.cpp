// SPDX-License-Identifier: GPL-2.0-or-later
//
// Recordings that are made: what is in them, and when they are there.
#include "source/recorder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "bake/baker.h"
#include "merge/merge.h"
#include "source/recording_metadata.h"
#include "source/replay_source.h"
#include "trace_builder.h"

namespace xenmon {
namespace {

namespace fs = std::filesystem;
using test::kBlockedState;
using test::kRunnableState;
using test::kRunningState;
using test::recording;
using test::WindowBuilder;

constexpr std::uint32_t kEvent = 0x22202;

class RecorderTest : public testing::Test {
 protected:
  RecorderTest() {
    std::string pattern = (fs::temp_directory_path() / "xenmon-recorder-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~RecorderTest() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::string bytes_of(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory_))
      found.insert(entry.path().filename().string());
    return found;
  }
  // What has been written of the recording that is being made.
  std::uintmax_t unfinished_bytes() const {
    for (const auto& entry : fs::directory_iterator(directory_)) {
      if (entry.path().extension() == ".part") return entry.file_size();
    }
    return 0;
  }
  std::unique_ptr<Recorder> make(const std::string& name) const {
    Result<std::unique_ptr<Recorder>> made = Recorder::create(path(name), Origin{});
    if (made) return std::move(*made);
    ADD_FAILURE() << made.error().message;
    return nullptr;
  }

  fs::path directory_;
};

TEST_F(RecorderTest, ARecordingOfARecordingIsTheSame) {
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 10, {1, 2});
  b.record(kEvent, 20, {});
  const std::string bytes = recording({&a, &b, &a});
  write("trace.json", R"({"cpu_khz": 1000000, "domains": []})");
  Result<std::unique_ptr<Source>> source = open_replay({write("trace", bytes), 0});
  ASSERT_TRUE(source);
  Result<std::unique_ptr<Recorder>> recorder = Recorder::create(path("copy"), (*source)->origin());
  ASSERT_TRUE(recorder);
  Pass pass;
  ASSERT_TRUE((*source)->read_pass(pass));
  (*recorder)->write(pass);
  (*recorder)->name_domain({1, 1, true}, "db");
  (*recorder)->name_domain({1, 2, true}, "db \"one\"");
  (*recorder)->name_domain({2, 1, true}, "not its own");
  (*recorder)->name_domain({2, 1, false}, "");
  ASSERT_TRUE((*recorder)->finish());
  EXPECT_EQ(bytes_of("copy"), bytes);
  const Result<std::optional<RecordingMetadata>> metadata = load_metadata(path("copy"));
  ASSERT_TRUE(metadata && *metadata);
  EXPECT_EQ((*metadata)->cpu_khz, 1'000'000U);
  const decltype(RecordingMetadata::names) names{{{1, 1}, "db"}, {{1, 2}, "db \"one\""}};
  EXPECT_EQ((*metadata)->names, names);
}

// A live host's recording on a disk that writes nothing until it is told to.
TEST_F(RecorderTest, ADiskThatIsStuckHoldsNothingUpAndWhatIsLeftOutIsAGap) {
  std::promise<void> writing;
  std::promise<void> goes_on;
  RecorderDisk disk;
  disk.before_write = [&, gate = goes_on.get_future().share(), first = true]() mutable {
    if (std::exchange(first, false)) writing.set_value();
    gate.wait();
  };
  Origin origin;
  origin.kind = XENMON_SOURCE_LIVE;
  origin.cpu_khz = 1'000'000;
  WindowBuilder begin(0);
  begin.runstate(1'000, 1, 0, kRunnableState, kRunningState);
  WindowBuilder middle(0);
  middle.runstate(2'000, 1, 0, kRunningState, kBlockedState)
      .runstate(3'000, 1, 0, kBlockedState, kRunnableState);
  for (std::uint64_t tsc = 4'000; tsc < 8'000; tsc += 100) middle.record(kEvent, tsc, {});
  WindowBuilder end(0);
  end.runstate(9'000, 1, 0, kRunnableState, kRunningState).record(kEvent, 10'000, {});
  disk.most_bytes = middle.data().size(); // a pass needs some more
  Result<std::unique_ptr<Recorder>> recorder = Recorder::create(path("trace"), origin, disk);
  ASSERT_TRUE(recorder);
  const auto write_pass = [&](const WindowBuilder& window) {
    Pass pass;
    pass.windows.push_back(window.window());
    (*recorder)->write(pass);
  };
  write_pass(begin);
  writing.get_future().wait();
  EXPECT_FALSE((*recorder)->take_error());
  write_pass(middle); // no room
  const std::optional<Error> said = (*recorder)->take_error();
  ASSERT_TRUE(said);
  EXPECT_NE(said->message.find("too slow"), std::string::npos);
  write_pass(middle);
  EXPECT_FALSE((*recorder)->take_error()) << "it is said once";
  goes_on.set_value();
  // Until there is room for a gap and the last pass.
  while (unfinished_bytes() == 0) std::this_thread::yield();
  write_pass(end);
  ASSERT_TRUE((*recorder)->finish());
  EXPECT_FALSE((*recorder)->failed());

  Result<std::unique_ptr<Source>> source = open_replay({path("trace"), 0});
  ASSERT_TRUE(source);
  Pass pass;
  ASSERT_TRUE((*source)->read_pass(pass));
  Baker::Options options;
  options.cpu_khz = 1'000'000;
  Baker baker(options, nullptr);
  Merge merge;
  merge.append(pass);
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  const std::vector<DomainTotals> totals = baker.totals();
  ASSERT_EQ(totals.size(), 1U);
  const Times& times = totals[0].vcpus.at(0).times;
  EXPECT_EQ(times[kBlocked], 0U);
  EXPECT_EQ(times[kWaitWake] + times[kWaitPreempt], 0U);
  EXPECT_EQ(times[kUnknown], 8'000U);
  EXPECT_EQ(times[kRunning], 1'000U);
}

TEST_F(RecorderTest, ALiveHostsRecordingIsWhole) {
  Origin origin;
  origin.kind = XENMON_SOURCE_LIVE;
  WindowBuilder a(0);
  WindowBuilder b(1);
  a.record(kEvent, 10, {1, 2});
  b.record(kEvent, 20, {});
  Result<std::unique_ptr<Recorder>> recorder = Recorder::create(path("trace"), origin);
  ASSERT_TRUE(recorder);
  for (const WindowBuilder* window : {&a, &b}) {
    Pass pass;
    pass.windows.push_back(window->window());
    (*recorder)->write(pass);
  }
  ASSERT_TRUE((*recorder)->finish());
  EXPECT_EQ(bytes_of("trace"), recording({&a, &b}));
}

TEST_F(RecorderTest, ItIsThereWhenItIsCompleteAndForItsGroup) {
  write("trace", "an old one");
  fs::permissions(path("trace"), fs::perms::all);
  WindowBuilder a(0);
  a.record(kEvent, 10, {1});
  Pass pass;
  pass.windows.push_back(a.window());
  const mode_t umask_before = umask(0);
  auto recorder = make("trace");
  ASSERT_TRUE(recorder);
  recorder->write(pass);
  EXPECT_EQ(bytes_of("trace"), "an old one");
  EXPECT_EQ(names().size(), 2U);
  EXPECT_TRUE(recorder->finish());
  umask(umask_before);
  EXPECT_EQ(bytes_of("trace"), recording({&a}));
  EXPECT_EQ(names(), (std::set<std::string>{"trace", "trace.json"}));
  for (const char* name : {"trace", "trace.json"})
    EXPECT_EQ(static_cast<int>(fs::status(path(name)).permissions()), 0640) << name;
}

TEST_F(RecorderTest, WithoutAnEndThereIsNone) {
  make("trace").reset();
  EXPECT_EQ(names(), std::set<std::string>{});
}

TEST_F(RecorderTest, WhatAProcessThatWasKilledLeftIsSweptUpAndWhatIsBeingMadeIsNot) {
  write(".trace.0123456789abcdef.part", "left behind");
  write(".trace.json.0123456789abcdef.part", "left behind");
  write(".trace.0123456789abcdef", "a region's");
  write(".trace.0123456789ABCDEF.part", "somebody's");
  const auto other = make("trace");
  const auto recorder = make("trace");
  EXPECT_TRUE(recorder->finish());
  const auto found = names();
  EXPECT_EQ(found.count(".trace.0123456789abcdef.part"), 0U);
  EXPECT_EQ(found.count(".trace.json.0123456789abcdef.part"), 0U);
  EXPECT_EQ(found.size(), 5U) << "two that are somebody's, one in the making, and the recording";
}

TEST_F(RecorderTest, OnlyARegularFileIsReplaced) {
  write("elsewhere", "precious");
  fs::create_symlink(path("elsewhere"), path("link"));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  fs::create_directory(path("directory"));
  for (const char* name : {"link", "fifo", "directory"}) {
    const auto made = Recorder::create(path(name), Origin{});
    ASSERT_FALSE(made) << name;
    EXPECT_NE(made.error().message.find("is not a regular file"), std::string::npos);
  }
  EXPECT_EQ(bytes_of("elsewhere"), "precious");
}

TEST_F(RecorderTest, ALimitEndsTheRecordingAfterWholePassesAndSaysSoOnce) {
  WindowBuilder a(0);
  for (std::uint64_t i = 0; i < 1000; ++i) a.record(kEvent, 10 + i, {1, 2});
  Pass pass;
  pass.windows.push_back(a.window());
  auto recorder = make("copy");
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = signal(SIGXFSZ, SIG_IGN); // as StopFlag does
  rlimit limited = before;
  limited.rlim_cur = 50'000;
  setrlimit(RLIMIT_FSIZE, &limited);
  for (int i = 0; i < 4; ++i) recorder->write(pass);
  const Status finished = recorder->finish();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(finished);
  EXPECT_NE(finished.error().message.find("has stopped: File too large; what was recorded until then is "),
            std::string::npos)
      << finished.error().message;
  EXPECT_TRUE(recorder->failed());
  EXPECT_TRUE(recorder->finish()) << "it has been said";
  EXPECT_EQ(bytes_of("copy.partial"), recording({&a, &a}));
  EXPECT_EQ(names(), (std::set<std::string>{"copy.partial", "copy.partial.json"}));
}

// ---- gaps

struct Times {
  std::uint64_t running = 0;
  std::uint64_t unknown = 0;
};

// As the daemon does it.
class Account {
 public:
  Account()
      : baker_([] {
          Baker::Options options;
          options.cpu_khz = 1'000'000;
          return options;
        }()) {}
  void take(const Pass& pass) {
    if (pass.gap) {
      merge_.lift_watermark();
      merge_.drain(Merge::kNoLimit, baker_);
      merge_.restart();
      baker_.discontinuity();
    }
    merge_.append(pass);
    merge_.drain(Merge::kNoLimit, baker_);
  }
  std::map<std::uint32_t, Times> finish() {
    merge_.lift_watermark();
    merge_.drain(Merge::kNoLimit, baker_);
    baker_.finish(merge_.position());
    EXPECT_EQ(merge_.counts().bad_records, 0U);
    std::map<std::uint32_t, Times> out;
    for (const DomainTotals& domain : baker_.totals()) {
      for (const VcpuTotals& vcpu : domain.vcpus)
        out[domain.domid << 16 | vcpu.vcpu_id] = {vcpu.times[kRunning], vcpu.times[kUnknown]};
    }
    return out;
  }

 private:
  Merge merge_;
  Baker baker_;
};

TEST_F(RecorderTest, WhatAGapMakesUnknownIsUnknownInTheReplay) {
  // Two vCPUs run, one waits and one is blocked when 5 ms are lost, between 2 ms and 7 ms.
  WindowBuilder a0(0);
  a0.runstate(1'000'000, 1, 0, kRunnableState, kRunningState)
      .runstate(1'100'000, 3, 0, kBlockedState, kRunnableState);
  WindowBuilder b0(1);
  b0.runstate(1'200'000, 4, 0, kRunningState, kBlockedState)
      .runstate(1'300'000, 2, 0, kRunnableState, kRunningState)
      .runstate(2'000'000, 5, 0, kBlockedState, kRunnableState);
  WindowBuilder a1(0);
  a1.runstate(7'000'000, 1, 0, kRunningState, kBlockedState)
      .runstate(8'000'000, 3, 0, kRunnableState, kRunningState);
  WindowBuilder b1(1);
  b1.runstate(7'500'000, 2, 0, kRunningState, kBlockedState)
      .runstate(9'000'000, 4, 0, kBlockedState, kRunnableState);
  Pass before;
  before.windows = {a0.window(), b0.window()};
  Pass gap;
  gap.gap = true;
  Pass after;
  after.windows = {a1.window(), b1.window()};

  Account live;
  auto recorder = make("trace");
  for (const Pass* pass : {&before, &gap, &after}) {
    recorder->write(*pass);
    live.take(*pass);
  }
  ASSERT_TRUE(recorder->finish());
  const auto expected = live.finish();
  EXPECT_EQ(expected.at(2U << 16).unknown, 5'800'000U) << "before it was heard of, and in the gap";

  for (const bool compressed : {false, true}) {
    const std::string file = compressed ? path("trace.gz") : path("trace");
    if (compressed) {
      ASSERT_EQ(std::system(("gzip -k " + path("trace")).c_str()), 0);
    }
    Result<std::unique_ptr<Source>> source = open_replay({file, 1'000'000});
    ASSERT_TRUE(source) << source.error().message;
    Account replayed;
    Pass pass;
    do {
      ASSERT_TRUE((*source)->read_pass(pass));
      replayed.take(pass);
    } while (!pass.last);
    const auto found = replayed.finish();
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [vcpu, times] : expected) {
      EXPECT_EQ(found.at(vcpu).unknown, times.unknown) << (vcpu >> 16) << ' ' << compressed;
      EXPECT_EQ(found.at(vcpu).running, times.running) << (vcpu >> 16) << ' ' << compressed;
    }
  }
  if (std::system("command -v xenalyze >/dev/null") == 0) {
    EXPECT_EQ(std::system(("xenalyze --summary --tolerance=6 " + path("trace") + " >/dev/null 2>&1").c_str()),
              0);
  }
}

} // namespace
} // namespace xenmon
