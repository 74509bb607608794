// SPDX-License-Identifier: GPL-2.0-or-later
//
// The daemon's loop over a source that a test plays pass by pass, seen through the region.
#include "daemon.h"

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "region/region_reader.h"
#include "source/recording_metadata.h"
#include "trace_builder.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

using test::WindowBuilder;

constexpr std::uint64_t kMs = 1'000'000;

// A live host's source, or a recording's. Each pass is one pCPU's records, and what happened on the host by
// then.
class Host final : public Source {
 public:
  struct Step {
    WindowBuilder records;
    std::map<std::uint32_t, std::string> names; // in Xenstore after the pass was read
  };

  explicit Host(std::uint32_t kind = XENMON_SOURCE_LIVE) {
    origin_.kind = kind;
    origin_.cpu_khz = 1'000'000;
  }
  const Origin& origin() const override { return origin_; }
  Status read_pass(Pass& pass) override {
    pass.clear();
    if (!steps.empty()) {
      now_ = std::move(steps.front());
      steps.pop_front();
      pass.windows.push_back(now_.records.window());
    }
    pass.last = steps.empty();
    return ok();
  }
  // A recording's.
  std::optional<std::string> domain_name(const DomidUse& domain) const override {
    auto found = names.find({domain.domid, domain.use});
    if (found == names.end() && domain.last) found = names.find({domain.domid, 0});
    return found == names.end() ? std::nullopt : std::optional(found->second);
  }
  // A live host's: answers at once, or never.
  NameService* name_service() override { return origin_.kind == XENMON_SOURCE_LIVE ? &xenstore_ : nullptr; }

  std::deque<Step> steps;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> names; // by domid and use; 0: the last one's
  bool hangs = false;

 private:
  class Xenstore final : public NameService {
   public:
    explicit Xenstore(const Host& host) : host_(host) {}
    void ask(std::uint32_t domid, std::uint64_t ticket) override {
      const auto found = host_.now_.names.find(domid);
      const bool exists = found != host_.now_.names.end();
      answers_.push_back({ticket, exists ? std::optional(found->second) : std::nullopt});
    }
    std::optional<Answer> take() override {
      if (answers_.empty() || host_.hangs) return std::nullopt;
      Answer answer = answers_.front();
      answers_.pop_front();
      return answer;
    }

   private:
    const Host& host_;
    std::deque<Answer> answers_;
  };

  Xenstore xenstore_{*this};
  Origin origin_;
  Step now_;
};

// The names in the region after the host's steps, by uid. `recorder` may be null.
std::map<std::uint64_t, std::string> names_after(Host& host, Recorder* recorder = nullptr) {
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-daemon-XXXXXX").string();
  EXPECT_NE(mkdtemp(directory.data()), nullptr);
  DaemonOptions options;
  options.sample_ns = kMs;
  options.poll_ns = kMs;
  options.speed = 0;
  options.region = directory + "/region";
  StopFlag stop;
  const Status ended = run_daemon(host, options, recorder, stop);
  EXPECT_TRUE(ended) << ended.error().message;

  std::map<std::uint64_t, std::string> names;
  const Result<RegionFile> file = RegionFile::open(options.region);
  TablesCopy tables;
  EXPECT_TRUE(file && file->reader().read_tables(tables));
  for (const xenmon_domain& domain : tables.domains) {
    if (domain.flags != 0) names[domain.uid] = domain.name;
  }
  std::filesystem::remove_all(directory);
  return names;
}

std::map<std::uint64_t, std::string> names_after(std::deque<Host::Step> steps) {
  Host host;
  host.steps = std::move(steps);
  return names_after(host);
}

// Something about nobody at that time, so that time goes on.
WindowBuilder tick(std::uint64_t ms) {
  WindowBuilder window;
  window.record(0x22202, ms * kMs, {});
  return window;
}

WindowBuilder event_at(std::uint64_t ms, std::uint32_t event, std::uint32_t domid) {
  WindowBuilder window;
  window.record(event, ms * kMs, {domid});
  return window;
}

const std::map<std::uint32_t, std::string> kOld{{5, "old"}};
const std::map<std::uint32_t, std::string> kNew{{5, "new"}};

