// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a timeline has of a trace, packet by packet.
#include "timeline/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ostream>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "temporary_directory.h"
#include "trace_builder.h"

namespace xenmon::test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

// A field that is not there is -1.
struct StateChange {
  std::int64_t ns;
  std::int64_t tid;
  std::int64_t state;
  std::int64_t cpu;

  bool operator==(const StateChange&) const = default;
};
std::ostream& operator<<(std::ostream& out, const StateChange& change) {
  return out << '{' << change.ns << ", " << change.tid << ", " << change.state << ", " << change.cpu << '}';
}

constexpr std::int64_t kRunnableThere = 2;
constexpr std::int64_t kRunningThere = 3;
constexpr std::int64_t kSleepingThere = 4;
constexpr std::int64_t kDestroyedThere = 8;

struct Event {
  std::int64_t ns;
  std::int64_t type; // 1: a slice begins, 2: it ends, 3: an instant, 4: a counter
  std::string name;
  std::int64_t value;
};

struct Decoded {
  std::vector<StateChange> states; // by time
  std::vector<Event> events;
};

void decode_state(std::int64_t ns, protozero::pbf_reader message, Decoded& out) {
  StateChange change{ns, -1, -1, -1};
  while (message.next()) {
    if (message.tag() == 1) {
      change.cpu = message.get_int32();
    } else if (message.tag() == 3) {
      change.tid = message.get_int64();
    } else {
      ASSERT_EQ(message.tag(), 4U);
      change.state = message.get_enum();
    }
  }
  out.states.push_back(change);
}

void decode_event(std::int64_t ns, protozero::pbf_reader message, Decoded& out) {
  Event event{ns, -1, "", -1};
  while (message.next()) {
    if (message.tag() == 9) {
      event.type = message.get_enum();
    } else if (message.tag() == 23) {
      event.name = message.get_string();
    } else if (message.tag() == 30) {
      event.value = message.get_int64();
    } else {
      message.skip();
    }
  }
  out.events.push_back(event);
}

Decoded decode(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  Decoded out;
  protozero::pbf_reader trace(bytes);
  while (trace.next()) {
    protozero::pbf_reader packet = trace.get_message();
    std::int64_t ns = -1;
    while (packet.next()) {
      if (packet.tag() == 8) {
        ns = static_cast<std::int64_t>(packet.get_uint64());
      } else if (packet.tag() == 117) {
        decode_state(ns, packet.get_message(), out);
      } else if (packet.tag() == 11) {
        decode_event(ns, packet.get_message(), out);
      } else {
        packet.skip();
      }
    }
  }
  std::stable_sort(out.states.begin(), out.states.end(),
                   [](const StateChange& a, const StateChange& b) { return a.ns < b.ns; });
  return out;
}

// A cycle is a nanosecond.
template <class Also>
Decoded timeline_of(std::initializer_list<const WindowBuilder*> windows, const TimelineRange& range,
                    Also also) {
  const TemporaryDirectory directory;
  const std::string name = directory / "trace.pftrace";
  Result<PendingFile> file = PendingFile::create(name);
  EXPECT_TRUE(file);
  PerfettoTrace trace(*file);
  Timeline timeline(trace, range, [](const DomidUse& use) {
    return std::optional<std::string>("guest" + std::to_string(use.domid));
  });
  Baker::Options options;
  options.cpu_khz = 1'000'000;
  options.slow_wait_ns = 1000;
  options.watcher = &timeline;
  Baker baker(options);
  Merge merge;
  merge.append(pass_of(windows));
  merge.drain(Merge::kNoLimit, baker);
  baker.finish(merge.position());
  also(timeline);
  timeline.finish(baker.now_ns());
  EXPECT_TRUE(trace.finish());
  EXPECT_TRUE(file->place());
  return decode(name);
}
Decoded timeline_of(std::initializer_list<const WindowBuilder*> windows, const TimelineRange& range = {}) {
  return timeline_of(windows, range, [](Timeline&) {});
}

// Times count from the first record, which is of another vCPU.
WindowBuilder begun() {
  WindowBuilder window;
  window.runstate(1000, 9, 0, kOfflineState, kBlockedState);
  return window;
}

