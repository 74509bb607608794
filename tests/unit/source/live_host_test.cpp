// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files of /proc and /sys say, and the refusals that follow.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "source/live_host.h"
#include "source/live_refusal.h"

namespace xenmon {
namespace {

using Dom0 = HostFacts::Dom0;

class LiveHost : public ::testing::Test {
 protected:
  LiveHost() {
    std::string name = ::testing::TempDir() + "xenmon-live-XXXXXX";
    tree_ = ::mkdtemp(name.data());
    std::filesystem::create_directory(tree_ + "/proc");
  }
  ~LiveHost() override { std::filesystem::remove_all(tree_); }

  void file(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = tree_ + path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  [[nodiscard]] HostFacts facts() const { return read_host_facts(tree_); }

  std::string tree_;
};

TEST_F(LiveHost, AMachineWithoutXen) {
  EXPECT_FALSE(facts().xen);
  EXPECT_EQ(facts().dom0, Dom0::kUnknown);
  file("/sys/hypervisor/type", "other\n");
  EXPECT_FALSE(facts().xen);
}

TEST_F(LiveHost, XenIsKnownByEitherFile) {
  file("/sys/hypervisor/type", "xen\n");
  EXPECT_TRUE(facts().xen);
  std::filesystem::remove_all(tree_ + "/sys");
  EXPECT_FALSE(facts().xen);
  std::filesystem::create_directory(tree_ + "/proc/xen");
  EXPECT_TRUE(facts().xen);
  EXPECT_EQ(facts().dom0, Dom0::kUnknown);
}

TEST_F(LiveHost, CapabilitiesTellDom0) {
  file("/proc/xen/capabilities", "control_d\n");
  EXPECT_EQ(facts().dom0, Dom0::kYes);
  file("/proc/xen/capabilities", "");
  file("/sys/hypervisor/properties/features", "00002fff\n");
  EXPECT_EQ(facts().dom0, Dom0::kNo) << "capabilities go before features";
}

TEST_F(LiveHost, FeaturesTellDom0WithoutXenfs) {
  const std::string path = "/sys/hypervisor/properties/features";
  file(path, "00002fff\n"); // bit 11
  EXPECT_EQ(facts().dom0, Dom0::kYes);
  file(path, "000027ff\n");
  EXPECT_EQ(facts().dom0, Dom0::kNo);
  file(path, "ffffffff000027ff\n"); // submap 0 is the last
  EXPECT_EQ(facts().dom0, Dom0::kNo);
  file(path, "2fff\n");
  EXPECT_EQ(facts().dom0, Dom0::kUnknown);
  file(path, "0000 fff\n");
  EXPECT_EQ(facts().dom0, Dom0::kUnknown);
  file(path, "");
  EXPECT_EQ(facts().dom0, Dom0::kUnknown);
}

TEST_F(LiveHost, RootIsTheEffectiveUser) {
  EXPECT_EQ(facts().root, ::geteuid() == 0);
}

TEST_F(LiveHost, FindsAnotherTraceReader) {
  EXPECT_FALSE(find_trace_reader(tree_));
  file("/proc/self-like/comm", "xentrace\n");
  file("/proc/17/comm", "bash\n");
  file("/proc/" + std::to_string(::getpid()) + "/comm", "xenbaked\n");
  EXPECT_FALSE(find_trace_reader(tree_));
  file("/proc/4711/comm", "xentrace\n");
  file("/proc/812/comm", "xenbaked\n");
  const auto reader = find_trace_reader(tree_);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->name, "xenbaked");
  EXPECT_EQ(reader->pid, 812);
}

TEST_F(LiveHost, NoProcIsNoReader) {
  EXPECT_FALSE(find_trace_reader(tree_ + "/nothing"));
}

TEST(LiveRefusal, TheFirstThingThatIsWrongIsSaid) {
  HostFacts facts;
  EXPECT_EQ(check_host(facts).error().status, ExitStatus::kNotXen);
  EXPECT_EQ(check_host(facts).error().message,
            "This machine does not run under Xen: start xenbaked in Dom0 of a Xen host, or play a recording "
            "with --replay FILE.");
  facts.xen = true;
  facts.dom0 = Dom0::kNo;
  EXPECT_EQ(check_host(facts).error().status, ExitStatus::kNotXen);
  EXPECT_EQ(check_host(facts).error().message,
            "This is a guest, and only Dom0 may read Xen's trace buffers: start xenbaked in Dom0.");
  facts.dom0 = Dom0::kYes;
  EXPECT_EQ(check_host(facts).error().status, ExitStatus::kNotPermitted);
  EXPECT_EQ(check_host(facts).error().message,
            "Only root may read Xen's trace buffers: start xenbaked as root, for example with sudo.");
  facts.root = true;
  EXPECT_TRUE(check_host(facts));
  facts.dom0 = Dom0::kUnknown;
  EXPECT_TRUE(check_host(facts)) << "Xen will say";
}

} // namespace
} // namespace xenmon
