// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one refresh of the screen costs on hosts of 100 and of 1,024 domains, in every view: a second of new
// samples, read, summed up and laid out, as run_screen.cpp does it. The terminal itself is left out. The cost
// is reported and not judged: it depends on what else the machine does.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "daemon/publisher.h"
#include "model/screen_source.h"
#include "screen/screen.h"
#include "screen/view_keys.h"

namespace xenmon {
namespace {

constexpr std::uint32_t kFew = 100;
constexpr std::uint32_t kMany = 1'024;

struct Case {
  std::uint32_t domains;
  bool io;
  View view;
};
constexpr int kRefreshes = 20;

// The other process, with a pipe there and one back.
class BigHostProcess {
 public:
  BigHostProcess(const std::string& path, bool io, std::uint32_t domains) {
    const std::string count = std::to_string(domains);
    int there[2];
    int back[2];
    EXPECT_EQ(pipe(there), 0);
    EXPECT_EQ(pipe(back), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(there[0], STDIN_FILENO);
      dup2(back[1], STDOUT_FILENO);
      for (const int fd : {there[0], there[1], back[0], back[1]}) close(fd);
      execl(XENMON_BIG_HOST_PUBLISHER, XENMON_BIG_HOST_PUBLISHER, path.c_str(), io ? "io" : "quiet",
            count.c_str(), nullptr);
      _exit(127);
    }
    close(there[0]);
    close(back[1]);
    to_ = there[1];
    from_ = back[0];
  }
  BigHostProcess(const BigHostProcess&) = delete;
  BigHostProcess& operator=(const BigHostProcess&) = delete;
  ~BigHostProcess() {
    close(to_);
    close(from_);
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_EQ(status, 0);
  }
  // False if it has ended.
  [[nodiscard]] bool await() const {
    char byte = 0;
    return read(from_, &byte, 1) == 1;
  }
  [[nodiscard]] bool play_a_second() const { return write(to_, "s", 1) == 1 && await(); }

 private:
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
};

std::uint64_t cpu_ns() {
  struct timespec now {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

class RefreshScaleTest : public testing::TestWithParam<Case> {
 protected:
  RefreshScaleTest() {
    signal(SIGPIPE, SIG_IGN);
    std::string pattern = (std::filesystem::temp_directory_path() / "xenmon-refresh-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "region").string();
  }
  ~RefreshScaleTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
  std::string path_;
};

TEST_P(RefreshScaleTest, TellsWhatARefreshCosts) {
  const Case& one = GetParam();
  const BigHostProcess host(path_, one.io, one.domains);
  ASSERT_TRUE(host.await());

  Publisher publisher;
  publisher.region = path_;
  ScreenSource source(publisher);
  ScreenModel model;
  ViewState state;
  state.view = one.view;
  const auto refresh = [&] {
    source.follow();
    model = source.model(state);
    Scene scene(model, state, source.trend());
    const ScrollLimits limits = scroll_limits(scene, 132, 43);
    keep_visible(state, scene, limits);
    source.complete(model, state, scene.lines, limits.page);
    const SelectedModel selected = source.selected(model, state, scene.lines);
    scene.selected = &selected;
    const Grid grid = render(scene, 132, 43);
    EXPECT_NE(grid.line(42), "");
  };
  refresh(); // the whole history
  EXPECT_EQ(model.domains.size(), one.domains + 1U);

  std::uint64_t best = UINT64_MAX;
  std::uint64_t worst = 0;
  std::uint64_t sum = 0;
  std::uint64_t trace_before = model.host.trace_ns;
  for (int i = 0; i < kRefreshes; ++i) {
    ASSERT_TRUE(host.play_a_second());
    const std::uint64_t before = cpu_ns();
    refresh();
    const std::uint64_t spent = cpu_ns() - before;
    ASSERT_EQ(model.host.trace_ns - trace_before, 1'000'000'000U); // there was a second of work in it
    trace_before = model.host.trace_ns;
    best = std::min(best, spent);
    worst = std::max(worst, spent);
    sum += spent;
  }
  std::printf("refresh, %u domains, view %d, %s I/O: best %.2f ms, mean %.2f ms, worst %.2f ms of CPU time\n",
              one.domains, static_cast<int>(one.view) + 1, one.io ? "with" : "without",
              static_cast<double>(best) / 1e6, static_cast<double>(sum) / 1e6 / kRefreshes,
              static_cast<double>(worst) / 1e6);
  EXPECT_EQ(model.missed_samples, 0U);
  EXPECT_GE(model.length(WindowId::kShort), 900'000'000U);
}

std::vector<Case> cases() {
  std::vector<Case> all = {{kMany, true, View::kDomains}};
  for (const std::uint32_t domains : {kFew, kMany}) {
    for (const View view : {View::kDomains, View::kVcpus, View::kPcpus, View::kLatency, View::kHost})
      all.push_back({domains, false, view});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Hosts, RefreshScaleTest, testing::ValuesIn(cases()), [](const auto& instance) {
  const Case& one = instance.param;
  return std::to_string(one.domains) + "_domains_view_" + std::to_string(static_cast<int>(one.view) + 1) +
         (one.io ? "_with_io" : "");
});

} // namespace
} // namespace xenmon
