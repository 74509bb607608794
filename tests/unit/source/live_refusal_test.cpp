// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each way in which a live source cannot be had: its sentence, its status, and that the machine is left
// as it was found.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fake_xen.h"
#include "source/live_source.h"

namespace xenmon {
namespace {

class LiveRefusalTest : public ::testing::Test {
 protected:
  LiveRefusalTest() {
    facts_.xen = facts_.root = true;
    facts_.dom0 = HostFacts::Dom0::kYes;
    facts_.tree = "/nonexistent";
  }

  Error refusal() {
    auto source = LiveSource::open_on(options_, facts_, std::make_unique<FakeHypervisor>(xen_));
    EXPECT_FALSE(source);
    EXPECT_EQ(xen_.mapped, 0);
    return source ? Error{} : source.error();
  }
  void expect(const std::string& call, Errno error, ExitStatus status, const std::string& message) {
    xen_.failures = {{call, error}};
    const Error told = refusal();
    EXPECT_EQ(told.message, message) << call;
    EXPECT_EQ(told.status, status) << call;
  }

  FakeXen xen_;
  HostFacts facts_;
  LiveOptions options_;
};

TEST_F(LiveRefusalTest, TheMachineIsLookedAtBeforeXenIsAsked) {
  facts_.xen = false;
  EXPECT_EQ(refusal().status, ExitStatus::kNotXen);
  facts_.xen = true;
  facts_.root = false;
  EXPECT_EQ(refusal().status, ExitStatus::kNotPermitted);
  EXPECT_TRUE(xen_.calls.empty());
}

TEST_F(LiveRefusalTest, Devices) {
  expect("open_control", ENOENT, ExitStatus::kFailed,
         "Cannot open /dev/xen/privcmd (No such file or directory): load its driver with \"modprobe "
         "xen-privcmd\".");
  expect("open_events", ENOENT, ExitStatus::kFailed,
         "Cannot open /dev/xen/evtchn (No such file or directory): load its driver with \"modprobe "
         "xen-evtchn\".");
  xen_.message = "Could not obtain handle";
  expect("open_control", EACCES, ExitStatus::kNotPermitted,
         "No access to /dev/xen/privcmd (Permission denied; Could not obtain handle): start xenbaked as "
         "root, outside any container.");
}

TEST_F(LiveRefusalTest, AnotherConsumerIsNamedWhenItCanBe) {
  xen_.event_bound = true;
  xen_.on = true;
  const Error unnamed = refusal();
  EXPECT_EQ(unnamed.status, ExitStatus::kBusy);
  EXPECT_EQ(unnamed.message,
            "Another program reads Xen's trace buffers (xentrace or another xenbaked): stop it, then start "
            "xenbaked again.");

  facts_.tree = ::testing::TempDir() + "xenmon-live-busy";
  std::filesystem::create_directories(facts_.tree + "/proc/812");
  std::ofstream(facts_.tree + "/proc/812/comm") << "xentrace\n";
  const Error named = refusal();
  std::filesystem::remove_all(facts_.tree);
  EXPECT_EQ(named.status, ExitStatus::kBusy);
  EXPECT_EQ(named.message,
            "Another program reads Xen's trace buffers, probably xentrace (process 812): stop it, then start "
            "xenbaked again.");

  // Nothing was asked or changed, and the event is still the other's.
  EXPECT_EQ(xen_.calls, (std::vector<std::string>{"open_control", "open_events", "bind", "open_control",
                                                  "open_events", "bind"}));
  EXPECT_TRUE(xen_.event_bound);
  EXPECT_TRUE(xen_.on);
}

TEST_F(LiveRefusalTest, OtherTroubleWithTheEvent) {
  expect("bind", EBUSY, ExitStatus::kNotXen,
         "Xen sends its trace event (VIRQ_TBUF) to another domain: start xenbaked there.");
  expect("bind", EINVAL, ExitStatus::kFailed,
         "Cannot bind Xen's trace event VIRQ_TBUF (Invalid argument): look for the reason in \"xl dmesg\".");
}

TEST_F(LiveRefusalTest, WhatXenAnswersToTheFirstSysctl) {
  const std::string none =
      "This hypervisor has no trace buffers: boot a Xen that is built with CONFIG_TRACEBUFFER.";
  expect("info", ENOSYS, ExitStatus::kNoTracing, none);
  expect("info", EOPNOTSUPP, ExitStatus::kNoTracing, none);
  char version[16];
  std::snprintf(version, sizeof version, "0x%x", sysctl_interface_version());
  expect("info", EACCES, ExitStatus::kNoTracing,
         "This hypervisor (Xen 4.17.7) does not accept the control interface that xenbaked was built for "
         "(sysctl version " +
             std::string(version) +
             "): install the xenbaked and the libxenctrl of the Xen release that is running.");
  expect("info", EPERM, ExitStatus::kNotXen,
         "Xen does not let this domain control tracing: start xenbaked in Dom0.");
  expect("info", EFAULT, ExitStatus::kFailed,
         "Xen refused to describe its trace buffers (Bad address): look for the reason in \"xl dmesg\".");
}

TEST_F(LiveRefusalTest, NoMemoryForBuffers) {
  expect(
      "make 64", ENOMEM, ExitStatus::kNoTracing,
      "Xen has no memory for 64 pages of trace buffer per CPU: make some free with \"xl mem-set\", or boot "
      "Xen with tbuf_size=8.");
  EXPECT_EQ(xen_.mask, 0x0ffff000u);
  expect("make 64", EINVAL, ExitStatus::kFailed,
         "Xen refused to make trace buffers (Invalid argument): look for the reason in \"xl dmesg\".");
}

TEST_F(LiveRefusalTest, ADamagedTable) {
  xen_.make(1);
  xen_.table[0] = 0;
  const Error told = refusal();
  EXPECT_EQ(told.status, ExitStatus::kNoTracing);
  EXPECT_NE(told.message.find("is damaged"), std::string::npos);
}

TEST_F(LiveRefusalTest, MapsThatFail) {
  expect("map table", EINVAL, ExitStatus::kFailed,
         "Cannot map Xen's table of trace buffers (Invalid argument): look for the reason in \"dmesg\" and "
         "\"xl dmesg\".");
  xen_.message = "mmap failed";
  expect("map 2100", ENOMEM, ExitStatus::kFailed,
         "Cannot map the trace buffer of CPU 1 (Cannot allocate memory; mmap failed): look for the reason in "
         "\"dmesg\" and \"xl dmesg\".");
}

// Every step after the event is bound, on each kind of machine.
class LiveHalfWay : public LiveRefusalTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(LiveHalfWay, WithoutBuffersNothingIsLeftOn) {
  xen_.failures = {{GetParam(), EIO}};
  xen_.mask = 0x0004f000;
  (void)refusal();
  EXPECT_FALSE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0004f000u);
  EXPECT_FALSE(xen_.event_bound);
}

TEST_P(LiveHalfWay, WithBuffersThatWereOffTheyAreOff) {
  xen_.make(1);
  xen_.on = false;
  xen_.mask = 0x0004f000;
  xen_.failures = {{GetParam(), EIO}};
  if (std::string(GetParam()) == "make 64") return; // nothing to make: no failure
  (void)refusal();
  EXPECT_FALSE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0004f000u);
  EXPECT_FALSE(xen_.event_bound);
}

