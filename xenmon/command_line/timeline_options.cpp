// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/timeline_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/option_values.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr char kHelp[] =
    R"(Usage: xenmon timeline RECORDING [--from TIME] [--until TIME] -o FILE
Makes a timeline of a recording, or of what is in the directory of a flight recorder, to be opened in
Perfetto's viewer (ui.perfetto.dev): each vCPU's states, each CPU, long waits, page exchanges, gaps.

      --from TIME         from this time of the recording: seconds, or 1:30.5; for a flight
                          recorder a time of day, 03:10:30
      --until TIME        up to this time
      --slow-waits TIME   show waits for a CPU of at least TIME as slices (10ms)
      --cpu-khz N         the TSC frequency of the recording's host: kHz, or MHz as
                          xl info prints them, with a decimal point
  -o, --output FILE       the timeline; its name should end in .pftrace
      --xenbaked PATH     the xenbaked that makes it

  -V, --version           print the version and exit
  -?, -h, --help          print this help and exit

RECORDING may be compressed; - is standard input.
)";

Error usage(const std::string& sentence) {
  return {sentence, ExitStatus::kUsage};
}

} // namespace

Result<std::variant<XenbakedRequest, Information>> parse_timeline_options(std::vector<std::string> words) {
  XenbakedRequest request;
  std::string recording;
  std::string from;
  std::string until;
  std::string slow_waits;
  std::string cpu_khz;
  std::string output;
  CLI::App app("", "xenmon timeline");
  app.set_help_flag("-?,-h,--help");
  app.set_version_flag("-V,--version", "xenmon " XENMON_PROGRAM_VERSION);
  app.add_option("recording", recording);
  for (CLI::Option* option :
       {app.add_option("--from", from), app.add_option("--until", until),
        app.add_option("--slow-waits", slow_waits), app.add_option("--cpu-khz", cpu_khz),
        app.add_option("-o,--output", output), app.add_option("--xenbaked", request.xenbaked)}) {
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
    return std::variant<XenbakedRequest, Information>(Information{std::string(call.what()) + "\n"});
  } catch (const CLI::CallForHelp&) {
    return std::variant<XenbakedRequest, Information>(Information{kHelp});
  } catch (const CLI::Error& error) {
    const std::string sentence = value_missing(error.what());
    return usage(sentence.empty() ? as_sentence(error.what()) : sentence);
  }
  if (recording.empty()) return usage("name the recording to make a timeline of.");
  if (output.empty()) return usage("name the timeline to make with -o FILE.");
  request.arguments = {"--replay", recording, "--timeline", output};
  for (const auto& [option, text] :
       {std::pair("--from", from), std::pair("--until", until), std::pair("--slow-waits", slow_waits),
        std::pair("--cpu-khz", cpu_khz)}) {
    if (!text.empty()) request.arguments.insert(request.arguments.end(), {option, text});
  }
  return std::variant<XenbakedRequest, Information>(std::move(request));
}

} // namespace xenmon
