// SPDX-License-Identifier: GPL-2.0-or-later
//
// What xenbaked may still do once it has given up the rest: everything that its loop does, and nothing else.
// What is given up is given up for good, so each case has a process of its own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include "confine/capabilities.h"
#include "confine/replay_user.h"
#include "confine/system_calls.h"
#include "session/run_session.h"
#include "session_fixture.h"
#include "source/fake_xen.h"
#include "source/live_source.h"
#include "source/name_service.h"
#include "source/recorder.h"

namespace xenmon::test {
namespace {

using testing::ExitedWithCode;

// A scripted live host whose xenstore is another thread's business, as on a real one: over a socket.
class HostWithXenstored final : public Source {
 public:
  explicit HostWithXenstored(std::vector<ScriptedSource::Step> steps)
      : script_(XENMON_SOURCE_LIVE, std::move(steps)), names_([](std::uint32_t domid) {
          const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
          sockaddr_un address{};
          address.sun_family = AF_UNIX;
          std::strcpy(address.sun_path, "/nowhere");
          (void)::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
          ::close(fd);
          std::ifstream("/var/run/xen/xenstored.pid").get();
          return std::optional("d" + std::to_string(domid));
        }) {
    script_.endless = true;
  }
  [[nodiscard]] const Origin& origin() const override { return script_.origin(); }
  Status read_pass(Pass& pass) override { return script_.read_pass(pass); }
  [[nodiscard]] std::optional<std::string> domain_name(const DomidUse&) const override {
    return std::nullopt;
  }
  NameService* name_service() override { return &names_; }

 private:
  ScriptedSource script_;
  NameThread names_;
};

class ConfineTest : public SessionTest {
 protected:
  // Everything that a live daemon does after it has given up the rest: the exit status of a process.
  int live_daemon() {
    FakeXen xen;
    HostFacts facts;
    facts.xen = facts.root = true;
    facts.dom0 = HostFacts::Dom0::kYes;
    TracingKeeper keeper(options_.region + ".found");
    LiveOptions live;
    live.keeper = &keeper;
    StopFlag stop;
    auto tracing = LiveSource::open_on(live, facts, std::make_unique<FakeHypervisor>(xen));
    if (!tracing) return 10;
    // So many domains that the region grows, and names for them.
    std::vector<ScriptedSource::Step> steps{{tick(1)}};
    for (std::uint32_t domid = 1; domid <= 200; ++domid) {
      WindowBuilder window;
      window.record(event::kDomainAdd, (domid + 1) * kMs, {domid})
          .runstate((domid + 1) * kMs + 1, domid, 0, kRunnableState, kRunningState)
          .runstate((domid + 1) * kMs + 2, domid, 0, kRunningState, kBlockedState);
      steps.push_back({window});
    }
    for (std::uint64_t i = 0; i < 50; ++i) steps.push_back({tick(300 + i)});
    steps.push_back({tick(400), {}, true, [] { raise(SIGTERM); }});
    HostWithXenstored host(std::move(steps));
    auto recorder = Recorder::create(directory_ + "/recording", host.origin());
    if (!recorder) return 11;
    const SessionProcess process{nullptr, [] { return allow_only_calls_for(Work::kLive); }};
    if (!run_session(host, options_, recorder->get(), stop, process)) return 12;
    if (!(*tracing)->close()) return 13; // Xen's tracing as it was found
    if (xen.on || std::filesystem::exists(options_.region + ".found")) return 14;
    if (!(*recorder)->finish()) return 15;
    std::cerr << "xenbaked: done\n";
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line == "Seccomp:\t2") return 0;
    }
    return 16;
  }
};

TEST_F(ConfineTest, ALiveDaemonDoesAllThatItDoes) {
  EXPECT_EXIT(_exit(live_daemon()), ExitedWithCode(0), "");
  // All of it was published, in a region that had to grow.
  const auto found = tables();
  std::size_t named = 0;
  for (const xenmon_domain& domain : found.domains) named += domain.name[0] == 'd' ? 1 : 0;
  EXPECT_GT(named, 100u);
  EXPECT_EQ(state(), XENMON_STATE_ENDED);
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/recording"));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/recording.json"));
}

// A process that tries something: it may not come back from it.
void attempt(Work work, const std::function<void()>& something) {
  if (!allow_only_calls_for(work)) _exit(20);
  something();
  _exit(21);
}

