// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/screen.h"

#include "screen/help_screen.h"

#include <gtest/gtest.h>

#include "format.h"
#include "model/model_builder.h"
#include "model/screen_model.h"
#include "screen/layout.h"
#include "text.h"
#include "xenmon/region.h"

namespace xenmon::test {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

DomainModel make_domain(std::uint32_t domid, const std::string& name, std::uint64_t running_ms_per_s) {
  DomainModel domain;
  domain.domid = domid;
  domain.uid = domid;
  domain.name = name;
  for (std::size_t half = 0; half < kWindows; ++half) {
    const std::uint64_t seconds = half == 0 ? 10 : 1;
    MetricSums& f = domain.halves[half].sums;
    f.running_ns = running_ms_per_s * kMs * seconds;
    f.waited_wake_ns = 50 * kMs * seconds;
    f.blocked_ns = 300 * kMs * seconds;
    f.executions = 200 * seconds;
    f.io_copy = 40 * seconds;
    f.slice_count = 200 * seconds;
    f.slice_sum_ns = 200 * seconds * 10 * kMs;
    domain.halves[half].slices = {2 * kMs, 30 * kMs};
  }
  return domain;
}

ScreenModel make_model() {
  ScreenModel model;
  model.pcpu_count = 2;
  model.domains = {make_domain(0, "Domain-0", 250), make_domain(12, "webserver", 1400),
                   make_domain(XENMON_DOMID_IDLE, "", 350)};
  model.domains[2].halves[0].sums.slice_count = 0;
  model.domains[2].halves[1].sums.slice_count = 0;
  model.length_ns = kWindowNs;
  model.health = model.health_brief = "live";
  model.current = true;
  model.io_known = true;
  model.io_kinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;
  return model;
}

std::string all_lines(const Grid& grid) {
  std::string text;
  for (int row = 0; row < grid.height(); ++row) text += grid.line(row) + "\n";
  return text;
}

Grid render(const ScreenModel& model, const ViewState& state, int width, int height) {
  const Trend trend;
  return xenmon::render({model, state, trend, nullptr, ""}, width, height);
}

std::string show(const ScreenModel& model, int width, int height, const ViewState& state = {}) {
  return all_lines(render(model, state, width, height));
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Screen, FitsEverySize) {
  const ScreenModel model = make_model();
  for (int width = 1; width < 200; ++width) {
    for (const int height : {1, 2, 5, 10, 24}) {
      const Grid grid = render(model, {}, width, height);
      EXPECT_EQ(grid.width(), width);
      EXPECT_EQ(grid.height(), height);
      for (int row = 0; row < height; ++row) {
        EXPECT_LE(columns_of(grid.line(row)), static_cast<std::size_t>(width));
      }
    }
  }
  EXPECT_EQ(render(model, {}, 0, -1).width(), 1);
}

TEST(Screen, CompactAt80Columns) {
  const Grid grid = render(make_model(), {}, 80, 24);
  EXPECT_EQ(grid.line(0), " CPU = all  1 Domains 2 vCPUs 3 CPUs 4 Latency 5 Host 6 Why");
  EXPECT_EQ(grid.line(1), "                             Last 10 seconds               Last 1 second");
  EXPECT_EQ(grid.line(3), "Domain-0 d0 Gotten     250.00ms  25.00%   1.25ms/ex 250.00ms  25.00%   1.25ms/ex");
  EXPECT_EQ(grid.line(4), "            Allocated    2.00ms..30.0ms  10.00ms/ex   2.00ms..30.0ms  10.00ms/ex");
  EXPECT_EQ(grid.line(5), "            Blocked    300.00ms  30.00%   7.50ms/io 300.00ms  30.00%   7.50ms/io");
  EXPECT_EQ(grid.line(6), "            Waited      50.00ms   5.00% 250.00us/ex  50.00ms   5.00% 250.00us/ex");
  EXPECT_EQ(grid.line(7), "            Exec count                        200/s                        200/s");
  EXPECT_EQ(grid.line(8), "            I/O count      40/s             0.20/ex     40/s             0.20/ex");
  // A name that does not fit goes on below; the idle domain is last and has no limit on its slices.
  EXPECT_EQ(grid.line(9), "webserver   Gotten        1.40s 140.00%   7.00ms/ex    1.40s 140.00%   7.00ms/ex");
  EXPECT_TRUE(grid.line(10).starts_with("d12         Allocated"));
  EXPECT_TRUE(grid.line(15).starts_with("Idle        Gotten     350.00ms"));
  EXPECT_EQ(grid.line(16),
            "            Allocated                      no limit                     no limit");
  // The idle domain's time is not in the total.
  EXPECT_EQ(grid.line(21),
            "Total       no idle       1.65s 165.00%     of 200%    1.65s 165.00%     of 200%");
  EXPECT_EQ(grid.line(23), "F1Help  F2View  F3SearchF4FilterF5Share F6Sort  F7CPU   F8WindowF9Pause F10Quit");
  EXPECT_EQ(grid.line(22), "live | stock Xen, I/O: grant map/unmap/transfer without copies");
  EXPECT_EQ(grid.at(3, 63).style.attributes, kStandout); // the last second's gotten
}

TEST(Screen, WideFrom106Columns) {
  const Grid grid = render(make_model(), {}, 106, 43);
  EXPECT_EQ(
      grid.line(3),
      " Domain-0 d0            250.00 ms   25.00%   1.25 ms/ex   250.00 ms   25.00%   1.25 ms/ex  Gotten");
  EXPECT_EQ(
      grid.line(4),
      "                            2.00ms..30.0ms  10.00 ms/ex       2.00ms..30.0ms  10.00 ms/ex  Allocated");
  EXPECT_TRUE(grid.line(7).ends_with("200/s  Execution count"));
  const Grid wider = render(make_model(), {}, 132, 43);
  EXPECT_TRUE(wider.line(3).starts_with(" Domain-0 d0  "));
  EXPECT_TRUE(wider.line(3).ends_with("1.25 ms/ex  Gotten"));
  EXPECT_TRUE(wider.line(8).ends_with("I/O count"));
}

TEST(Screen, ScrollsBothWaysAt40Columns) {
  const ScreenModel model = make_model();
  ViewState options;
  Grid grid = render(model, options, 40, 10);
  EXPECT_EQ(grid.line(0), " CPU = all  1 Domains   ? help");
  EXPECT_EQ(grid.line(2), "== time per s, % of one pCPU == 1-5/18 =");
  EXPECT_EQ(grid.line(3), "Domain- Gotten     250.00ms  25.00%");
  EXPECT_EQ(grid.line(8), "Total   no idle       1.65s 165.00%");
  EXPECT_TRUE(has(grid.line(9), "live"));

  const Trend trend;
  const ScrollLimits limits = scroll_limits({model, options, trend, nullptr, ""}, 40, 10);
  EXPECT_EQ(limits.row, 13u);
  EXPECT_EQ(limits.column, 4u);
  options.position().column = 2;
  EXPECT_EQ(render(model, options, 40, 10).line(3), "Domain- Gotten       1.25ms/ex 250.00ms");
  // Half a column is no column: its digits would be cut.
  options.position().column = 1;
  EXPECT_EQ(render(model, options, 40, 10).line(3), "Domain- Gotten      25.00%   1.25ms/ex");
  options.position().column = 99;
  EXPECT_EQ(render(model, options, 40, 10).line(3), "Domain- Gotten      25.00%   1.25ms/ex");
  EXPECT_TRUE(has(render(model, options, 40, 10).line(1), "Last 1 second"));

  // The domain stays in sight when its first rows have been scrolled away.
  options.position().row = 8;
  grid = render(model, options, 40, 10);
  EXPECT_TRUE(grid.line(3).starts_with("webserv Blocked"));
  EXPECT_TRUE(grid.line(7).starts_with("Idle    Gotten"));
  options.position().row = SIZE_MAX;
  EXPECT_TRUE(has(render(model, options, 40, 10).line(7), "I/O count"));
}

TEST(Screen, LeavesOutTheMetricsNotAskedFor) {
  ViewState options;
  options.rows = {Metric::kGotten, Metric::kWaited};
  const std::string text = show(make_model(), 80, 24, options);
  EXPECT_TRUE(has(text, "Gotten"));
  EXPECT_TRUE(has(text, "Waited"));
  EXPECT_FALSE(has(text, "Allocated") || has(text, "Blocked") || has(text, "Exec") || has(text, "I/O count"));
}

TEST(Screen, SaysThatItIsPaused) {
  ScreenModel model = make_model();
  model.paused = true;
  EXPECT_TRUE(has(show(model, 80, 24), " CPU = all  PAUSED  1 Domains"));
  EXPECT_TRUE(has(show(model, 20, 5), " CPU = all  PAUSED"));
}

TEST(HelpScreen, ListsEveryKeyAndFitsInto40Columns) {
  std::string text;
  std::vector<bool> told(static_cast<std::size_t>(kLastKey) + 1);
  for (const HelpLine& line : help_lines()) {
    EXPECT_LE(10 + std::string_view(line.meaning).size(), 40U) << line.meaning;
    for (const Key key : line.keys) told.at(static_cast<std::size_t>(key)) = true;
  }
  for (std::size_t key = static_cast<std::size_t>(kFirstKey); key < told.size(); ++key)
    EXPECT_TRUE(told[key]) << "key " << key;
}

TEST(HelpScreen, EveryLineCanBeReachedAtEverySize) {
  for (const auto& [width, height] : {std::pair{40, 10}, {80, 24}, {132, 43}, {250, 70}}) {
    std::string seen;
    for (std::size_t first = 0; first <= last_help_line(width, height); ++first)
      seen += all_lines(render_help(width, height, first));
    for (const HelpLine& line : help_lines()) EXPECT_TRUE(has(seen, line.meaning)) << line.meaning;
  }
  EXPECT_TRUE(has(render_help(40, 10).line(0), "xenmon: keys  arrows scroll, Esc closes"));
  EXPECT_TRUE(has(render_help(80, 24).line(0), "any key closes"));
  EXPECT_EQ(render_help(40, 10, SIZE_MAX).line(9), " red      waits 20 % of it or 50 ms");
  EXPECT_EQ(render_help(0, 0).width(), 1);
}

TEST(Screen, OnePcpu) {
  ScreenModel model = make_model();
  model.pcpu = 3;
  model.pcpu_count = 1;
  model.domains.clear();
  const std::string text = show(model, 80, 24);
  EXPECT_TRUE(has(text, " CPU = 3  1 Domains"));
  EXPECT_TRUE(has(text, "No domain has used this CPU"));
  EXPECT_TRUE(has(text, "of 100%"));
}

TEST(Screen, MarksTheDeadAndDimsTheStale) {
  ScreenModel model = make_model();
  model.domains[1].ended = true;
  model.current = false;
  model.health = model.health_brief = "data stopped 12 s ago: xenbaked is gone";
  for (const int width : {76, 80, 132}) EXPECT_TRUE(has(show(model, width, 24), "(ended)")) << width;
  const Grid grid = render(model, {}, 80, 24);
  EXPECT_TRUE(grid.line(22).starts_with("data stopped 12 s ago: xenbaked is gone"));
  EXPECT_EQ(grid.at(3, 63).style.attributes, kDim);
}

TEST(Screen, AHostileNameSteersNothing) {
  ScreenModel model = make_model();
  model.domains[0].name = printable("\x1b[2Jevil\n\xff");
  const std::string text = show(model, 132, 24);
  EXPECT_TRUE(has(text, "?[2Jevil??"));
  EXPECT_FALSE(has(text, "\x1b"));
}

TEST(Screen, ManyCpusAndHugeFiguresKeepTheirColumns) {
  ScreenModel model = make_model();
  MetricSums& f = model.domains[0].halves[0].sums;
  f.running_ns = 256 * 10'000 * kMs;
  f.executions = 123'456'789'0;
  f.io_copy = 98'765'432'10;
  model.pcpu_count = 256;
  for (const int width : {80, 132}) {
    const Grid grid = render(model, {}, width, 24);
    EXPECT_TRUE(has(grid.line(3), "256.00") && has(grid.line(3), width == 80 ? "25600%" : "25600.0%"));
    EXPECT_TRUE(has(grid.line(7), "123456789/s"));
    EXPECT_TRUE(has(grid.line(8), "988M/s") || has(grid.line(8), "987.65M/s") ||
                has(grid.line(8), "987.7M/s"))
        << grid.line(8);
    EXPECT_TRUE(has(grid.line(21), "of 25600%"));
  }
}

TEST(StatusLine, SaysWhatThereIs) {
  ScreenModel model = make_model();
  model.health = "recording web.xentrace";
  model.health_brief = "recording web~";
  model.lost_records = 12;
  model.missed_samples = 1;
  model.unknown_ns = 1'500 * kMs;
  model.length_ns[0] = 3'279 * kMs;
  const std::string all = status_text(model, 400);
  EXPECT_EQ(all,
            "recording web.xentrace | 12 records lost in the last 10 s | 1 sample missed in the last 10 s | "
            "state unknown for 1.50s of vCPU time | 10 s window holds 3.2 s so far | "
            "stock Xen, I/O: grant map/unmap/transfer without copies");
  for (std::size_t width = 1; width < 300; ++width) {
    const std::string text = status_text(model, width);
    EXPECT_LE(text.size(), width);
    EXPECT_TRUE(width < 26 || text.starts_with("recording web")) << text;
  }
  EXPECT_EQ(status_text(model, 80), "recording web~ | 12 records lost | 1 sample missed | 1.50s unknown ...");
  model.io_kinds |= XENMON_IO_COPY;
  model.patched = true;
  EXPECT_TRUE(has(status_text(model, 400), "patched Xen, I/O: grant map/unmap/transfer/copy"));
  EXPECT_FALSE(has(status_text(model, 400), "without copies"));
  model.khz_assumed = true;
  EXPECT_TRUE(has(status_text(model, 400), "TSC frequency assumed"));
}

TEST(StatusLine, HasTheVerdictsInTurnWhereThereIsRoom) {
  ScreenModel model = make_model();
  model.verdicts = {"CPUs 2 to 7 were not traced."};
  EXPECT_TRUE(has(status_text(model, 400), "live | CPUs 2 to 7 were not traced. | stock Xen"));
  EXPECT_EQ(status_text(model, 50), "live | 1 verdict, key 5 | I/O without copies");
  model.verdicts.emplace_back("CPU 3's clock is 100 us ahead of CPU 0's.");
  EXPECT_TRUE(has(status_text(model, 400), "CPUs 2 to 7 were not traced. (1 of 2)"));
  model.verdict_turn = 5;
  EXPECT_TRUE(has(status_text(model, 400), "CPU 3's clock is 100 us ahead of CPU 0's. (2 of 2)"));
  EXPECT_TRUE(has(status_text(model, 50), "2 verdicts, key 5"));
}

TEST(DiagnosisView, HasEachFindingWithWhatToTry) {
  ScreenModel model = make_model();
  ViewState state;
  state.view = View::kDiagnosis;
  EXPECT_TRUE(has(show(model, 80, 24, state), "There are no figures yet."));
  model.diagnosis = {true, 2'000'000'000, 12'000'000'000, {}};
  EXPECT_TRUE(has(show(model, 80, 24, state), "The last 10.0 s: nothing to say"));
  Finding finding;
  finding.cause = Cause::kCap;
  finding.sentence = "web has reached its cap of 60 % of a pCPU, and this sentence goes on beyond one line.";
  finding.figures = {{"cap_used_percent", "of the cap used", "%", 99.8, true, 90}};
  finding.since_ns = 5'000'000'000;
  finding.cost_ns_per_s = 340e6;
  finding.remedy = "Remove the cap.";
  finding.command = "xl sched-credit2 -d web -c 0";
  model.diagnosis.findings = {finding};
  const std::string shown = show(model, 80, 24, state);
  for (const char* part :
       {"The last 10.0 s: 1 finding", " web has reached its cap of 60 % of a pCPU", "one line.",
        "of the cap used 99.8 % (at least 90)", "7.0 s ago; costs 340ms of every second", "Remove the cap.",
        "xl sched-credit2 -d web -c 0"}) {
    EXPECT_TRUE(has(shown, part)) << part << "\n" << shown;
  }
}

TEST(HostView, ListsVerdictsWholeAndCausesInWords) {
  ScreenModel model = make_model();
  ViewState state;
  state.view = View::kHost;
  EXPECT_TRUE(has(show(model, 80, 30, state), "0 malformed, 0 late, 0 conflicting"));
  EXPECT_FALSE(has(show(model, 80, 30, state), "Source faults"));
  model.verdicts = {
      "CPUs 2 to 7 were not traced: what happened there is unknown, and so is who ran while others waited "
      "there.",
      "CPU 3's clock is 100 us ahead of CPU 0's."};
  model.host.since_start.bad_records = 17;
  model.host.faults.bad_by[XENMON_BAD_TSC] = 12;
  model.host.faults.bad_by[XENMON_BAD_LENGTH] = 5;
  model.host.faults.source[XENMON_FAULT_MASK] = 1;
  const std::string text = show(model, 80, 30, state);
  EXPECT_TRUE(has(text,
                  "Verdicts      CPUs 2 to 7 were not traced: what happened there is unknown, and\n"
                  "               so is who ran while others waited there.\n"
                  "               CPU 3's clock is 100 us ahead of CPU 0's.\n"))
      << text;
  EXPECT_TRUE(has(text, "Bad records   17 malformed: 12 impossible time stamps, 5 cut off\n")) << text;
  EXPECT_TRUE(has(text, "Source faults 1 change of the trace mask by another program")) << text;
}

TEST(StatusLine, SaysTheHealthInWords) {
  Health health;
  EXPECT_EQ(health_text(health), "waiting for data");
  health.kind = Health::Kind::kLive;
  EXPECT_EQ(health_text(health), "live");
  health.restarted = true;
  EXPECT_EQ(health_text(health), "xenbaked restarted; live");
  health = {};
  health.kind = Health::Kind::kGone;
  health.quiet_ns = 12'900 * kMs;
  EXPECT_EQ(health_text(health), "data stopped 12 s ago: xenbaked is gone");
  health.kind = Health::Kind::kRecording;
  health.recording = "web";
  EXPECT_EQ(health_text(health), "recording web");
  health.recording = "web-credit2.xentrace";
  EXPECT_EQ(health_text(health, 8), "recording web-cre~");
}

TEST(Format, NeverCutsAFigure) {
  EXPECT_EQ(time_text(0, true, 9), "0.00 ns");
  EXPECT_EQ(time_text(999.99, true, 9), "999.99 ns");
  EXPECT_EQ(time_text(999.996, true, 9), "1.00 us");
  EXPECT_EQ(time_text(999'995'000, false, 8), "1.00s");
  EXPECT_EQ(time_text(256e9, false, 8), "256.00s");
  EXPECT_EQ(time_text(1e15, false, 8), "277.78h");
  EXPECT_EQ(short_time_text(9.996e6), "10.0ms");
  EXPECT_EQ(short_time_text(99.96e6), "100ms");
  EXPECT_EQ(short_time_text(999.6e6), "1.00s");
  EXPECT_EQ(percent_text(100, 7), "100.00%");
  EXPECT_EQ(percent_text(1234.56, 7), "1234.6%");
  EXPECT_EQ(rate_text(999'999, 8), "999999/s");
  EXPECT_EQ(rate_text(12'345'678, 8), "12.35M/s");
  EXPECT_EQ(ratio_text(0.25, 11), "0.25/ex");
  for (double value = 0.001; value < 4e9; value *= 1.07) {
    EXPECT_LE(time_text(value, false, 8).size(), 8u) << value;
    EXPECT_LE(time_text(value, true, 9).size(), 9u) << value;
    EXPECT_LE(short_time_text(value).size(), 6u) << value;
  }
}

TEST(Grid, WideCharactersTakeTwoColumnsAndMarksNone) {
  Grid grid(8, 1);
  grid.put(0, 0, "\u6570a\u0301\u0928\u093e!");
  EXPECT_EQ(grid.at(0, 0).character, U'\u6570');
  EXPECT_EQ(grid.at(0, 1).character, kTail);
  EXPECT_EQ(grid.at(0, 2).character, U'a');
  EXPECT_EQ(grid.at(0, 2).marks[0], U'\u0301');
  EXPECT_EQ(grid.at(0, 5).character, U'!');
  EXPECT_EQ(grid.line(0), "\u6570a\u0301\u0928\u093e!");
  // Half of what was wide is nothing.
  grid.put(0, 1, "x");
  EXPECT_EQ(grid.line(0), " xa\u0301\u0928\u093e!");
  grid.put(0, 0, "\u6570");
  grid.put(0, 0, "y");
  EXPECT_EQ(grid.line(0), "y a\u0301\u0928\u093e!");
  // Nor is half of it shown at an edge.
  grid.put(0, 7, "\u6570");
  EXPECT_EQ(grid.at(0, 7).character, U' ');
  grid.put(0, -1, "\u6570z");
  EXPECT_EQ(grid.line(0).substr(0, 2), " z");
}

TEST(Screen, WideNamesMoveNoFigure) {
  const std::string name = "\u6570\u636e\u5e93\u670d\u52a1\u5668-\u751f\u4ea7\u73af\u5883-01";
  for (const View view : {View::kDomains, View::kVcpus, View::kPcpus}) {
    ScreenModel plain = make_model();
    plain.domains[0].name = std::string(columns_of(name), 'x');
    ScreenModel wide = plain;
    wide.domains[0].name = name;
    ViewState state;
    state.view = view;
    for (const int width : {40, 80, 132}) {
      const Grid one = render(plain, state, width, 24);
      const Grid other = render(wide, state, width, 24);
      for (int row = 0; row < 24; ++row) {
        for (int column = 33; column < width; ++column)
          ASSERT_EQ(one.at(row, column), other.at(row, column)) << row << ' ' << column;
        ASSERT_LE(columns_of(other.line(row)), static_cast<std::size_t>(width));
      }
    }
  }
}

TEST(Screen, SaysWhatWasDamagedInTheRegion) {
  ScreenModel model = make_model();
  EXPECT_FALSE(has(show(model, 132, 24), "damaged"));
  model.damaged = 3;
  EXPECT_TRUE(has(show(model, 132, 24), "3 damaged rows of the region skipped"));
  ViewState state;
  state.view = View::kHost;
  EXPECT_TRUE(has(show(model, 132, 24, state), "3 damaged in the region and skipped"));
}

TEST(KnownPcpus, OneThatDoesNotExistIsRefusedOnceThatIsKnown) {
  TablesCopy tables;
  tables.pcpus.resize(9);
  for (const std::size_t id : {0, 1, 2, 3, 6, 8}) tables.pcpus[id].seen = 1;
  EXPECT_EQ(pcpu_list(seen_pcpus(tables)), "CPUs 0 to 3, 6 and 8");
  EXPECT_TRUE(check_pcpu(8, tables, 0, true));
  EXPECT_TRUE(check_pcpu(std::nullopt, tables, 0, true));
  EXPECT_TRUE(check_pcpu(5, tables, kPcpusKnownAfterNs - 1, false));
  const Status refused = check_pcpu(5, tables, kPcpusKnownAfterNs, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error().message,
      "there is no CPU 5: the trace has CPUs 0 to 3, 6 and 8; give --cpu one of them, or leave it out.");
  EXPECT_EQ(refused.error().status, ExitStatus::kUsage);
  EXPECT_FALSE(check_pcpu(100, tables, 0, true));
  EXPECT_TRUE(check_pcpu(5, TablesCopy(), 0, true)); // nothing is known
}

TEST(KnownPcpus, OneThatDoesNotExistIsRefusedAtOnceWhereXenSaysWhichDo) {
  TablesCopy tables;
  EXPECT_TRUE(check_pcpu(5, tables, 0, false)); // there is no table yet
  tables.all_pcpus = true;
  EXPECT_TRUE(check_pcpu(5, tables, 0, false));
  tables.pcpus.resize(2);
  tables.pcpus[0].seen = XENMON_PCPU_HAS_RECORDS;
  tables.pcpus[1].seen = XENMON_PCPU_NO_RECORDS;
  EXPECT_TRUE(check_pcpu(1, tables, 0, false));
  EXPECT_FALSE(check_pcpu(5, tables, 0, false));
}

TEST(PcpuCycle, StartsWithAllAndSkipsGaps) {
  const std::vector<std::uint32_t> seen = {0, 2, 7};
  EXPECT_EQ(next_pcpu(seen, std::nullopt), 0u);
  EXPECT_EQ(next_pcpu(seen, 0), 2u);
  EXPECT_EQ(next_pcpu(seen, 3), 7u);
  EXPECT_EQ(next_pcpu(seen, 7), std::nullopt);
  EXPECT_EQ(previous_pcpu(seen, std::nullopt), 7u);
  EXPECT_EQ(previous_pcpu(seen, 2), 0u);
  EXPECT_EQ(previous_pcpu(seen, 0), std::nullopt);
  EXPECT_EQ(next_pcpu({}, std::nullopt), std::nullopt);
  EXPECT_EQ(previous_pcpu({}, std::nullopt), std::nullopt);
}

} // namespace
} // namespace xenmon::test