TEST(DaemonNames, ANewDomainGetsItsNameAsSoonAsItHasOne) {
  const auto names = names_after({{tick(1), {}},
                                  {event_at(2, event::kDomainAdd, 5), {}},
                                  {tick(3), {}},
                                  {tick(4), kOld},
                                  {tick(5), kOld},
                                  {tick(6), kOld},
                                  {tick(7), kOld},
                                  {tick(8), kOld},
                                  {tick(20), kOld}});
  EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{1, "old"}}));
}

TEST(DaemonNames, ANameOfTheNumbersNextOwnerIsNotTakenForTheDomains) {
  // When the name is read the domain has just been replaced: its removal and the other's creation are in
  // Xen's buffer, and not yet read.
  const auto names = names_after({{tick(1), {}},
                                  {event_at(2, event::kDomainAdd, 5), {}},
                                  {tick(3), {}},
                                  {tick(4), kNew},
                                  {event_at(4, event::kDomainAdd, 5), kNew},
                                  {tick(6), kNew},
                                  {tick(7), kNew},
                                  {tick(8), kNew},
                                  {tick(9), kNew},
                                  {tick(20), kNew}});
  EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{1, ""}, {2, "new"}}));
}

// All of it is published in one go.
TEST(DaemonNames, ARecordingsDomainHasItsNameFromItsFirstSampleOn) {
  WindowBuilder window;
  window.record(event::kDomainAdd, 1 * kMs, {5})
      .record(0x22202, 4 * kMs, {})
      .record(event::kDomainRemove, 8 * kMs, {5})
      .record(0x22202, 20 * kMs, {});
  Host host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({window, {}});
  host.names[{5, 0}] = "old";
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, "old"}}));
}

// The number 5 three times.
WindowBuilder three_of_one_number() {
  WindowBuilder window;
  window.record(event::kDomainAdd, 1 * kMs, {5})
      .record(0x22202, 4 * kMs, {})
      .record(event::kDomainRemove, 8 * kMs, {5})
      .record(event::kDomainAdd, 9 * kMs, {5})
      .record(event::kDomainRemove, 9 * kMs + 10, {5})
      .record(event::kDomainAdd, 9 * kMs + 20, {5})
      .record(0x22202, 20 * kMs, {});
  return window;
}

TEST(DaemonNames, EachDomainOfANumberHasItsOwnName) {
  Host host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({three_of_one_number(), {}});
  host.names = {{{5, 1}, "old"}, {{5, 3}, "new"}};
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, "old"}, {2, ""}, {3, "new"}}));
}

TEST(DaemonNames, WhereOnlyTheLastNameOfANumberIsKnownTheEarlierDomainsHaveNone) {
  Host host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({three_of_one_number(), {}});
  host.names = {{{5, 0}, "new"}};
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, ""}, {2, ""}, {3, "new"}}));
}

TEST(DaemonNames, ARecordingSaysWhichDomainOfANumberHadWhichName) {
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-daemon-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  Host host;
  host.steps = {{tick(1), {}},
                {event_at(2, event::kDomainAdd, 5), kOld},
                {tick(3), kOld},
                {tick(4), kOld},
                {event_at(5, event::kDomainRemove, 5), {}},
                {event_at(6, event::kDomainAdd, 5), kNew},
                {tick(7), kNew},
                {tick(8), kNew},
                {tick(9), kNew},
                {tick(10), kNew},
                {tick(11), kNew},
                {tick(20), kNew}};
  Result<std::unique_ptr<Recorder>> recorder = Recorder::create(directory + "/trace", host.origin());
  ASSERT_TRUE(recorder);
  EXPECT_EQ(names_after(host, recorder->get()),
            (std::map<std::uint64_t, std::string>{{1, "old"}, {2, "new"}}));
  ASSERT_TRUE((*recorder)->finish());
  const auto metadata = load_metadata(directory + "/trace");
  ASSERT_TRUE(metadata && *metadata);
  const decltype(RecordingMetadata::names) names{{{5, 1}, "old"}, {{5, 2}, "new"}};
  EXPECT_EQ((*metadata)->names, names);
  std::filesystem::remove_all(directory);
}

TEST(DaemonNames, FiguresGoOnWhileXenstoreHangs) {
  Host host;
  host.hangs = true;
  host.steps = {{tick(1), {}}, {event_at(2, event::kDomainAdd, 5), kOld}, {tick(3), kOld}, {tick(20), kOld}};
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, ""}}));
}

