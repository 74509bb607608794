// SPDX-License-Identifier: GPL-2.0-or-later
#include <filesystem>
#include <iostream>

#include "daemon.h"
#include "options.h"
#include "source/live_source.h"
#include "source/recorder.h"
#include "source/replay_source.h"
#include "stop_flag.h"
#include "text.h"
#include "totals_report.h"

namespace xenmon {
namespace {

Result<std::unique_ptr<Source>> open_source(const CommandOptions& options) {
  if (!options.replay.empty()) return open_replay({options.replay, options.cpu_khz});
  LiveOptions live;
  live.event_mask = options.event_mask;
  live.without_slices = options.without_slices;
  live.stock_records = options.daemon.stock_records;
  return LiveSource::open(live);
}

Status run(const CommandOptions& options) {
  StopFlag stop;
  Result<std::unique_ptr<Source>> source = open_source(options);
  if (!source) return source.error();
  std::unique_ptr<Recorder> recorder;
  if (!options.record.empty()) {
    std::error_code ignored;
    if (std::filesystem::equivalent(options.record, options.replay, ignored)) {
      return Error{
          "--record " + options.record + " would overwrite the recording that is played; name another file.",
          ExitStatus::kUsage};
    }
    Result<std::unique_ptr<Recorder>> made = Recorder::create(options.record, (*source)->origin());
    if (!made) return made.error();
    recorder = std::move(*made);
  }
  Status result = ok();
  if (options.totals == TotalsFormat::kNone) {
    result = run_daemon(**source, options.daemon, recorder.get(), stop);
  } else {
    Result<TraceTotals> totals = run_totals(**source, options.daemon.stock_records, recorder.get(), stop);
    if (!totals) {
      result = totals.error();
    } else {
      (options.totals == TotalsFormat::kJson ? write_json : write_text)(std::cout, *totals);
      std::cout.flush();
      if (!std::cout) result = Error{"Cannot write the totals to standard output.", ExitStatus::kFailed};
    }
  }
  if (recorder) {
    if (Status finished = recorder->finish(); !finished && result) result = finished;
  }
  if (Status closed = (*source)->close(); !closed && result) result = closed;
  if (const std::optional<std::string> damage = (*source)->damage(); damage && result)
    result = Error{*damage, ExitStatus::kFailed};
  return result;
}

} // namespace
} // namespace xenmon

int main(int argc, char** argv) {
  const xenmon::CommandLine command = xenmon::parse_command_line(argc, argv);
  if (!command.run) {
    if (command.status == xenmon::ExitStatus::kOk) {
      std::cout << command.text;
    } else {
      std::cerr << "xenbaked: " << xenmon::printable_lines(command.text) << '\n';
    }
    return static_cast<int>(command.status);
  }
  const xenmon::Status result = xenmon::run(command.options);
  if (!result) {
    std::cerr << "xenbaked: " << xenmon::printable_lines(result.error().message) << '\n';
    return static_cast<int>(result.error().status);
  }
  return 0;
}
