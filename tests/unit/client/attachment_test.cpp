// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/attachment.h"

#include <gtest/gtest.h>

#include "xenmon_region_fixture.h"

namespace xenmon::test {
namespace {

using Change = Attachment::Change;
using Kind = Health::Kind;

class AttachmentTest : public testing::Test {
 protected:
  AttachmentTest() { beat(); }

  void beat() { region.header().heartbeat_ns = now; }
  void pass_seconds(std::uint64_t seconds) { now += seconds * 1000 * kMs; }
  Kind kind() const { return attachment.health().kind; }

  std::uint64_t now = 50'000 * kMs;
  TemporaryDirectory directory;
  std::string path = directory / "region";
  ScriptedRegion region;
  Attachment attachment{path, [this] { return now; }};
};

TEST_F(AttachmentTest, WaitsForARegionToAppear) {
  EXPECT_EQ(attachment.poll(), Change::kNone);
  EXPECT_EQ(attachment.reader(), nullptr);
  EXPECT_EQ(kind(), Kind::kNoRegion);
  EXPECT_NE(health_text(attachment.health()).find("waiting for data: there is no region"), std::string::npos);
  region.put(path);
  EXPECT_EQ(attachment.poll(), Change::kNewDaemon);
  EXPECT_EQ(kind(), Kind::kWaiting);
  region.publish({});
  region.update(path);
  EXPECT_EQ(attachment.poll(), Change::kNone);
  EXPECT_EQ(kind(), Kind::kLive);
  EXPECT_FALSE(attachment.health().restarted);
}

TEST_F(AttachmentTest, NoticesADaemonThatIsGoneAndOneThatComesBack) {
  region.publish({});
  region.put(path);
  attachment.poll();
  pass_seconds(3);
  attachment.poll();
  EXPECT_EQ(kind(), Kind::kLive); // three periods are allowed
  pass_seconds(9);
  attachment.poll();
  EXPECT_EQ(health_text(attachment.health()), "data stopped 12 s ago: xenbaked is gone");
  EXPECT_FALSE(attachment.health().current());

  ScriptedRegion second;
  second.header().daemon_start = 78;
  second.header().generation = 9;
  second.header().heartbeat_ns = now;
  second.publish({});
  second.put(path);
  EXPECT_EQ(attachment.poll(), Change::kNewDaemon);
  EXPECT_EQ(health_text(attachment.health()), "xenbaked restarted; live");
  EXPECT_EQ(attachment.poll(), Change::kNone);
}

TEST_F(AttachmentTest, FollowsASupersedingFileAtOnce) {
  region.publish({});
  region.put(path);
  attachment.poll();
  ScriptedRegion larger;
  larger.header().generation = 2;
  larger.header().heartbeat_ns = now;
  larger.publish({});
  larger.put(path);
  EXPECT_EQ(attachment.poll(), Change::kSuperseded);
  EXPECT_EQ(attachment.reader()->header().generation, 2u);
  EXPECT_EQ(health_text(attachment.health()), "live");
}

TEST_F(AttachmentTest, KeepsWhatItHasWhileTheNewFileIsNotReadable) {
  region.publish({});
  region.put(path);
  attachment.poll();
  region.header().state = XENMON_STATE_SUPERSEDED;
  region.update(path);
  EXPECT_EQ(attachment.poll(), Change::kNone); // the same file is still at the path
  std::filesystem::remove(path);
  EXPECT_EQ(attachment.poll(), Change::kNone);
  EXPECT_NE(attachment.reader(), nullptr);
}

TEST_F(AttachmentTest, SaysThatTheDaemonEnded) {
  region.publish({});
  region.header().state = XENMON_STATE_ENDED;
  region.put(path);
  pass_seconds(5);
  attachment.poll();
  EXPECT_EQ(health_text(attachment.health()), "data stopped 5 s ago: xenbaked has ended");

  region.header().source_kind = XENMON_SOURCE_RECORDING;
  std::strcpy(region.header().source_text, "web.xz");
  region.header().generation = 2;
  region.put(path);
  attachment.poll();
  EXPECT_EQ(health_text(attachment.health()), "recording web.xz ended 5 s ago");
}

TEST_F(AttachmentTest, SaysWhereARecordingIsHeld) {
  region.header().source_kind = XENMON_SOURCE_RECORDING;
  std::strcpy(region.header().source_text, "web.xz");
  region.clock_ns = 12'345 * kMs;
  region.publish({});
  region.put(path);
  attachment.poll();
  EXPECT_EQ(health_text(attachment.health()), "recording web.xz");
  EXPECT_FALSE(attachment.health().held);
  EXPECT_EQ(attachment.health().position_ns, 12'445 * kMs);
  region.header().flags |= XENMON_FLAG_HELD;
  region.update(path);
  attachment.poll();
  EXPECT_EQ(health_text(attachment.health()), "recording web.xz, held at 12.445 s");
  EXPECT_EQ(health_text(attachment.health(), 3), "recording we~, held at 12.445 s");
  EXPECT_TRUE(attachment.health().current());
}

TEST_F(AttachmentTest, ARecordingThatBeginsAnewIsNoRestart) {
  for (const std::uint32_t pid : {500u, 500u, 501u}) {
    ScriptedRegion next;
    next.header().source_kind = XENMON_SOURCE_RECORDING;
    next.header().generation = next.header().daemon_start = ++now;
    next.header().daemon_pid = pid;
    next.header().heartbeat_ns = now;
    next.put(path);
    EXPECT_EQ(attachment.poll(), Change::kNewDaemon);
    EXPECT_EQ(attachment.health().restarted, pid == 501);
  }
}

TEST_F(AttachmentTest, LetsGoOfAFileThatWasCut) {
  region.publish({});
  region.put(path);
  attachment.poll();
  std::filesystem::resize_file(path, 4096);
  EXPECT_FALSE(attachment.still_readable());
  attachment.poll();
  EXPECT_EQ(attachment.reader(), nullptr);
  EXPECT_NE(attachment.health().problem.find("truncated"), std::string::npos);
}

} // namespace
} // namespace xenmon::test