TEST(DaemonNames, ADomainThatEndsRightAfterwardsKeepsItsName) {
  const auto names = names_after({{tick(1), {}},
                                  {event_at(2, event::kDomainAdd, 5), {}},
                                  {tick(3), kOld},
                                  {event_at(4, event::kDomainRemove, 5), kOld},
                                  {tick(5), {}},
                                  {tick(6), {}},
                                  {tick(7), {}},
                                  {tick(20), {}}});
  EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{1, "old"}}));
}

// ---- a replay that waits for its reader

// What a slow reader sees of a recording of so many samples, played as fast as possible into a history of a
// few of them. It reads one sample after the other and says so; none may be gone when it is looked for.
TEST(DaemonPatience, NothingIsOverwrittenThatItsReaderHasNotRead) {
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-daemon-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  constexpr std::uint64_t kSamples = 5'000;
  WindowBuilder window;
  for (std::uint64_t at = 1; at <= kSamples + 1; ++at) {
    // More domains all the time, so that the file grows now and then.
    const auto domain = static_cast<std::uint32_t>(at / 10);
    window.runstate(at * kMs, domain, 0, test::kBlockedState, test::kRunnableState)
        .runstate(at * kMs + 300'000, domain, 0, test::kRunnableState, test::kRunningState)
        .runstate(at * kMs + 400'000, domain, 0, test::kRunningState, test::kBlockedState);
  }
  Host host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({window, {}});
  DaemonOptions options;
  options.sample_ns = kMs;
  options.history_ns = 10 * kMs;
  options.slow_wait_ns = 100'000;
  options.speed = 0;
  options.region = directory + "/region";
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  options.control_fd = ends[1];
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  options.ready_fd = ready[1];
  const auto say_read = [&](std::uint64_t sample) {
    const std::string line = "read " + std::to_string(sample) + "\n";
    // When all has been published the daemon does not listen any more.
    [[maybe_unused]] const ssize_t sent = send(ends[0], line.data(), line.size(), MSG_NOSIGNAL);
  };
  say_read(0);
  StopFlag stop;
  std::thread daemon([&] {
    const Status ended = run_daemon(host, options, nullptr, stop);
    EXPECT_TRUE(ended) << ended.error().message;
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);

  std::uint64_t next = 1;
  std::uint64_t next_wait = 1;
  std::uint64_t gone = 0;
  int files = 0;
  bool over = false;
  while (!over) {
    Result<RegionFile> file = RegionFile::open(options.region);
    ASSERT_TRUE(file) << file.error().message;
    const RegionReader& reader = file->reader();
    ++files;
    for (;;) {
      const std::uint64_t state = reader.state(); // before what there is: all is there when it has ended
      const std::uint64_t newest = reader.newest_sample();
      SampleCopy sample;
      for (; next <= newest; ++next) {
        if (reader.read_sample(next, sample) != ReadOutcome::kCopied) ++gone;
        xenmon_wait wait;
        for (; next_wait <= reader.newest_wait(); ++next_wait) {
          if (reader.read_wait(next_wait, wait) != ReadOutcome::kCopied) {
            ++gone;
          } else if (wait.end_ns > sample.head().end_ns) {
            break;
          }
        }
        say_read(next);
      }
      over = state == XENMON_STATE_ENDED;
      if (over || state == XENMON_STATE_SUPERSEDED) break;
      std::this_thread::yield();
    }
  }
  daemon.join();
  close(ends[0]);
  std::filesystem::remove_all(directory);
  EXPECT_EQ(gone, 0U);
  EXPECT_GT(files, 1);
  EXPECT_GE(next - 1, kSamples);
  EXPECT_GE(next_wait - 1, kSamples);
}

// A reader that is gone is not waited for.
TEST(DaemonPatience, EndsWhenItsReaderIsGone) {
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-daemon-XXXXXX").string();
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  WindowBuilder window;
  for (std::uint64_t at = 1; at <= 5'000; ++at) window.record(0x22202, at * kMs, {});
  Host host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({window, {}});
  DaemonOptions options;
  options.sample_ns = kMs;
  options.history_ns = 10 * kMs;
  options.speed = 0;
  options.region = directory + "/region";
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  options.control_fd = ends[1];
  ASSERT_EQ(write(ends[0], "read 0\n", 7), 7);
  close(ends[0]);
  StopFlag stop;
  EXPECT_TRUE(run_daemon(host, options, nullptr, stop));
  std::filesystem::remove_all(directory);
}

} // namespace
} // namespace xenmon
