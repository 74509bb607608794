// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a service manager is told, over a socket as systemd has it.
#include "session/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>

#include "session_fixture.h"

namespace xenmon::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class ServiceManagerTest : public SessionTest {
 protected:
  ServiceManagerTest() {
    const std::string path = directory_ + "/notify";
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  }
  ~ServiceManagerTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"}) unsetenv(name);
    close(socket_);
  }
  // The next message; empty if there is none.
  std::string heard() const {
    std::array<char, 64> text{};
    const ssize_t got = recv(socket_, text.data(), text.size(), 0);
    return got < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(got));
  }

  int socket_ = -1;
};

TEST_F(ServiceManagerTest, IsToldOfTheRegionAndOfTheEnd) {
  ServiceManager manager;
  manager.ready();
  manager.stopping();
  EXPECT_EQ(heard(), "READY=1");
  EXPECT_EQ(heard(), "STOPPING=1");
  EXPECT_EQ(getenv("NOTIFY_SOCKET"), nullptr) << "a program that is started would have it, too";
}

TEST_F(ServiceManagerTest, HearsThreeTimesWithinItsPatienceThatTheLoopGoesRound) {
  ServiceManager manager;
  EXPECT_EQ(manager.period_ns(), 10 * kSecond);
  manager.alive(100 * kSecond);
  EXPECT_EQ(heard(), "WATCHDOG=1");
  manager.alive(109 * kSecond);
  EXPECT_EQ(heard(), "");
  manager.alive(110 * kSecond);
  EXPECT_EQ(heard(), "WATCHDOG=1");
}

TEST_F(ServiceManagerTest, AWatchdogOfAnotherProcessIsNotFed) {
  setenv("WATCHDOG_PID", "1", 1);
  ServiceManager manager;
  manager.alive(100 * kSecond);
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceManagerTest, WithoutOneNothingIsSent) {
  for (const char* path : {"", "nonsense", "/nowhere/notify"}) {
    setenv("NOTIFY_SOCKET", path, 1);
    ServiceManager manager;
    manager.ready();
    manager.alive(1);
    EXPECT_EQ(heard(), "");
  }
}

} // namespace
} // namespace xenmon::test