TEST_P(LiveHalfWay, WithTracingOnItIsOn) {
  xen_.make(1);
  xen_.mask = 0x0004f000;
  xen_.failures = {{GetParam(), EIO}};
  if (std::string(GetParam()) == "make 64") return;
  (void)refusal();
  // Not even the best program can switch on what Xen refuses to switch on.
  EXPECT_EQ(xen_.on, std::string(GetParam()) != "enable");
  EXPECT_EQ(xen_.mask, 0x0004f000u);
  EXPECT_FALSE(xen_.event_bound);
}

INSTANTIATE_TEST_SUITE_P(Steps, LiveHalfWay,
                         ::testing::Values("info", "mask 00129000", "make 64", "physinfo", "map table",
                                           "map 2000", "map 2100", "all_cpus", "enable"));

TEST_F(LiveRefusalTest, TheExperimentThatFailsLeavesTracingAlone) {
  xen_.make(1);
  xen_.mask = 0x0004f000;
  xen_.failures = {{"mask 0ffff000", EIO}};
  (void)refusal();
  EXPECT_TRUE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0004f000u);

  xen_.failures = {{"disable", EIO}};
  EXPECT_EQ(refusal().message,
            "Xen refused to switch tracing off (Input/output error): look for the reason in \"xl dmesg\".");
  EXPECT_TRUE(xen_.on);
  EXPECT_EQ(xen_.mask, 0x0004f000u);
  EXPECT_FALSE(xen_.event_bound);
}

TEST_F(LiveRefusalTest, WhatCannotBeRestoredIsTold) {
  auto source = LiveSource::open_on(options_, facts_, std::make_unique<FakeHypervisor>(xen_));
  ASSERT_TRUE(source);
  xen_.failures = {{"mask 0ffff000", EPERM}};
  const Status closed = (*source)->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().message,
            "Xen's trace mask could not be restored to 0x0ffff000 (Operation not permitted): set it with "
            "xentrace -e 0x0ffff000.");
  EXPECT_FALSE(xen_.on) << "the rest was done all the same";
  EXPECT_FALSE(xen_.event_bound);
}

} // namespace
} // namespace xenmon
