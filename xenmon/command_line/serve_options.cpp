// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/serve_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "text.h"

namespace xenmon {
namespace {

constexpr char kHelp[] =
    R"(Usage: xenmon serve [--region PATH]
Gives other programs what xenbaked publishes on this host, by Varlink (varlink.org): on standard input and
output, as for ssh HOST xenmon serve, or on a socket that systemd hands over. The interface is xenmon.Host.

      --region PATH       where xenbaked publishes (/run/xenmon/region)

  -V, --version           print the version and exit
  -?, -h, --help          print this help and exit
)";

} // namespace

Result<std::variant<ServeOptions, Information>> parse_serve_options(std::vector<std::string> words) {
  ServeOptions options;
  CLI::App app("", "xenmon serve");
  app.set_help_flag("-?,-h,--help");
  app.set_version_flag("-V,--version", "xenmon " XENMON_PROGRAM_VERSION);
  app.add_option("--region", options.region)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  try {
    std::reverse(words.begin(), words.end()); // as CLI11 takes a vector
    app.parse(std::move(words));
  } catch (const CLI::CallForVersion& call) {
    return std::variant<ServeOptions, Information>(Information{std::string(call.what()) + "\n"});
  } catch (const CLI::CallForHelp&) {
    return std::variant<ServeOptions, Information>(Information{kHelp});
  } catch (const CLI::Error& error) {
    return Error{as_sentence(error.what()), ExitStatus::kUsage};
  }
  if (options.region.empty()) return Error{"option --region takes a path.", ExitStatus::kUsage};
  return std::variant<ServeOptions, Information>(std::move(options));
}

} // namespace xenmon
