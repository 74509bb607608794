// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/run_plot.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <utility>

#include "base/counted.h"
#include "base/unfinished_file.h"
#include "journal.h"
#include "plot/gnuplot.h"
#include "plot/log_reader.h"
#include "text.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

constexpr std::size_t kMostPoints = 800; // about as many as the page has pixels

void say(const std::string& sentence) {
  std::fputs(message_lines("xenmon", Priority::kWarning, printable_lines(sentence)).c_str(), stderr);
}

// The contents of the chosen span of one log, or of the logs of one run.
Result<std::vector<Series>> read_logs(const std::vector<std::string>& paths, const Span& span) {
  std::vector<LogPart> parts;
  std::uint64_t malformed = 0;
  std::string first;
  for (const std::string& path : paths) {
    auto file = read_log(path);
    if (!file) return file.error();
    if (malformed == 0 && file->malformed_lines > 0)
      first = "line " + std::to_string(file->first_malformed) + " of " + printable(path);
    malformed += file->malformed_lines;
    std::move(file->parts.begin(), file->parts.end(), std::back_inserter(parts));
  }
  LogSeries all = assemble(std::move(parts));
  if (malformed == 1) {
    say(first + " is malformed or cut short and was left out.");
  } else if (malformed > 1) {
    say(std::to_string(malformed) +
        " lines are malformed or cut short and were left out, the first of them " + first + ".");
  }
  if (all.intervals_with_losses > 0) {
    say("trace records were lost in " + std::to_string(all.intervals_with_losses) + " of " +
        counted(all.intervals, "interval") + "; figures are too low there.");
  }
  keep_span(all.series, span);
  return std::move(all.series);
}

// A column for each setting, in the order in which they were named.
Result<std::vector<PlotColumn>> read_runs(const PlotOptions& options) {
  std::vector<std::pair<std::string, RunMeans>> settings;
  for (const std::string& directory : options.logs) {
    const auto run = find_run(directory);
    if (!run) return run.error();
    const auto series = read_logs(run->logs, options.span);
    if (!series) return series.error();
    auto home = std::find_if(settings.begin(), settings.end(),
                             [&run](const auto& other) { return other.first == run->setting; });
    if (home == settings.end()) home = settings.insert(settings.end(), {run->setting, {}});
    home->second.add(run->number, *series);
  }
  std::vector<PlotColumn> columns;
  for (auto& [setting, means] : settings) {
    const std::string title = settings.size() > 1 ? std::filesystem::path(setting).filename().string() : "";
    columns.push_back({printable(title), means.take()});
  }
  return columns;
}

Result<std::vector<PlotColumn>> read_columns(const PlotOptions& options) {
  if (!options.settings.against.empty()) return read_runs(options);
  auto series = read_logs(options.logs, options.span);
  if (!series) return series.error();
  return std::vector<PlotColumn>{{"", std::move(*series)}};
}

bool is_asked_for(const std::string& word, const Series& series) {
  return word == series.name || word == std::to_string(series.domid) ||
         (series.domid == XENMON_DOMID_IDLE && (word == "Idle" || word == "idle"));
}

Status print(std::string_view text) {
  ::signal(SIGPIPE, SIG_IGN); // a pipe that nobody reads is an error of the write
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return system_error("cannot write standard output");
  return ok();
}

} // namespace

Status select_domains(const PlotOptions& options, std::vector<PlotColumn>& columns) {
  const auto erase_empty = [&columns] {
    std::erase_if(columns, [](const PlotColumn& column) { return column.series.empty(); });
    return columns.empty();
  };
  if (erase_empty()) return Error{"there is no record of any domain in these logs; nothing was drawn."};
  for (const std::string& word : options.domains) {
    if (std::none_of(columns.begin(), columns.end(), [&](const PlotColumn& column) {
          return std::any_of(column.series.begin(), column.series.end(),
                             [&](const Series& one) { return is_asked_for(word, one); });
        })) {
      return Error{"there is no domain \"" + printable(word) +
                   "\" in these logs; name one, or give its id where the logs have no names."};
    }
  }
  for (PlotColumn& column : columns) {
    std::erase_if(column.series, [&options](const Series& one) {
      const bool idle = one.domid == XENMON_DOMID_IDLE;
      if (idle && options.idle) return false;
      if (options.domains.empty()) return idle;
      return std::none_of(options.domains.begin(), options.domains.end(),
                          [&](const std::string& word) { return is_asked_for(word, one); });
    });
  }
  if (erase_empty()) return Error{"these logs contain only the idle domain; use --idle to plot it."};
  return ok();
}

Status write_picture(const std::string& path, std::string_view content) {
  const std::string name = "the picture " + printable(path);
  struct stat present {};
  if (lstat(path.c_str(), &present) == 0 && !S_ISREG(present.st_mode)) {
    return Error{name +
                 " would replace something that is not a regular file; remove it or choose another name."};
  }
  errno = replace_file(path, content, 0666);
  return errno == 0 ? ok() : system_error("cannot write " + name);
}

Status run_plot(const PlotOptions& options) {
  auto columns = read_columns(options);
  if (!columns) return columns.error();
  if (Status selected = select_domains(options, *columns); !selected) return selected;
  if (options.settings.against.empty()) condense(columns->front().series, kMostPoints);
  const std::string script = plot_script(*columns, options.settings);
  if (options.script) return print(script);
  const auto picture = run_gnuplot(script, options.settings.terminal);
  if (!picture) return picture.error();
  return options.output == "-" ? print(*picture) : write_picture(options.output, *picture);
}

} // namespace xenmon
