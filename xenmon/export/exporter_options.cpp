// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/exporter_options.h"

#include <CLI/CLI.hpp>

#include "text.h"

namespace xenmon {
namespace {

constexpr char kHelp[] =
    R"(Usage: xenmon-exporter [OPTION]...
Exposes the figures that xenbaked publishes to Prometheus, at /metrics.

      --listen ADDRESS    where to expect scrapes: ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH; may be
                          repeated (the sockets from systemd; without any, 127.0.0.1:10090)
      --textfile FILE     serve nothing; write FILE, as a whole, for node_exporter's textfile
                          collector, and exit
      --every SECONDS     with --textfile: write it again every so many seconds
      --vcpus          also expose each vCPU's times and executions
      --region FILE       the region that xenbaked publishes (/run/xenmon/region)

  -V, --version           print the version and exit
  -?, -h, --help          print this help and exit
)";

constexpr std::uint64_t kMostSeconds = 86'400;

Error usage(const std::string& sentence) {
  return {sentence, ExitStatus::kUsage};
}

Status check(const CLI::App& app, const ExporterOptions& options) {
  if (app.count("--textfile") > 0 && options.textfile.empty())
    return usage("option --textfile takes a file's name.");
  if (!options.textfile.empty() && !options.listen.empty())
    return usage("--textfile writes a file instead of listening; leave out --listen.");
  if (options.every_s && options.textfile.empty()) return usage("option --every needs --textfile FILE.");
  if (options.every_s && (*options.every_s == 0 || *options.every_s > kMostSeconds))
    return usage("option --every takes a number of seconds from 1 to 86400.");
  if (options.region.empty()) return usage("option --region takes a file's name.");
  return ok();
}

} // namespace

Result<std::variant<ExporterOptions, ExporterInformation>> parse_exporter_options(int argc,
                                                                                  const char* const* argv) {
  using Parsed = std::variant<ExporterOptions, ExporterInformation>;
  ExporterOptions options;
  CLI::App app("", "xenmon-exporter");
  app.set_help_flag("-?,-h,--help");
  app.set_version_flag("-V,--version", "xenmon-exporter " XENMON_PROGRAM_VERSION);
  app.add_option("--listen", options.listen)->allow_extra_args(false);
  for (CLI::Option* option :
       {app.add_option("--textfile", options.textfile), app.add_option("--every", options.every_s),
        app.add_option("--region", options.region), app.add_flag("--vcpus", options.vcpus)}) {
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& call) {
    return Parsed(ExporterInformation{std::string(call.what()) + "\n"});
  } catch (const CLI::CallForHelp&) {
    return Parsed(ExporterInformation{kHelp});
  } catch (const CLI::Error& error) {
    return usage(as_sentence(error.what()));
  }
  if (Status status = check(app, options); !status) return status.error();
  return Parsed(std::move(options));
}

} // namespace xenmon