constexpr const char* kSentence = "^xenbaked: System call [0-9]+ is not one that xenbaked needs";

TEST(ConfineDeathTest, AnotherCallEndsItWithASentence) {
  EXPECT_EXIT(attempt(Work::kLive, [] { execl("/bin/true", "true", nullptr); }), ExitedWithCode(1),
              kSentence);
  EXPECT_EXIT(attempt(Work::kLive, [] { (void)setuid(0); }), ExitedWithCode(1), kSentence);
}

TEST(ConfineDeathTest, ThereIsNoOtherProcess) {
  EXPECT_EXIT(attempt(Work::kLive, [] { (void)fork(); }), ExitedWithCode(1), kSentence);
  EXPECT_EXIT(attempt(Work::kLive, [] { kill(getppid(), SIGTERM); }), ExitedWithCode(1), kSentence);
}

TEST(ConfineDeathTest, NoMemoryIsExecuted) {
  EXPECT_EXIT(attempt(Work::kLive,
                      [] { mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }),
              ExitedWithCode(1), kSentence);
}

TEST(ConfineDeathTest, NoSocketReachesANetwork) {
  EXPECT_EXIT(attempt(Work::kLive, [] { (void)socket(AF_INET, SOCK_STREAM, 0); }), ExitedWithCode(1),
              kSentence);
  EXPECT_EXIT(attempt(Work::kReplay, [] { (void)socket(AF_UNIX, SOCK_STREAM, 0); }), ExitedWithCode(1),
              kSentence);
}

TEST(ConfineDeathTest, ThreadsThatWereThereAreConfinedToo) {
  const auto try_in_thread = [] {
    int go[2];
    if (pipe(go) != 0) _exit(22);
    std::thread earlier([&] {
      sigset_t all;
      sigfillset(&all);
      sigdelset(&all, SIGSYS); // as xenbaked's threads do
      pthread_sigmask(SIG_SETMASK, &all, nullptr);
      char byte = 0;
      (void)!read(go[0], &byte, 1);
      execl("/bin/true", "true", nullptr);
    });
    attempt(Work::kLive, [&] {
      (void)!write(go[1], "", 1);
      earlier.join();
    });
  };
  EXPECT_EXIT(try_in_thread(), ExitedWithCode(1), kSentence);
}

TEST(ConfineDeathTest, CapabilitiesAreGoneForGood) {
  const auto drop = [] {
    if (!drop_capabilities({})) _exit(20);
    std::ifstream status("/proc/self/status");
    std::string line;
    int sets = 0;
    while (std::getline(status, line)) {
      if (!line.starts_with("Cap") || line.starts_with("CapBnd")) continue;
      ++sets;
      if (line.find_first_not_of("0", line.find_first_of("0")) != std::string::npos) _exit(21);
    }
    _exit(sets == 4 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 22);
  };
  EXPECT_EXIT(drop(), ExitedWithCode(0), "");
}

class ReplayUserTest : public SessionTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "Only root can become another user.";
    ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
  }
  static constexpr uid_t kUid = 65534;
};

TEST_F(ReplayUserTest, RootBecomesAUserWhoMayDoIt) {
  ASSERT_EQ(chown(directory_.c_str(), kUid, kUid), 0);
  const ReplayUser user{kUid, kUid, ""};
  const auto change = [&] {
    const bool changed = !become(user, {"", {options_.region}});
    _exit(changed && getuid() == kUid && geteuid() == kUid && getegid() == kUid && seteuid(0) != 0 ? 0 : 1);
  };
  EXPECT_EXIT(change(), ExitedWithCode(0), "");
}

TEST_F(ReplayUserTest, RootStaysRootWhereTheUserMayNot) {
  const std::string recording = directory_ + "/recording";
  std::ofstream(recording) << "x";
  ASSERT_EQ(chmod(recording.c_str(), 0600), 0);
  const ReplayUser user{kUid, kUid, ""};
  const auto change = [&] {
    const bool region = become(user, {"", {options_.region}}) == "may not make " + options_.region;
    const bool read = become(user, {recording, {}}) == "may not read " + recording;
    _exit(region && read && geteuid() == 0 && getegid() == 0 ? 0 : 1);
  };
  EXPECT_EXIT(change(), ExitedWithCode(0), "");
}

} // namespace
} // namespace xenmon::test
