// SPDX-License-Identifier: GPL-2.0-or-later
//
// A replay that waits for its reader.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "session/run_session.h"
#include "session_fixture.h"

namespace xenmon::test {
namespace {

class SessionPatience : public SessionTest {};

// What a slow reader sees of a recording of so many samples, played as fast as possible into a history of a
// few of them. It reads one sample after the other and says so; none may be gone when it is looked for.
TEST_F(SessionPatience, NothingIsOverwrittenThatItsReaderHasNotRead) {
  constexpr std::uint64_t kSamples = 5'000;
  WindowBuilder window;
  for (std::uint64_t at = 1; at <= kSamples + 1; ++at) {
    // More domains all the time, so that the file grows now and then.
    const auto domain = static_cast<std::uint32_t>(at / 10);
    window.runstate(at * kMs, domain, 0, test::kBlockedState, test::kRunnableState)
        .runstate(at * kMs + 300'000, domain, 0, test::kRunnableState, test::kRunningState)
        .runstate(at * kMs + 400'000, domain, 0, test::kRunningState, test::kBlockedState);
  }
  ScriptedSource host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({window, {}});
  options_.history_ns = 10 * kMs;
  options_.slow_wait_ns = 100'000;
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  options_.control_fd = ends[1];
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  options_.ready_fd = ready[1];
  const auto say_read = [&](std::uint64_t sample) {
    const std::string line = "read " + std::to_string(sample) + "\n";
    // When all has been published nobody listens any more.
    [[maybe_unused]] const ssize_t sent = send(ends[0], line.data(), line.size(), MSG_NOSIGNAL);
  };
  say_read(0);
  StopFlag stop;
  std::thread session([&] {
    const Status ended = run_session(host, options_, nullptr, stop);
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
    Result<RegionFile> file = RegionFile::open(options_.region);
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
  session.join();
  close(ends[0]);
  EXPECT_EQ(gone, 0U);
  EXPECT_GT(files, 1);
  EXPECT_GE(next - 1, kSamples);
  EXPECT_GE(next_wait - 1, kSamples);
}

// A reader that is gone is not waited for.
TEST_F(SessionPatience, EndsWhenItsReaderIsGone) {
  WindowBuilder window;
  for (std::uint64_t at = 1; at <= 5'000; ++at) window.record(0x22202, at * kMs, {});
  ScriptedSource host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({window, {}});
  options_.history_ns = 10 * kMs;
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  options_.control_fd = ends[1];
  ASSERT_EQ(write(ends[0], "read 0\n", 7), 7);
  close(ends[0]);
  StopFlag stop;
  EXPECT_TRUE(run_session(host, options_, nullptr, stop));
}

} // namespace
} // namespace xenmon::test
