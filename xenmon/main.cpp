// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenmon: shows where each domain's time goes. The one place where errors end from which the program cannot
// continue.
#include <cstdio>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/standard_descriptors.h"
#include "command_line/capture_options.h"
#include "command_line/mirror_options.h"
#include "command_line/options.h"
#include "command_line/plot_options.h"
#include "command_line/serve_options.h"
#include "command_line/timeline_options.h"
#include "journal.h"
#include "process/last_words.h"
#include "process/signals.h"
#include "run/front_end.h"
#include "run/run_mirror.h"
#include "run/run_plot.h"
#include "run/run_serve.h"
#include "run/run_xenbaked.h"
#include "screen/terminal.h"
#include "text.h"

namespace {

int fail(const xenmon::Error& error) {
  std::fputs(xenmon::message_lines("xenmon", xenmon::Priority::kError, xenmon::printable_lines(error.message))
                 .c_str(),
             stderr);
  return static_cast<int>(error.status);
}

int print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : fail(xenmon::system_error("cannot write to standard output"));
}

// The publisher exits before its failure is reported, so that nothing comes after the sentence.
xenmon::Status run(const xenmon::Options& options) {
  if (options.live) {
    // Before a daemon is started in vain.
    if (xenmon::Status status = xenmon::Terminal::check(); !status) return status;
  }
  xenmon::catch_signals(options.live || options.once ? xenmon::Hangup::kEnd : xenmon::Hangup::kReopenFiles);
  if (options.hosts.size() > 1)
    return options.once ? xenmon::run_once_of_hosts(options) : xenmon::run_screen_of_hosts(options);
  auto publisher = xenmon::find_publisher(xenmon::publisher_settings(options));
  if (!publisher) return publisher.error();
  if (!publisher->notice.empty())
    std::fputs(xenmon::message_lines("xenmon", xenmon::Priority::kNotice, publisher->notice).c_str(), stderr);
  if (options.slow_wait_ns) return xenmon::run_slow_waits(options, *publisher);
  if (options.once) return xenmon::run_once(options, *publisher);
  return options.live ? xenmon::run_screen(options, *publisher) : xenmon::run_log(options, *publisher);
}

int plot(std::vector<std::string> words) {
  const auto parsed = xenmon::parse_plot_options(std::move(words));
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::Information>(&*parsed)) return print(information->text);
  const xenmon::Status status = xenmon::run_plot(std::get<xenmon::PlotOptions>(*parsed));
  return status ? 0 : fail(status.error());
}

int capture(std::vector<std::string> words) {
  const auto parsed = xenmon::parse_capture_options(std::move(words));
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::Information>(&*parsed)) return print(information->text);
  return fail(xenmon::run_xenbaked(std::get<xenmon::XenbakedRequest>(*parsed)));
}

int timeline(std::vector<std::string> words) {
  const auto parsed = xenmon::parse_timeline_options(std::move(words));
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::Information>(&*parsed)) return print(information->text);
  return fail(xenmon::run_xenbaked(std::get<xenmon::XenbakedRequest>(*parsed)));
}

int serve(std::vector<std::string> words) {
  const auto parsed = xenmon::parse_serve_options(std::move(words));
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::Information>(&*parsed)) return print(information->text);
  const xenmon::Status status = xenmon::run_serve(std::get<xenmon::ServeOptions>(*parsed));
  return status ? 0 : fail(status.error());
}

int mirror(std::vector<std::string> words) {
  const auto parsed = xenmon::parse_mirror_options(std::move(words));
  return fail(parsed ? xenmon::run_mirror(*parsed) : parsed.error());
}

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "capture") return capture({argv + 2, argv + argc});
  if (argc > 1 && std::string_view(argv[1]) == "plot") return plot({argv + 2, argv + argc});
  if (argc > 1 && std::string_view(argv[1]) == "serve") return serve({argv + 2, argv + argc});
  if (argc > 1 && std::string_view(argv[1]) == "timeline") return timeline({argv + 2, argv + argc});
  if (argc > 1 && std::string_view(argv[1]) == "mirror") return mirror({argv + 2, argv + argc});
  const auto parsed = xenmon::parse_options(argc, argv);
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::Information>(&*parsed)) return print(information->text);
  const xenmon::Status status = run(std::get<xenmon::Options>(*parsed));
  return status ? 0 : fail(status.error());
}

} // namespace

int main(int argc, char** argv) {
  xenmon::occupy_standard_descriptors();
  xenmon::keep_a_reserve();
  int status = static_cast<int>(xenmon::ExitStatus::kFailed);
  try {
    xenmon::catch_failures();
    status = run(argc, argv);
  } catch (const std::bad_alloc&) {
    // Everything has been cleaned up on the way here.
    xenmon::end_at_once(xenmon::kNoMemory);
  }
  if (const int signal = xenmon::signal_to_end_by(); signal != 0) xenmon::die_of(signal);
  return status;
}
