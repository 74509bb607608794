// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/host_settings.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "source/recording_metadata.h"
#include "temporary_directory.h"

namespace xenmon {
namespace {

const std::vector<xenmon_setting> kSome = {{XENMON_SETTING_DOMAIN_WEIGHT, 3, 0, 0, 512},
                                           {XENMON_SETTING_DOMAIN_CAP, 0, 0, 0, 60},
                                           {XENMON_SETTING_VCPU_HARD, 3, 1, 2, 0x8000'0000'0000'0001},
                                           {XENMON_SETTING_POOL_RATE_LIMIT, 0, 2, 0, 1000},
                                           {XENMON_SETTING_PCPU_NODE, 0, 7, 0, 1}};

std::vector<xenmon_setting> await(SettingsThread& thread) {
  for (;;) {
    if (auto settings = thread.take()) return *settings;
    std::this_thread::yield();
  }
}

bool same(const std::vector<xenmon_setting>& a, const std::vector<xenmon_setting>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const xenmon_setting& one, const xenmon_setting& other) {
                      return one.kind == other.kind && one.domid == other.domid && one.index == other.index &&
                             one.part == other.part && one.value == other.value;
                    });
}

TEST(SettingsThread, AnswersEachQuestionOnce) {
  auto asked = std::make_shared<std::atomic<int>>(0);
  SettingsThread thread([asked] {
    ++*asked;
    return kSome;
  });
  EXPECT_FALSE(thread.take()); // nobody has asked
  thread.ask();
  EXPECT_TRUE(same(await(thread), kSome));
  EXPECT_FALSE(thread.take());
  thread.ask();
  await(thread);
  EXPECT_EQ(*asked, 2);
}

TEST(SettingsThread, AHostThatDoesNotAnswerHoldsNothingUp) {
  // What the lookup uses outlives the thread that hangs in it.
  struct Shared {
    std::promise<void> begun;
    std::promise<void> release;
    std::shared_future<void> released = release.get_future().share();
    std::promise<void> over;
  };
  auto shared = std::make_shared<Shared>();
  {
    SettingsThread thread([shared] {
      shared->begun.set_value();
      shared->released.wait();
      shared->over.set_value();
      return kSome;
    });
    thread.ask();
    shared->begun.get_future().wait();
    thread.ask(); // does not pile up
    EXPECT_FALSE(thread.take());
  }
  shared->release.set_value();
  shared->over.get_future().wait();
}

TEST(SettingNames, LeadBackToTheirKinds) {
  for (std::uint32_t kind = XENMON_SETTING_DOMAIN_POOL; kind <= XENMON_SETTING_PCPU_NODE; ++kind) {
    EXPECT_NE(setting_name(kind), "") << kind;
    EXPECT_EQ(setting_kind(setting_name(kind)), kind);
  }
  EXPECT_EQ(setting_name(99), "");
  EXPECT_EQ(setting_kind("of a later version"), 0U);
}

TEST(RecordingMetadata, HasTheSettings) {
  const test::TemporaryDirectory directory;
  RecordingMetadata metadata;
  metadata.settings = kSome;
  const std::string recording = directory / "recording";
  {
    Result<PendingFile> written = write_metadata(recording, metadata);
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_TRUE(written->place());
  }
  const auto read = load_metadata(recording);
  ASSERT_TRUE(read && *read);
  EXPECT_TRUE(same((*read)->settings, kSome));
}

TEST(RecordingMetadata, PassesOverSettingsThatItDoesNotKnow) {
  const test::TemporaryDirectory directory;
  const std::string recording = directory / "recording";
  std::ofstream(recording + ".json")
      << R"({"settings": [{"kind": "of a later version", "value": 1}, 7, {"kind": 3},
    {"kind": "domain_weight", "domid": 3, "value": "many"}, {"kind": "domain_cap_percent", "domid": 3, "value": 60}]})";
  const auto read = load_metadata(recording);
  ASSERT_TRUE(read && *read);
  ASSERT_EQ((*read)->settings.size(), 1U);
  EXPECT_EQ((*read)->settings[0].value, 60U);
}

} // namespace
} // namespace xenmon
