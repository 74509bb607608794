// SPDX-License-Identifier: GPL-2.0-or-later
#include "check.h"

#include <filesystem>
#include <memory>
#include <sstream>

#include "comparison.h"
#include "losses.h"
#include "recording.h"
#include "session/run_session.h"
#include "session/run_totals.h"
#include "source/replay_source.h"
#include "totals_report.h"
#include "trace/events.h"
#include "truth.h"
#include "world.h"

namespace xenmon::model {

namespace {

std::uint32_t event_mask(Kind kind) {
  switch (kind) {
    case Kind::kStock:
      return event::kDefaultMask;
    case Kind::kStockStates:
      return event::kMaskWithoutSlices;
    case Kind::kPatched:
      return 0x01007000;
    case Kind::kSecond:
      return event::kDispatchMask;
    case Kind::kPatchedPages:
      return 0x0100b000;
    case Kind::kBothUnsaid:
      return 0;
    case Kind::kBoth:
      return event::kDefaultMask | 0x01007000;
    case Kind::kSecondBoth:
      return event::kDefaultMask | event::kDispatchMask;
  }
  return 0;
}

// On a live host it is always known: it has just been set.
std::uint32_t live_mask(Kind kind) {
  return event_mask(kind == Kind::kBothUnsaid ? Kind::kBoth : kind);
}

// Long enough for some tens of samples, short enough for their numbers. The last record must not be at a
// sample's very end: there would be nothing after it that could be published.
std::uint64_t sample_length(const Truth& truth, std::uint64_t seed) {
  Random random(seed ^ 0xedfe);
  std::uint64_t length =
      std::clamp<std::uint64_t>(truth.duration / random.between(1, 60), 200'000, 3'900'000'000);
  while (truth.duration % length == 0) ++length;
  return length;
}

// Beside the recording, as `xenbaked --record` leaves it.
bool write_metadata(const std::string& directory, const History& history) {
  return write_plain(directory + "/history.xentrace.json",
                     "{\"cpu_khz\": " + std::to_string(history.setup.khz) +
                         ", \"event_mask\": " + std::to_string(event_mask(history.kind)) + "}\n");
}

// Nothing but a live host says when its buffers were full.
void lose_in_way(Trace& trace, const Schedule& schedule, std::uint64_t seed, Way way) {
  if (way == Way::kLive) {
    lose_records(trace, schedule, seed);
  } else {
    lose_records(trace, seed);
  }
}

std::string indented(const std::string& heading, const std::string& lines) {
  if (lines.empty()) return {};
  std::string text;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) text += heading + line + '\n';
  return text;
}

} // namespace

void write_records(std::ostream& out, const History& history, Way way, bool lossy) {
  Trace trace = run_history(history);
  const Schedule schedule = make_schedule(trace, history.seed);
  if (lossy) lose_in_way(trace, schedule, history.seed, way);
  for (std::size_t i = 0; i < trace.records.size(); ++i) {
    if (trace.records[i].empty()) continue;
    out << "  records of pCPU " << history.setup.pcpus[i].number << ":\n";
    std::size_t round = 0;
    for (const TraceRecord& record : trace.records[i]) {
      const std::size_t begun = round;
      while (round + 1 < schedule.size() && schedule[round][i] < record.tsc) ++round;
      if (round != begun && way != Way::kPlain) out << "    round " << round << '\n';
      out << "    ";
      if (record.timed) {
        out << record.tsc - history.setup.first_tsc;
      } else {
        out << '-';
      }
      out << std::hex << ' ' << record.event;
      for (std::uint32_t word = 0; word < record.words; ++word) out << ' ' << record.word[word];
      out << std::dec << '\n';
    }
  }
}

std::string Checker::check(const History& history, Way way, bool lossy) {
  Trace trace = run_history(history);
  const Schedule schedule = make_schedule(trace, history.seed);
  if (lossy) lose_in_way(trace, schedule, history.seed, way);
  const Rounds rounds = make_rounds(trace, schedule, history.seed);
  const std::string path = directory_ + (way == Way::kXz ? "/history.xentrace.xz" : "/history.xentrace");
  if (way != Way::kLive) {
    const std::string recording = recording_of(rounds);
    if (recording.empty()) return {};
    const bool written = way == Way::kXz ? write_xz(path, recording) : write_plain(path, recording);
    // Otherwise the first records of each kind are distinguished too late.
    const bool told = history.kind != Kind::kBoth || write_metadata(directory_, history);
    if (history.kind != Kind::kBoth) std::filesystem::remove(directory_ + "/history.xentrace.json");
    if (!written || !told) return path + " cannot be written\n";
  }
  const auto open = [&]() -> Result<std::unique_ptr<Source>> {
    if (way == Way::kLive)
      return std::unique_ptr<Source>(std::make_unique<LiveRounds>(
          rounds, history.setup.khz, live_mask(history.kind), is_second(history.kind)));
    return open_replay({path, history.setup.khz});
  };
  std::string differences;
  const auto check_view = [&](View view) {
    const bool stock = view == View::kStock;
    const std::string by =
        has_both(history.kind) ? (stock ? "by Xen's records: " : "by the patches' records: ") : "";
    const Truth whole = tell_truth(trace, view, 0);
    if (whole.records == 0 || whole.domains.empty()) return;
    {
      Result<std::unique_ptr<Source>> source = open();
      if (!source) {
        differences += source.error().message + '\n';
        return;
      }
      const Result<TraceTotals> totals =
          run_totals(**source, stock && has_both(history.kind), nullptr, stop_);
      if (!totals) {
        differences += totals.error().message + '\n';
        return;
      }
      std::ostringstream json;
      write_json(json, *totals);
      if (lossy) {
        differences += indented(
            by + "totals: ", compare_lossy(tell_whole_truth(trace, view), trace.lost,
                                           history.setup.khz == 1'000'000 ? 0 : trace.lost + 1, json.str()));
        return;
      }
      differences += indented(by + "totals: ", compare_totals(whole, json.str()));
    }
    if (whole.duration == 0) return; // there is no sample then
    SessionOptions options;
    options.sample_ns = sample_length(whole, history.seed);
    options.history_ns = whole.duration + options.sample_ns;
    options.region = directory_ + "/region";
    options.speed = 0;
    options.stock_records = stock && has_both(history.kind);
    Result<std::unique_ptr<Source>> source = open();
    if (!source) {
      differences += source.error().message + '\n';
      return;
    }
    if (const Status ran = run_session(**source, options, nullptr, stop_); !ran) {
      differences += ran.error().message + '\n';
      return;
    }
    differences +=
        indented(by + "region: ", compare_region(tell_truth(trace, view, options.sample_ns), options.region));
  };
  if (has_stock(history.kind)) check_view(View::kStock);
  if (has_patched(history.kind)) check_view(View::kPatched);
  return differences;
}

} // namespace xenmon::model
