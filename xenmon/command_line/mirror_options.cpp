// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/mirror_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "text.h"

namespace xenmon {

Result<MirrorOptions> parse_mirror_options(std::vector<std::string> words) {
  MirrorOptions options;
  CLI::App app("", "xenmon mirror");
  app.add_option("--region", options.region)->required();
  app.add_option("--host", options.host);
  app.add_option("--connect", options.connect);
  app.add_flag("--keep", options.keep);
  app.add_option("--ready-fd", options.ready);
  try {
    std::reverse(words.begin(), words.end()); // as CLI11 takes a vector
    app.parse(std::move(words));
  } catch (const CLI::Error& error) {
    return Error{as_sentence(error.what()), ExitStatus::kUsage};
  }
  if (options.host.empty() == options.connect.empty())
    return Error{"xenmon mirror takes either --host or --connect; use xenmon --host HOST.",
                 ExitStatus::kUsage};
  return options;
}

} // namespace xenmon
