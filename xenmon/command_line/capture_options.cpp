// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/capture_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/day_time.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr char kHelp[] =
    R"(Usage: xenmon capture [--since TIME] [--until TIME] -o FILE
   or: xenmon capture --last TIME -o FILE
Makes a recording of what a flight recorder (xenbaked --flight) has kept, with FILE.json.

      --since TIME        from this time of day: 03:05, 03:05:30, "2026-11-27 03:05"
      --until TIME        up to this time of day
      --last TIME         the last 90s, 2m or 1h instead
      --dir DIR           the flight recorder's directory (/var/lib/xenmon)
  -o, --output FILE       the recording; compressed if the name ends in .zst
      --xenbaked PATH     the xenbaked that makes it

  -V, --version           print the version and exit
  -?, -h, --help          print this help and exit

Times are local. Without a date, a time is the latest one that was recorded.
)";

Error usage(const std::string& sentence) {
  return {sentence, ExitStatus::kUsage};
}

} // namespace

Result<std::variant<XenbakedRequest, Information>> parse_capture_options(std::vector<std::string> words) {
  XenbakedRequest request;
  std::string since;
  std::string until;
  std::string last;
  std::string directory;
  std::string output;
  CLI::App app("", "xenmon capture");
  app.set_help_flag("-?,-h,--help");
  app.set_version_flag("-V,--version", "xenmon " XENMON_PROGRAM_VERSION);
  for (CLI::Option* option :
       {app.add_option("--since", since), app.add_option("--until", until), app.add_option("--last", last),
        app.add_option("--dir", directory), app.add_option("-o,--output", output),
        app.add_option("--xenbaked", request.xenbaked)}) {
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  try {
    std::reverse(words.begin(), words.end()); // as CLI11 takes a vector
    app.parse(std::move(words));
  } catch (const CLI::CallForVersion& call) {
    return std::variant<XenbakedRequest, Information>(Information{std::string(call.what()) + "\n"});
  } catch (const CLI::CallForHelp&) {
    return std::variant<XenbakedRequest, Information>(Information{kHelp});
  } catch (const CLI::Error& error) {
    return usage(as_sentence(error.what()));
  }
  if (output.empty()) return usage("name the recording to make with -o FILE.");
  if (app.count("--last") > 0 && app.count("--since") + app.count("--until") > 0)
    return usage("option --last excludes --since and --until.");
  for (const auto& [option, text] : {std::pair("--since", since), std::pair("--until", until)}) {
    if (app.count(option) > 0 && !parse_day_time(text)) {
      return usage(std::string("option ") + option + " takes " + std::string(kDayTimeRule) + ", not \"" +
                   printable(text) + "\".");
    }
  }
  request.arguments = {"--capture", output};
  for (const auto& [option, text] : {std::pair("--since", since), std::pair("--until", until),
                                     std::pair("--last", last), std::pair("--flight-dir", directory)}) {
    if (!text.empty()) request.arguments.insert(request.arguments.end(), {option, text});
  }
  return std::variant<XenbakedRequest, Information>(std::move(request));
}

} // namespace xenmon
