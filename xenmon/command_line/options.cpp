// SPDX-License-Identifier: GPL-2.0-or-later
#include "command_line/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <system_error>

#include "base/cpu_khz.h"
#include "base/day_time.h"
#include "base/duration.h"
#include "base/option_values.h"
#include "base/trace_time.h"
#include "text.h"

namespace xenmon {
namespace {

// A row of the region holds 32 bits of nanoseconds, so a sample is shorter than 4.29 s.
constexpr std::uint64_t kLongestSampleMs = 4000;
constexpr std::uint64_t kLongestDurationS = 1'000'000'000; // keeps all times in ns within 64 bits
constexpr std::uint64_t kLongestIntervalMs = 1'000'000'000;
constexpr std::uint64_t kHighestPcpu = 65535;

constexpr char kHelp[] =
    R"(Usage: xenmon [OPTION]...
   or: xenmon plot [OPTION]... LOG... -o FILE
   or: xenmon capture [OPTION]... -o FILE
   or: xenmon timeline RECORDING [OPTION]... -o FILE
   or: xenmon serve [OPTION]...
Shows where each domain's time goes on a Xen host: on the screen, or as a log.

  -l, --live              show the screen (default)
  -n, --notlive           write log files PREFIX-dom<ID>.log and PREFIX-idle.log
  -p, --prefix PREFIX     how the log files' names begin (log)
      --format FORMAT     write one log: csv, or jsonl, one JSON object per line
  -o, --output FILE       write the log to this file; - is standard output (-)
      --vcpus             also write a record for each vCPU
      --csv-safe          guard spreadsheets against names that look like formulas
      --slow-waits TIME   report every wait for a CPU of at least TIME: 10ms, 500us
      --once              print one table of the last 10 s, and exit
  -t, --time SECONDS      end the log after this time on the trace clock; 0: never (10)
  -i, --interval MS       interval that one log line sums up, in ms (1000)
      --ms_per_sample MS, --ms-per-sample MS
                          length of a sample, if this xenmon starts xenbaked (100)
      --cpu N             start with physical CPU N (all CPUs)

      --[no]allocated     rows of the screen: time slices granted,
      --[no]blocked       blocked time,
      --[no]waited        waiting time,
      --[no]excount       execution count,
      --[no]iocount       I/O count (all are shown)
      --no-color          without colours; NO_COLOR in the environment does the same

      --host [USER@]HOST  show another host: it needs ssh, and xenmon installed there; may be
                          given several times, for a screen of hosts
      --connect COMMAND   the same by a command of your own that leads to "xenmon serve" there
      --region PATH       the region to read ()" XENMON_DEFAULT_REGION R"()
      --replay FILE       show a recording made with xentrace -D or xenbaked --record,
                          or what is in the directory of a flight recorder
      --cpu-khz N         the TSC frequency of the recording's host: kHz, or MHz as
                          xl info prints them, with a decimal point
      --speed FACTOR      replay FACTOR times as fast, or "max" (1)
      --follow            continue to read a recording that is still growing
      --loop              replay again and again
      --at TIME           hold the replay at that time: seconds, 1:30.5, or "end"; for a
                          flight recorder a time of day, 03:10:30
      --flight-dir DIR    where g finds what a flight recorder has kept (/var/lib/xenmon)
      --xenbaked PATH     the xenbaked to start, if none is running

