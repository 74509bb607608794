// SPDX-License-Identifier: GPL-2.0-or-later
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <new>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/standard_descriptors.h"
#include "base/trace_time.h"
#include "end_watch.h"
#include "fatal_signals.h"
#include "flight/capture.h"
#include "flight/flight_recorder.h"
#include "flight/flight_source.h"
#include "options.h"
#include "publish/region_file.h"
#include "rights.h"
#include "session/message.h"
#include "session/run_session.h"
#include "session/run_totals.h"
#include "session/service_manager.h"
#include "session/stop_flag.h"
#include "source/live_source.h"
#include "source/pending_file.h"
#include "source/record_keeper.h"
#include "source/recorder.h"
#include "source/replay_source.h"
#include "timeline/run_timeline.h"
#include "totals_report.h"

namespace xenmon {
namespace {

ExitStatus fail(const Error& error) {
  print_message(error.message, Priority::kError);
  return error.status;
}

// Times of day of a flight recorder's directory as times of the recording. `at_ns` is that of the first one
// that was given. The end is after the beginning.
void set_range(TimelineRequest& request, std::uint64_t at_ns, std::uint64_t wall_epoch_ns) {
  if (request.from_day) request.from_ns = at_ns;
  if (!request.until_day) return;
  request.until_ns = at_ns;
  if (!request.from_ns) return;
  const std::uint64_t from_wall_ns = wall_epoch_ns + *request.from_ns;
  request.until_ns = request.until_day->after(from_wall_ns) - wall_epoch_ns;
}

// The directory of a flight recorder. A time of day becomes one of the recording.
Result<std::unique_ptr<Source>> open_flight_source(CommandOptions& options) {
  if (options.follow || options.session.loop)
    return Error{"--follow and --loop are for a file, not for the directory of a flight recorder.",
                 ExitStatus::kUsage};
  std::optional<DayTime> at = options.held_at_day;
  if (options.timeline)
    at = options.timeline->from_day ? options.timeline->from_day : options.timeline->until_day;
  Result<FlightReplay> replay = open_flight(options.replay, at, options.cpu_khz);
  if (!replay) return replay.error();
  if (options.timeline) {
    set_range(*options.timeline, replay->at_ns.value_or(0), replay->source->origin().wall_epoch_ns);
  } else if (replay->at_ns) {
    options.session.held_at_ns = replay->at_ns;
  }
  return std::move(replay->source);
}

Result<std::unique_ptr<Source>> open_source(CommandOptions& options, TracingKeeper& keeper,
                                            const StopFlag& stop) {
  std::error_code ignored;
  if (std::filesystem::is_directory(options.replay, ignored)) return open_flight_source(options);
  const bool with_date =
      options.timeline && ((options.timeline->from_day && options.timeline->from_day->date) ||
                           (options.timeline->until_day && options.timeline->until_day->date));
  if (with_date)
    return Error{"--from and --until with a date are for the directory of a flight recorder.",
                 ExitStatus::kUsage};
  if (options.held_at_day && options.held_at_day->date)
    return Error{"--held-at with a date is for the directory of a flight recorder.", ExitStatus::kUsage};
  if (!options.replay.empty()) {
    explain_bus_errors();
    return open_replay(
        {options.replay, options.cpu_khz, stop.descriptor(), options.follow, options.flight.has_value()});
  }
  LiveOptions live;
  live.event_mask = options.event_mask;
  live.without_slices = options.without_slices;
  live.stock_records = options.session.stock_records;
  live.keeper = &keeper;
  return LiveSource::open(live);
}

// To standard output, which may be a pipe that nobody reads.
Status print(std::string_view text, const StopFlag& stop) {
  while (!text.empty()) {
    std::array<pollfd, 2> entries{{{STDOUT_FILENO, POLLOUT, 0}, {stop.descriptor(), POLLIN, 0}}};
    if (poll(entries.data(), entries.size(), -1) < 0 && errno != EINTR) break;
    if (entries[0].revents == 0 && stop.raised())
      return Error{"Stopped before everything was written to standard output.", ExitStatus::kFailed};
    if (entries[0].revents == 0) continue;
    // This much fits into a pipe that is ready, without waiting.
    const ssize_t written = write(STDOUT_FILENO, text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    if (written < 0 && errno != EINTR && errno != EAGAIN)
      return system_error("Cannot write to standard output");
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ok();
}

Status print_totals(Source& source, const CommandOptions& options, RecordKeeper* recorder, StopFlag& stop) {
  if (Status confined = give_up_system_calls(options); !confined) return confined;
  Result<TraceTotals> totals = run_totals(source, options.session.stock_records, recorder, stop);
  if (!totals) return totals.error();
  std::ostringstream text;
  (options.totals == TotalsFormat::kJson ? write_json : write_text)(text, *totals);
  return print(text.view(), stop);
}

Status make_timeline(Source& source, const CommandOptions& options, StopFlag& stop) {
  const TimelineRequest& request = *options.timeline;
  TimelineOptions wanted = request.options;
  wanted.range.from_ns = request.from_ns.value_or(0);
  wanted.range.until_ns = request.until_ns.value_or(kTraceEnd);
  if (wanted.range.from_ns >= wanted.range.until_ns)
    return Error{"--from is not before --until; give them in order.", ExitStatus::kUsage};
  Result<PendingFile> file = PendingFile::create(request.file);
  if (!file) return file.error();
  if (Status confined = give_up_system_calls(options); !confined) return confined;
  const Result<std::string> made = run_timeline(source, wanted, *file, stop);
  if (!made) return made.error();
  return print(*made, stop);
}

// What a killed process has left of Xen's tracing.
ExitStatus restore(const CommandOptions& options, TracingKeeper& keeper) {
  // The process that has the lock will restore it itself.
  RegionPlace::Options place;
  place.path = options.session.region;
  if (const Result<RegionPlace> locked = RegionPlace::open(place); !locked) return fail(locked.error());
  const Result<bool> restored = LiveSource::restore(keeper);
  if (!restored) return fail(restored.error());
  print_message(*restored ? "Xen's tracing is again as it was before the xenbaked that was killed."
                          : "There is nothing to restore: the last xenbaked here left nothing behind.",
                Priority::kInformation);
  return ExitStatus::kOk;
}

ExitStatus run(CommandOptions options, TracingKeeper& keeper, StopFlag& stop, ServiceManager& service) {
  if (options.restore) return restore(options, keeper);
  if (options.capture) {
    const Result<std::string> captured = capture(*options.capture);
    if (!captured) return fail(captured.error());
    const Status printed = print(*captured, stop);
    return printed ? ExitStatus::kOk : fail(printed.error());
  }
  Result<std::unique_ptr<Source>> source = open_source(options, keeper, stop);
  if (!source) return fail(source.error());
  std::unique_ptr<Recorder> recorder;
  if (!options.record.empty()) {
    std::error_code ignored;
    if (std::filesystem::equivalent(options.record, options.replay, ignored)) {
      return fail({"--record " + options.record +
                       " would overwrite the recording that is being played; name another file.",
                   ExitStatus::kUsage});
    }
    Result<std::unique_ptr<Recorder>> made = Recorder::create(options.record, (*source)->origin());
    if (!made) return fail(made.error());
    recorder = std::move(*made);
  }
  std::unique_ptr<FlightRecorder> flight;
  if (options.flight) {
    std::error_code ignored;
    if (std::filesystem::equivalent(options.flight->directory, options.replay, ignored)) {
      return fail({"--flight-dir " + options.flight->directory +
                       " is the flight recording that is being played; name another directory.",
                   ExitStatus::kUsage});
    }
    Result<std::unique_ptr<FlightRecorder>> made =
        FlightRecorder::create(*options.flight, (*source)->origin());
    if (!made) return fail(made.error());
    flight = std::move(*made);
  }
  std::vector<RecordKeeper*> all;
  if (recorder) all.push_back(recorder.get());
  if (flight) all.push_back(flight.get());
  RecordKeepers keepers(all);
  RecordKeeper* const kept_by = all.empty() ? nullptr : &keepers;
  ExitStatus status = ExitStatus::kOk;
  // The first failure decides the status; any other failure is reported, too.
  const auto settle = [&](const Status& done) {
    if (done) return;
    const ExitStatus failed = fail(done.error());
    if (status == ExitStatus::kOk) status = failed;
  };
  const SessionProcess process{&service, [&options] { return give_up_system_calls(options); }};
  settle(options.timeline ? make_timeline(**source, options, stop)
         : options.totals == TotalsFormat::kNone
             ? run_session(**source, options.session, kept_by, stop, process)
             : print_totals(**source, options, kept_by, stop));
  service.stopping();
  // Before waiting for the disk.
  settle((*source)->close());
  // An empty recording of a session that could not begin would replace one that is there.
  if (recorder && (status == ExitStatus::kOk || !recorder->has_nothing())) {
    settle(recorder->finish());
    if (recorder->failed() && status == ExitStatus::kOk) status = ExitStatus::kFailed; // it has been said
  }
  if (flight) {
    flight->finish();
    if (const std::optional<Error> error = flight->take_error()) print_message(error->message);
  }
  if (const std::optional<std::string> damage = (*source)->damage())
    settle(Error{*damage, ExitStatus::kFailed});
  return status;
}

ExitStatus run_watched(const CommandOptions& options) {
  if (const Status given_up = give_up_root(options); !given_up) return fail(given_up.error());
  ServiceManager service;
  StopFlag stop;
  TracingKeeper keeper(options.session.region + ".found");
  const EndWatch watch(stop.descriptor(), [&keeper] {
    const std::optional<FoundTracing> found = keeper.current();
    if (!found) return;
    const std::unique_ptr<Hypervisor> hypervisor = make_xen_hypervisor();
    if (hypervisor->open_control() != 0) return;
    if (restore_tracing(*hypervisor, found->event_mask, found->on)) keeper.forget();
  });
  try {
    return run(options, keeper, stop, service);
  } catch (const std::bad_alloc&) {
    return fail({"Not enough memory; provide more, or play a plain file instead of a compressed one.",
                 ExitStatus::kFailed});
  }
}

} // namespace
} // namespace xenmon

int main(int argc, char** argv) {
  xenmon::occupy_standard_descriptors();
  const xenmon::CommandLine command = xenmon::parse_command_line(argc, argv);
  if (!command.run) {
    if (command.status == xenmon::ExitStatus::kOk) {
      std::cout << command.text << std::flush;
      if (!std::cout) {
        xenmon::print_message("Cannot write to standard output.", xenmon::Priority::kError);
        return static_cast<int>(xenmon::ExitStatus::kFailed);
      }
    } else {
      xenmon::print_message(command.text, xenmon::Priority::kError);
    }
    return static_cast<int>(command.status);
  }
  return static_cast<int>(xenmon::run_watched(command.options));
}
