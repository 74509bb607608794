// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a host is reduced to in the view of hosts, and the order of its lines.
#include "model/host_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/arrange.h"
#include "xenmon_screen_models.h"

namespace xenmon::test {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNoon = 1'800'014'400 * kSecond; // 2027-01-15 12:00 UTC

class HostLinesTest : public testing::Test {
 protected:
  HostLinesTest() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  static Health health(Health::Kind kind, std::uint64_t quiet_ns = 0, bool disconnected = false) {
    Health health;
    health.kind = kind;
    health.quiet_ns = quiet_ns;
    health.disconnected = disconnected;
    return health;
  }
  static std::string trouble(const Health& health, const std::string& said = "") {
    return make_host_line("a", {}, health, said, kNoon).trouble;
  }
  static std::vector<std::string> names(const ScreenModel& model, const ViewState& state) {
    std::vector<std::string> names;
    for (const TableLine& line : table_lines(model, state)) names.push_back(model.hosts[line.parent].name);
    return names;
  }
};

TEST_F(HostLinesTest, ALineHasTheHostsSumsAndItsWorstDomain) {
  ScreenModel model = host_model();
  model.lost_records = 9;
  const HostLineModel line = make_host_line("root@a", model, health(Health::Kind::kLive, kSecond), "", kNoon);
  EXPECT_EQ(line.name, "root@a");
  EXPECT_EQ(line.trouble, "");
  EXPECT_TRUE(line.current);
  EXPECT_EQ(line.pcpus, 2U);
  // As in the view of the host: without the idle domain.
  EXPECT_NEAR(line.running, 1.851, 0.0005);
  EXPECT_NEAR(line.waiting, 2.210, 0.0005);
  EXPECT_EQ(line.worst_domain, "Domain-0 d0"); // its vCPUs wait longest after a wake-up
  EXPECT_EQ(line.worst_p99_ns, model.domains[0].latency.recent[0].p99_ns);
  EXPECT_EQ(line.lost_records, 9U);
  EXPECT_EQ(line.age_ns, kSecond);
}

TEST_F(HostLinesTest, NothingIsMadeUpForAHostWithoutData) {
  const HostLineModel line =
      make_host_line("a", host_model(), health(Health::Kind::kGone, 3 * kSecond, true), "", kNoon);
  EXPECT_EQ(line.running, 0);
  EXPECT_EQ(line.worst_domain, "");
  EXPECT_FALSE(line.current);
}

TEST_F(HostLinesTest, ItSaysWhyAndFromWhenTheLastDataAre) {
  using Kind = Health::Kind;
  EXPECT_EQ(trouble(health(Kind::kNoRegion)), "connecting");
  EXPECT_EQ(trouble(health(Kind::kNoRegion), "Permission denied (publickey)."),
            "Permission denied (publickey).");
  EXPECT_EQ(trouble(health(Kind::kWaiting)), "waiting for data");
  EXPECT_EQ(trouble(health(Kind::kGone, 3 * kSecond, true)), "no connection, last data 11:59:57");
  EXPECT_EQ(trouble(health(Kind::kGone, 3 * kSecond, true), "it does not answer."),
            "no connection, last data 11:59:57: it does not answer.");
  EXPECT_EQ(trouble(health(Kind::kGone, 86'400 * kSecond)),
            "xenbaked is gone, last data 2027-01-14 12:00:00");
  EXPECT_EQ(trouble(health(Kind::kEnded, 60 * kSecond)), "xenbaked has ended, last data 11:59:00");
  EXPECT_EQ(trouble(health(Kind::kRecordingOver, 60 * kSecond)), "");
  // What another host says is text from outside.
  EXPECT_EQ(trouble(health(Kind::kNoRegion), "\x1b[31mred"), "?[31mred");
}

TEST_F(HostLinesTest, LinesAreSortedAndThoseWithoutFiguresAreLast) {
  ScreenModel model;
  const auto add = [&](const char* name, double running, std::uint64_t p99, const char* trouble = "") {
    HostLineModel& line = model.hosts.emplace_back();
    line.name = name;
    line.running = running;
    line.worst_p99_ns = p99;
    line.trouble = trouble;
  };
  add("web2", 1.5, 100);
  add("dead", 0, 0, "no connection");
  add("Web1", 0.5, 300);
  add("db", 2.5, 200);
  ViewState state;
  state.view = View::kHosts;
  EXPECT_THAT(names(model, state), ElementsAre("Web1", "db", "web2", "dead"));
  state.sort().reversed = true;
  EXPECT_THAT(names(model, state), ElementsAre("web2", "db", "Web1", "dead"));
  state.sort() = {static_cast<std::size_t>(HostKey::kRunning), false};
  EXPECT_THAT(names(model, state), ElementsAre("db", "web2", "Web1", "dead"));
  state.sort() = {static_cast<std::size_t>(HostKey::kName), false};
  EXPECT_THAT(names(model, state), ElementsAre("Web1", "db", "dead", "web2"));
  state.filter = "db"; // of domains
  state.host_filter = "WEB";
  EXPECT_THAT(names(model, state), ElementsAre("Web1", "web2"));
  EXPECT_EQ(hosts_text(model), "4 hosts, 1 without data");
  // The selection stays with its host.
  state.selected_host = LineId{0, {}};
  EXPECT_EQ(selected_position(table_lines(model, state), state), 1U);
}

} // namespace
} // namespace xenmon::test