  -V, --version           print the version and exit
  -?, -h, --help          print this help and exit

Keys: q quits, ? lists all; 1 to 6 choose a view; c and n show the next CPU, p the previous; space pauses.
"xenmon plot" draws logs against time, "xenmon capture" makes a recording of what a flight recorder has kept,
"xenmon timeline" makes a picture of a recording for Perfetto's viewer, and "xenmon serve" gives other programs
the figures. Each has a --help of its own.
)";

// As CLI11 takes them. Numbers are text that is read here, so that all refusals sound alike.
struct Texts {
  std::string duration, interval, ms_per_sample, cpu, cpu_khz, format, slow_waits;
  std::vector<std::string> hosts, connects;
  std::array<bool, kMetrics.size()> rows = {}; // shown or hidden
};

Error usage(const std::string& sentence) {
  return {sentence, ExitStatus::kUsage};
}

Status read_number(const std::string& option, const std::string& text, std::uint64_t lowest,
                   std::uint64_t highest, std::uint64_t& number) {
  const std::optional<std::uint64_t> read = parse_whole_number(text, lowest, highest);
  if (!read) {
    return usage("option " + option + " takes a whole number from " + std::to_string(lowest) + " to " +
                 std::to_string(highest) + ", not \"" + printable(text) + "\".");
  }
  number = *read;
  return ok();
}

Status check_at(const Options& options) {
  const auto at = parse_trace_time(options.at);
  std::error_code ignored;
  const bool has_day_times = std::filesystem::is_directory(options.replay, ignored); // of a flight recorder
  if (!at && has_day_times && !parse_day_time(options.at)) {
    return usage("option --at takes " + std::string(kDayTimeRule) + ", not \"" + printable(options.at) +
                 "\".");
  }
  if (!at && !has_day_times) {
    return usage("option --at takes seconds such as 12.5, a time such as 1:30.5, or \"end\", not \"" +
                 printable(options.at) + "\".");
  }
  if (!options.live && !options.once)
    return usage("option --at is for the screen and --once: a log covers the whole recording.");
  if (at && *at == kTraceEnd && options.loop)
    return usage("option --at end excludes --loop: a loop has no end.");
  return ok();
}

// Each wait is reported as it ends: there are no intervals, and no end except the recording's or a signal.
Status check_slow_waits(const CLI::App& app, const Texts& texts, Options& options) {
  options.slow_wait_ns = parse_duration_ns(texts.slow_waits);
  if (!options.slow_wait_ns) {
    return usage("option --slow-waits takes " + std::string(kDurationRule) + ", not \"" +
                 printable(texts.slow_waits) + "\".");
  }
  for (const char* option : {"--once", "--prefix", "--interval", "--vcpus"}) {
    if (app.count(option) > 0)
      return usage(std::string("options --slow-waits and ") + option + " exclude each other.");
  }
  options.live = false;
  if (app.count("--time") == 0) options.duration_s = 0;
  // Nobody watches the recording.
  if (options.speed.empty() && !options.replay.empty() && !options.loop) options.speed = "max";
  return ok();
}

// In the order in which they were given.
std::vector<OtherHost> hosts_in_order(const CLI::App& app, const Texts& texts) {
  std::vector<OtherHost> hosts;
  std::size_t next_host = 0;
  std::size_t next_connect = 0;
  for (const CLI::Option* option : app.parse_order()) {
    if (option->check_lname("host") && next_host < texts.hosts.size()) {
      hosts.push_back({.host = texts.hosts[next_host++], .connect = ""});
    } else if (option->check_lname("connect") && next_connect < texts.connects.size()) {
      hosts.push_back({.host = "", .connect = texts.connects[next_connect++]});
    }
  }
  return hosts;
}

// Of another host there is what its own xenbaked publishes.
Status check_far(const CLI::App& app, const Texts& texts, Options& options) {
  for (const std::string& host : texts.hosts)
    if (host.empty()) return usage("option --host takes a host's name, as ssh does.");
  for (const std::string& command : texts.connects)
    if (command.empty()) return usage("option --connect takes a command.");
  options.hosts = hosts_in_order(app, texts);
  if (options.hosts.empty()) return ok();
  if (options.hosts.size() > 1) {
    for (auto host = options.hosts.begin(); host != options.hosts.end(); ++host) {
      if (std::find(options.hosts.begin(), host, *host) != host)
        return usage(printable(host->name()) + " is given twice; name each host once.");
    }
    if (!options.live && !options.once)
      return usage(
          "several hosts are for the screen and --once; give one --host or --connect at a time for a log.");
    if (options.pcpu)
      return usage("option --cpu is for one host; choose the CPU with c when a host is shown.");
  }
  for (const char* option : {"--replay", "--region", "--xenbaked", "--ms_per_sample"}) {
    if (app.count(option) > 0)
      return usage(std::string("option ") + option +
                   " is for this host; leave it out with --host and --connect.");
  }
  return ok();
}

Status check(const CLI::App& app, const Texts& texts, Options& options) {
  if (app.count("--format") > 0) {
    if (texts.format != "csv" && texts.format != "jsonl") {
      return usage("option --format takes csv or jsonl, not \"" + printable(texts.format) + "\".");
    }
    options.format = texts.format == "csv" ? LogFormat::kCsv : LogFormat::kJsonLines;
    options.live = false;
    if (app.count("--prefix") > 0) return usage("options --format and --prefix exclude each other; see -o.");
  } else if (app.count("--slow-waits") == 0) {
    for (const char* option : {"--output", "--vcpus"}) {
      if (app.count(option) > 0) return usage(std::string("option ") + option + " is for --format.");
    }
  }
  if (options.csv_safe && texts.format != "csv") return usage("option --csv-safe is for --format csv.");
  if (app.count("--slow-waits") > 0) {
    if (Status status = check_slow_waits(app, texts, options); !status) return status;
  }
  if (options.once) {
    if (!options.live) return usage("option --once excludes -n and --format: a table is not a log.");
    if (options.follow)
      return usage("option --once excludes --follow: the table covers the end of a recording.");
    if (options.loop) return usage("option --once excludes --loop: the table covers the end of a recording.");
    options.live = false;
    // Nobody watches the recording.
    if (options.speed.empty() && !options.replay.empty()) options.speed = "max";
  }
  for (const Metric metric : kDomainRows) {
    const std::string option = info_of(metric).option;
    if (option.empty() || app.count("--" + option) == 0) continue;
    options.rows_given.set(metric, true);
    options.rows.set(metric, texts.rows[static_cast<std::size_t>(metric)]);
  }
  options.ms_per_sample_given = app.count("--ms_per_sample") > 0;
  const auto read = [&](const char* option, const std::string& text, std::uint64_t lowest,
                        std::uint64_t highest, std::uint64_t& number) -> Status {
    if (text.empty() && app.count(option) == 0) return ok();
    return read_number(option, text, lowest, highest, number);
  };
  std::uint64_t pcpu = 0;
  for (const Status& status :
       {read("--time", texts.duration, 0, kLongestDurationS, options.duration_s),
        read("--interval", texts.interval, 1, kLongestIntervalMs, options.interval_ms),
        read("--cpu", texts.cpu, 0, kHighestPcpu, pcpu),
        read("--ms_per_sample", texts.ms_per_sample, 1, kLongestSampleMs, options.ms_per_sample)}) {
    if (!status) return status;
  }
  if (!options.live && !options.once && options.duration_s != 0 &&
      options.ms_per_sample > options.duration_s * 1000) {
    return usage("option --ms_per_sample: " + std::to_string(options.ms_per_sample) +
                 " ms is longer than the whole log of " + std::to_string(options.duration_s * 1000) +
                 " ms; make it shorter, or --time longer.");
  }
  if (app.count("--cpu") > 0) options.pcpu = static_cast<std::uint32_t>(pcpu);
  if (app.count("--cpu-khz") > 0) {
    const auto khz = parse_cpu_khz(texts.cpu_khz);
    if (!khz) return usage("option --cpu-khz: " + khz.error().message);
    options.cpu_khz = *khz;
  }

  if (app.count("--replay") > 0 && options.replay.empty())
    return usage("option --replay takes a file's name.");
  if (options.replay.empty()) {
    for (const char* option : {"--cpu-khz", "--speed", "--follow", "--loop", "--at"}) {
      if (app.count(option) > 0) {
        return usage(std::string("option ") + option + " is for a recording; name one with --replay FILE.");
      }
    }
  } else if (app.count("--region") > 0) {
    return usage("options --replay and --region exclude each other: a replay has a region of its own.");
  }
  if (Status status = check_far(app, texts, options); !status) return status;
  if (options.follow && options.loop)
    return usage("options --follow and --loop exclude each other: a growing recording has no end.");
  if (options.replay == "-") {
    if (options.follow)
      return usage("option --follow is not for standard input, which is read as it arrives.");
    if (options.loop) return usage("option --loop is not for standard input, which cannot be played again.");
    if (options.live) {
      return usage(
          "the screen reads its keys from standard input, so --replay - is for --once and logs; give the "
          "screen a "
          "file or a FIFO.");
    }
  }
  if (app.count("--speed") > 0 && !parse_speed(options.speed)) {
    return usage("option --speed takes " + std::string(kSpeedRule) + ", not \"" + printable(options.speed) +
                 "\".");
  }
  if (app.count("--at") > 0) {
    if (Status status = check_at(options); !status) return status;
  }
  if (options.output.empty()) return usage("option --output takes a file's name, or -.");
  if (options.region.empty()) return usage("option --region takes a path.");
  if (options.prefix.empty()) return usage("option --prefix takes the beginning of the log files' names.");
  return ok();
}

} // namespace

