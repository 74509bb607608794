// SPDX-License-Identifier: GPL-2.0-or-later
//
// xenmon: shows where each domain's time goes. The one place where errors end from which the program cannot
// continue.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "command_line/capture_options.h"
#include "command_line/options.h"
#include "command_line/plot_options.h"
#include "process/last_words.h"
#include "process/signals.h"
#include "run/front_end.h"
#include "run/run_capture.h"
#include "run/run_plot.h"
#include "screen/terminal.h"
#include "text.h"

namespace {

int fail(const xenmon::Error& error) {
  std::fprintf(stderr, "xenmon: %s\n", xenmon::printable_lines(error.message).c_str());
  return static_cast<int>(error.status);
}

int print(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  return written ? 0 : fail(xenmon::system_error("cannot write to standard output"));
}

// If a shell closed a standard descriptor (2>&-), the first file that we open would take its place and get
// output that is not meant for it. So a descriptor that can be neither read nor written takes that place.
void fill_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    [[maybe_unused]] const int same = open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// The publisher exits before its failure is reported, so that nothing comes after the sentence.
xenmon::Status run(const xenmon::Options& options) {
  if (options.live) {
    // Before a daemon is started in vain.
    if (xenmon::Status status = xenmon::Terminal::check(); !status) return status;
  }
  xenmon::catch_signals(options.live || options.once ? xenmon::Hangup::kEnd : xenmon::Hangup::kReopenFiles);
  auto publisher = xenmon::find_publisher(xenmon::publisher_settings(options));
  if (!publisher) return publisher.error();
  if (!publisher->notice.empty()) std::fprintf(stderr, "xenmon: %s\n", publisher->notice.c_str());
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
  return fail(xenmon::run_capture(std::get<xenmon::CaptureRequest>(*parsed)));
}

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "capture") return capture({argv + 2, argv + argc});
  if (argc > 1 && std::string_view(argv[1]) == "plot") return plot({argv + 2, argv + argc});
  const auto parsed = xenmon::parse_options(argc, argv);
  if (!parsed) return fail(parsed.error());
  if (const auto* information = std::get_if<xenmon::Information>(&*parsed)) return print(information->text);
  const xenmon::Status status = run(std::get<xenmon::Options>(*parsed));
  return status ? 0 : fail(status.error());
}

} // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
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
