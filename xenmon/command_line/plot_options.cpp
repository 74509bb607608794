// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/plot_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "base/option_values.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr double kLongestTimeS = 1e9;

constexpr char kHelp[] =
    R"(Usage: xenmon plot [OPTION]... LOG... -o FILE
Draws what xenmon -n and xenmon --format wrote, each domain's figures against time. It needs gnuplot.

  -o, --output FILE       the picture: FILE.svg, FILE.png or FILE.pdf; - is SVG on standard output
      --figure FIGURE     draw only this figure; may be repeated (all figures): gotten,
                          blocked, waited, io, io-per-execution, executions, time-per-execution
      --domain DOMAIN     draw only the domain with this name or id; may be repeated (all domains
                          but the idle one)
      --idle              also draw the idle domain
      --from SECONDS      leave out intervals before this time, in each log
      --until SECONDS     leave out intervals after this time
      --against TEXT      draw each domain's means over several runs against a number, such as the load:
                          LOG... are directories of logs named by that number, and TEXT says what it
                          is; runs in another directory get a column of their own, SETTING/NUMBER
      --title TEXT        a title above the plot
      --script            print the script for gnuplot, with the data, instead of running it

  -V, --version           print the version and exit
  -?, -h, --help          print this help and exit

LOG - is standard input. The logs may be of any form, mixed as you like, and may still be growing.
)";

Error usage(const std::string& sentence) {
  return {sentence, ExitStatus::kUsage};
}

template <class T>
void drop_repeated(std::vector<T>& items) {
  std::vector<T> once;
  for (T& item : items) {
    if (std::find(once.begin(), once.end(), item) == once.end()) once.push_back(std::move(item));
  }
  items = std::move(once);
}

Status choose_metrics(const std::vector<std::string>& names, std::vector<Metric>& metrics) {
  for (const std::string& name : names) {
    const auto found = std::find_if(kPlotMetrics.begin(), kPlotMetrics.end(),
                                    [&name](Metric metric) { return name == info_of(metric).plot; });
    if (found == kPlotMetrics.end()) {
      std::string known;
      for (const Metric metric : kPlotMetrics)
        known += (known.empty() ? "" : ", ") + std::string(info_of(metric).plot);
      return usage("option --figure takes one of " + known + ", not \"" + printable(name) + "\".");
    }
    metrics.push_back(*found);
  }
  if (names.empty()) metrics.assign(kPlotMetrics.begin(), kPlotMetrics.end());
  drop_repeated(metrics);
  return ok();
}

Status choose_terminal(const std::string& output, PlotTerminal& terminal) {
  if (output.empty() || output == "-" || output.ends_with(".svg")) {
    terminal = PlotTerminal::kSvg;
  } else if (output.ends_with(".png")) {
    terminal = PlotTerminal::kPng;
  } else if (output.ends_with(".pdf")) {
    terminal = PlotTerminal::kPdf;
  } else {
    return usage("option --output takes a name that ends in .svg, .png or .pdf, or -, not \"" +
                 printable(output) + "\".");
  }
  return ok();
}

// As CLI11 takes them.
struct Times {
  std::string from, until;
};

Status read_time(const char* option, const std::string& text, std::optional<double>& seconds) {
  seconds = parse_number(text, 0, kLongestTimeS);
  if (seconds) return ok();
  return usage(std::string("option ") + option + " takes seconds from 0 to 1000000000, such as 2.5, not \"" +
               printable(text) + "\".");
}

Status check(const CLI::App& app, const std::vector<std::string>& metrics, const Times& times,
             PlotOptions& options) {
  if (options.logs.empty()) return usage("name the logs to draw, as in: xenmon plot log-*.log -o plot.svg.");
  drop_repeated(options.logs);
  if (app.count("--against") > 0 && options.settings.against.empty())
    return usage("option --against takes a text, as in --against \"requests per second\".");
  if (app.count("--from") > 0) {
    if (Status read = read_time("--from", times.from, options.span.from_s); !read) return read;
  }
  if (app.count("--until") > 0) {
    if (Status read = read_time("--until", times.until, options.span.until_s); !read) return read;
  }
  if (options.span.from_s && options.span.until_s && *options.span.from_s >= *options.span.until_s)
    return usage("option --from takes a time before that of --until.");
  const bool output_given = app.count("--output") > 0;
  if (!output_given && !options.script) return usage("name the picture to draw with --output FILE.svg.");
  if (output_given && options.output.empty()) return usage("option --output takes a file's name, or -.");
  if (Status chosen = choose_terminal(options.output, options.settings.terminal); !chosen) return chosen;
  return choose_metrics(metrics, options.settings.metrics);
}

} // namespace

Result<std::variant<PlotOptions, Information>> parse_plot_options(std::vector<std::string> words) {
  PlotOptions options;
  std::vector<std::string> metrics;
  Times times;
  CLI::App app("", "xenmon plot");
  app.set_help_flag("-?,-h,--help");
  app.set_version_flag("-V,--version", "xenmon " XENMON_PROGRAM_VERSION);
  app.add_option("logs", options.logs);
  // One value for each, so that a log after it is a log.
  app.add_option("--figure", metrics)->allow_extra_args(false);
  app.add_option("--domain", options.domains)->allow_extra_args(false);
  for (CLI::Option* option :
       {app.add_option("-o,--output", options.output), app.add_option("--title", options.settings.title),
        app.add_option("--from", times.from), app.add_option("--until", times.until),
        app.add_option("--against", options.settings.against), app.add_flag("--idle", options.idle),
        app.add_flag("--script", options.script)}) {
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  for (const std::string& word : words) {
    if (const std::string sentence = nothing_after_equals(word); !sentence.empty())
      return usage(printable(sentence));
  }
  try {
    std::reverse(words.begin(), words.end()); // as CLI11 takes a vector
    app.parse(std::move(words));
  } catch (const CLI::CallForVersion& call) {
    return std::variant<PlotOptions, Information>(Information{std::string(call.what()) + "\n"});
  } catch (const CLI::CallForHelp&) {
    return std::variant<PlotOptions, Information>(Information{kHelp});
  } catch (const CLI::Error& error) {
    const std::string sentence = value_missing(error.what());
    return usage(sentence.empty() ? as_sentence(error.what()) : sentence);
  }
  const Status status = check(app, metrics, times, options);
  if (!status) return status.error();
  return std::variant<PlotOptions, Information>(std::move(options));
}

} // namespace xenmon