TEST(TimelineTest, StatesBeginWhereTheyAreKnown) {
  WindowBuilder window = begun();
  window.runstate(1100, 1, 0, kBlockedState, kRunnableState)
      .runstate(1300, 1, 0, kRunnableState, kRunningState)
      .runstate(1600, 1, 0, kRunningState, kBlockedState)
      .runstate(2000, 1, 0, kBlockedState, kRunnableState);
  // What was before the first record is unknown; the last state has no length.
  EXPECT_THAT(timeline_of({&window}).states,
              ElementsAre(StateChange{0, 1, kSleepingThere, -1}, StateChange{100, 3, kRunnableThere, -1},
                          StateChange{300, 3, kRunningThere, 0}, StateChange{600, 3, kSleepingThere, 0}));
}

TEST(TimelineTest, AnExecutionThatContinuesIsOneState) {
  WindowBuilder window = begun();
  window.runstate(1100, 1, 0, kRunnableState, kRunningState)
      .proceed(1200, 1, 0)
      .proceed(1300, 1, 0)
      .runstate(1400, 1, 0, kRunningState, kBlockedState)
      .runstate(1500, 1, 0, kBlockedState, kRunnableState);
  EXPECT_THAT(timeline_of({&window}).states,
              ElementsAre(StateChange{0, 1, kSleepingThere, -1}, StateChange{100, 3, kRunningThere, 0},
                          StateChange{400, 3, kSleepingThere, 0}));
}

TEST(TimelineTest, AThreadEndsWhereItsStateIsUnknown) {
  WindowBuilder window = begun();
  window.runstate(1100, 1, 0, kRunnableState, kRunningState)
      .lost(1200, 1500, 7, 0xffff, 0xffff)
      .runstate(1700, 1, 0, kRunnableState, kRunningState)
      .runstate(1900, 1, 0, kRunningState, kBlockedState);
  const Decoded decoded = timeline_of({&window});
  EXPECT_THAT(decoded.states,
              ElementsAre(StateChange{0, 1, kSleepingThere, -1}, StateChange{100, 3, kRunningThere, 0},
                          StateChange{200, 3, kDestroyedThere, 0}, StateChange{200, 1, kDestroyedThere, -1},
                          StateChange{700, 3, kRunningThere, 0}));
  std::vector<std::string> said;
  for (const Event& event : decoded.events) {
    if (event.type == 3) said.push_back(std::to_string(event.ns) + ' ' + event.name);
  }
  EXPECT_THAT(said, ElementsAre("500 7 records lost on CPU 0"));
}

TEST(TimelineTest, ARangeBeginsWithTheStatesOfThatTime) {
  WindowBuilder window = begun();
  window.runstate(1100, 1, 0, kRunnableState, kRunningState)
      .runstate(1600, 1, 0, kRunningState, kBlockedState)
      .runstate(1800, 1, 0, kBlockedState, kRunnableState)
      .runstate(1900, 1, 0, kRunnableState, kRunningState);
  EXPECT_THAT(
      timeline_of({&window}, {200, 700}).states,
      UnorderedElementsAre(StateChange{200, 1, kSleepingThere, -1}, StateChange{200, 3, kRunningThere, 0},
                           StateChange{600, 3, kSleepingThere, 0}));
}

TEST(TimelineTest, ALongWaitHasThoseThatRanWithinIt) {
  WindowBuilder window = begun();
  window.runstate(1100, 1, 0, kRunnableState, kRunningState)
      .runstate(1200, 2, 0, kBlockedState, kRunnableState)
      .runstate(3000, 1, 0, kRunningState, kBlockedState)
      .runstate(3000, 2, 0, kRunnableState, kRunningState);
  std::vector<std::string> slices;
  for (const Event& event : timeline_of({&window}).events) {
    if (event.type == 1 || event.type == 2) slices.push_back(std::to_string(event.ns) + ' ' + event.name);
  }
  EXPECT_THAT(slices, ElementsAre("200 waits, woken", "200 guest1", "2000 ", "2000 "));
}

TEST(TimelineTest, MarksAreInstantsOrSlices) {
  WindowBuilder window = begun();
  window.runstate(2000, 1, 0, kBlockedState, kRunnableState);
  const Decoded decoded = timeline_of({&window}, {100, 900}, [](Timeline& timeline) {
    timeline.mark({300, 300, 0, "a moment"});
    timeline.mark({50, 400, 1, "a while"});
    timeline.mark({950, 950, 0, "after the end"});
  });
  std::vector<std::string> marks;
  for (const Event& event : decoded.events) {
    if (event.type < 4) marks.push_back(std::to_string(event.ns) + ' ' + event.name);
  }
  EXPECT_THAT(marks, ElementsAre("300 a moment", "100 a while", "400 "));
}

} // namespace
} // namespace xenmon::test
