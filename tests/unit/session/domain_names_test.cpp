// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which names the domains have in the region.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "session/run_session.h"
#include "session_fixture.h"
#include "source/recorder.h"
#include "source/recording_metadata.h"

namespace xenmon::test {
namespace {

class SessionNames : public SessionTest {
 protected:
  // In the region after all that, by uid. `recorder` may be null.
  std::map<std::uint64_t, std::string> names_after(ScriptedSource& host, Recorder* recorder = nullptr) {
    StopFlag stop;
    const Status ended = run_session(host, options_, recorder, stop);
    EXPECT_TRUE(ended) << ended.error().message;
    std::map<std::uint64_t, std::string> names;
    for (const xenmon_domain& domain : tables().domains) {
      if (domain.flags != 0) names[domain.uid] = domain.name;
    }
    return names;
  }
  std::map<std::uint64_t, std::string> names_after(std::vector<ScriptedSource::Step> steps) {
    ScriptedSource host(XENMON_SOURCE_LIVE, std::move(steps));
    return names_after(host);
  }
};

const std::map<std::uint32_t, std::string> kOld{{5, "old"}};
const std::map<std::uint32_t, std::string> kNew{{5, "new"}};

TEST_F(SessionNames, ANewDomainGetsItsNameAsSoonAsItHasOne) {
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

TEST_F(SessionNames, ANameOfTheNumbersNextOwnerIsNotTakenForTheDomains) {
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
TEST_F(SessionNames, ARecordingsDomainHasItsNameFromItsFirstSampleOn) {
  WindowBuilder window;
  window.record(event::kDomainAdd, 1 * kMs, {5})
      .record(0x22202, 4 * kMs, {})
      .record(event::kDomainRemove, 8 * kMs, {5})
      .record(0x22202, 20 * kMs, {});
  ScriptedSource host(XENMON_SOURCE_RECORDING);
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

TEST_F(SessionNames, EachDomainOfANumberHasItsOwnName) {
  ScriptedSource host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({three_of_one_number(), {}});
  host.names = {{{5, 1}, "old"}, {{5, 3}, "new"}};
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, "old"}, {2, ""}, {3, "new"}}));
}

TEST_F(SessionNames, WhereOnlyTheLastNameOfANumberIsKnownTheEarlierDomainsHaveNone) {
  ScriptedSource host(XENMON_SOURCE_RECORDING);
  host.steps.push_back({three_of_one_number(), {}});
  host.names = {{{5, 0}, "new"}};
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, ""}, {2, ""}, {3, "new"}}));
}

TEST_F(SessionNames, ARecordingSaysWhichDomainOfANumberHadWhichName) {
  ScriptedSource host(XENMON_SOURCE_LIVE);
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
  Result<std::unique_ptr<Recorder>> recorder = Recorder::create(directory_ + "/trace", host.origin());
  ASSERT_TRUE(recorder);
  EXPECT_EQ(names_after(host, recorder->get()),
            (std::map<std::uint64_t, std::string>{{1, "old"}, {2, "new"}}));
  ASSERT_TRUE((*recorder)->finish());
  const auto metadata = load_metadata(directory_ + "/trace");
  ASSERT_TRUE(metadata && *metadata);
  const decltype(RecordingMetadata::names) names{{{5, 1}, "old"}, {{5, 2}, "new"}};
  EXPECT_EQ((*metadata)->names, names);
}

TEST_F(SessionNames, FiguresGoOnWhileXenstoreHangs) {
  ScriptedSource host(XENMON_SOURCE_LIVE);
  host.hangs = true;
  host.steps = {{tick(1), {}}, {event_at(2, event::kDomainAdd, 5), kOld}, {tick(3), kOld}, {tick(20), kOld}};
  EXPECT_EQ(names_after(host), (std::map<std::uint64_t, std::string>{{1, ""}}));
}

TEST_F(SessionNames, ADomainThatEndsRightAfterwardsKeepsItsName) {
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

} // namespace
} // namespace xenmon::test
