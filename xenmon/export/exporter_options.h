// SPDX-License-Identifier: GPL-2.0-or-later
//
// The command line of xenmon-exporter.
#ifndef XENMON_XENMON_EXPORT_EXPORTER_OPTIONS_H
#define XENMON_XENMON_EXPORT_EXPORTER_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "xenmon/region.h"

namespace xenmon {

// Where it listens if neither systemd nor the command line says.
inline constexpr const char* kDefaultListen = "127.0.0.1:10090";

struct ExporterOptions {
  std::string region = XENMON_DEFAULT_REGION;
  std::vector<std::string> listen;      // as listen_on() takes them
  std::string textfile;                 // "": serve
  std::optional<std::uint64_t> every_s; // with textfile: again and again; none: once
  bool vcpus = false;                   // also series for each vCPU
};

// The text for --help and --version.
struct ExporterInformation {
  std::string text;
};

// A wrong option or value is an Error of status kUsage with one sentence.
Result<std::variant<ExporterOptions, ExporterInformation>> parse_exporter_options(int argc,
                                                                                  const char* const* argv);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_EXPORTER_OPTIONS_H