PublisherSettings publisher_settings(const Options& options) {
  using Use = PublisherSettings::Use;
  PublisherSettings settings;
  settings.use = options.live ? Use::kScreen : options.once ? Use::kTable : Use::kLog;
  settings.region = options.region;
  if (!options.hosts.empty()) settings.other = options.hosts.front();
  settings.xenbaked = options.xenbaked;
  settings.ms_per_sample = options.ms_per_sample;
  settings.ms_per_sample_given = options.ms_per_sample_given;
  settings.slow_wait_ns = options.slow_wait_ns;
  settings.allocated = options.rows.contains(Metric::kAllocated); // what nobody looks at is not traced
  settings.replay = options.replay;
  settings.cpu_khz = options.cpu_khz;
  settings.speed = options.speed;
  settings.loop = options.loop;
  settings.follow = options.follow;
  settings.at = options.at;
  return settings;
}

Result<std::variant<Options, Information>> parse_options(int argc, const char* const* argv) {
  Options options;
  Texts texts;
  CLI::App app("", "xenmon");
  app.set_help_flag("-?,-h,--help");
  app.set_version_flag("-V,--version", "xenmon " XENMON_PROGRAM_VERSION);

  app.add_flag("-l,--live,!-n,!--notlive", options.live);
  app.add_option("-p,--prefix", options.prefix);
  app.add_option("--format", texts.format);
  app.add_option("-o,--output", options.output);
  app.add_flag("--vcpus", options.vcpus);
  app.add_flag("--csv-safe", options.csv_safe);
  app.add_option("--slow-waits", texts.slow_waits);
  app.add_flag("--once", options.once);
  app.add_option("-t,--time", texts.duration);
  app.add_option("-i,--interval", texts.interval);
  app.add_option("--ms_per_sample,--ms-per-sample", texts.ms_per_sample);
  app.add_option("--cpu", texts.cpu);

  for (const Metric metric : kDomainRows) {
    const std::string option = info_of(metric).option;
    if (option.empty()) continue;
    app.add_flag(std::string("--").append(option).append(",!--no").append(option),
                 texts.rows[static_cast<std::size_t>(metric)]);
  }

  app.add_flag("--no-color", options.no_color);

  app.add_option("--region", options.region);
  CLI::Option* const host = app.add_option("--host", texts.hosts)->allow_extra_args(false);
  CLI::Option* const connect = app.add_option("--connect", texts.connects)->allow_extra_args(false);
  app.add_option("--replay", options.replay);
  app.add_option("--cpu-khz", texts.cpu_khz);
  app.add_option("--speed", options.speed);
  app.add_flag("--follow", options.follow);
  app.add_flag("--loop", options.loop);
  app.add_option("--at", options.at);
  app.add_option("--flight-dir", options.flight_dir);
  app.add_option("--xenbaked", options.xenbaked);
  // As in the original, if an option is repeated the last one wins.
  for (CLI::Option* option : app.get_options()) option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  // Except for hosts, of which there may be several.
  for (CLI::Option* option : {host, connect}) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);

  for (const char* const word : std::span(argv, static_cast<std::size_t>(argc))) {
    if (const std::string sentence = nothing_after_equals(word); !sentence.empty())
      return usage(printable(sentence));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForVersion& call) {
    return std::variant<Options, Information>(Information{std::string(call.what()) + "\n"});
  } catch (const CLI::CallForHelp&) {
    return std::variant<Options, Information>(Information{kHelp});
  } catch (const CLI::ExtrasError& error) {
    // Most likely the user wants to see a recording.
    for (const std::string& word : app.remaining()) {
      if (!word.starts_with('-')) {
        return usage("\"" + printable(word) + "\" is not an option; to show a recording: xenmon --replay " +
                     printable(word) + ".");
      }
    }
    return usage(as_sentence(error.what()));
  } catch (const CLI::Error& error) {
    const std::string sentence = value_missing(error.what());
    return usage(sentence.empty() ? as_sentence(error.what()) : sentence);
  }
  const Status status = check(app, texts, options);
  if (!status) return status.error();
  return std::variant<Options, Information>(std::move(options));
}

} // namespace xenmon
