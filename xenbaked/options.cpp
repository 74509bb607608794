// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <CLI/CLI.hpp>

#include "base/cpu_khz.h"
#include "base/duration.h"
#include "base/trace_time.h"
#include "session/control_channel.h"
#include "xenmon/region.h"

namespace xenmon {

namespace {

CommandLine refuse(const std::string& text) {
  CommandLine out;
  out.text = text + " Try 'xenbaked --help'.";
  out.status = ExitStatus::kUsage;
  return out;
}

} // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App app{
      "Reads Xen's trace buffers, accounts for each domain's time, and publishes it for xenmon.\n"
      "Without --replay it needs Dom0 and root.",
      "xenbaked"};
  app.set_help_flag("-?,-h,--help", "Print this help and exit");
  app.set_version_flag("-V,--version", "xenbaked " XENMON_VERSION, "Print the version and exit");
  app.get_formatter()->column_width(34);

  std::uint32_t ms_per_sample = 100;
  std::uint32_t poll_sleep_ms = 250;
  std::uint32_t log_threshold = 1;
  double history_s = 10;
  std::string speed = "1";
  std::string totals;
  std::string mask;
  std::string held_at;
  std::string slow_waits;
  std::string cpu_khz;
  CommandLine out;
  CommandOptions& options = out.options;
  options.session.region = XENMON_DEFAULT_REGION;

  app.add_option("-m,--ms_per_sample,--ms-per-sample", ms_per_sample, "Length of a sample, in ms (100)")
      ->check(CLI::Range(1, 4000))
      ->type_name("MS");
  app.add_option("-s,--poll-sleep", poll_sleep_ms, "Longest sleep between drains, in ms (250)")
      ->check(CLI::Range(1, 10000))
      ->type_name("MS");
  app.add_option("-t,--log-thresh", log_threshold, "Accepted for old scripts; has no effect")->type_name("N");
  app.add_option("--history", history_s, "How much history to keep (10)")
      ->check(CLI::Range(1.0, 3600.0))
      ->type_name("SECONDS");
  app.add_option("--slow-waits", slow_waits, "Report every wait for a CPU of at least TIME (1ms)")
      ->type_name("TIME");
  app.add_option("--region", options.session.region, "Publish here (" XENMON_DEFAULT_REGION ")")
      ->type_name("PATH");
  app.add_flag("--world-readable", options.session.world_readable,
               "Let every user read the region, not only the group xenmon");
  app.add_option("--replay", options.replay,
                 "Play a recording of xentrace -D or --record, plain or .xz/.zst/.gz; - is standard input")
      ->type_name("FILE");
  app.add_option("--cpu-khz", cpu_khz,
                 "The recording's TSC frequency in kHz, or with a decimal point in MHz, as xl info prints it "
                 "(from FILE.json, else 2400000)")
      ->type_name("N");
  app.add_option("--speed", speed, "Play FACTOR times as fast (1), or as fast as possible")
      ->type_name("FACTOR|max");
  app.add_flag("--follow", options.follow,
               "Continue to read a recording that is still growing, until stopped");
  app.add_flag("--loop", options.session.loop, "Play the recording again and again");
  app.add_option("--held-at", held_at,
                 "Go to this time of the recording, in seconds or as 1:30.5, and hold there; end is the end")
      ->type_name("TIME");
  app.add_option("--control-fd", options.session.control_fd,
                 "Obey \"to NS\", \"play SPEED\", \"hold\" and \"read N\", a line each, from this descriptor")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("FD");
  app.add_option("--record", options.record, "Keep the raw records, readable by xenalyze and --replay")
      ->type_name("FILE");
  app.add_option("--totals", totals, "Print whole-trace totals of a recording instead of publishing")
      ->check(CLI::IsMember({"text", "json"}))
      ->type_name("text|json");
  app.add_option("--evt-mask", mask,
                 "Trace these events (0x01007000 if Xen has XenMon's records, else 0x00129000)")
      ->type_name("N");
  app.add_flag("--noallocated", options.without_slices,
               "On stock Xen, do not trace the time slices, nor the ends of domains: 0x00121000, "
               "which costs less");
  app.add_flag("--restore", options.restore,
               "Restore the state of Xen's tracing that a killed xenbaked had found, and exit");
  app.add_flag("--stock-records", options.session.stock_records,
               "Use Xen's own trace records even on a patched hypervisor");
  app.add_flag("--unconfined", options.unconfined,
               "Keep root's capabilities and all system calls, which xenbaked otherwise gives up");
  app.add_option("--ready-fd", options.session.ready_fd,
                 "Write a byte to this descriptor when the region is there")
      ->type_name("FD");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    out.text = app.help();
    return out;
  } catch (const CLI::CallForVersion& version) {
    out.text = std::string(version.what()) + "\n";
    return out;
  } catch (const CLI::ExtrasError& error) {
    for (const std::string& word : app.remaining()) {
      if (word.starts_with('-')) continue;
      std::string sentence = "\"";
      sentence.append(word)
          .append("\" is not an option; to play a recording: xenbaked --replay ")
          .append(word);
      return refuse(sentence.append("."));
    }
    return refuse(std::string(error.what()) + ".");
  } catch (const CLI::ParseError& error) {
    std::string text = error.what();
    if (!text.empty() && text.back() != '.') text += '.';
    return refuse(text);
  }

  if (const std::optional<double> factor = parse_speed(speed)) {
    options.session.speed = *factor;
  } else {
    return refuse("--speed takes a factor from 0.001 to 1000000, or max.");
  }
  if (!held_at.empty()) {
    options.session.held_at_ns = parse_trace_time(held_at);
    if (!options.session.held_at_ns)
      return refuse("--held-at takes seconds such as 12.5, or minutes and seconds such as 1:30, or end.");
  }
  if (!mask.empty()) {
    std::size_t used = 0;
    unsigned long value = 0;
    try {
      value = std::stoul(mask, &used, 0);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != mask.size() || value == 0 || value > 0x0fffffffUL) {
      return refuse("--evt-mask takes a number from 1 to 0x0fffffff.");
    }
    options.event_mask = static_cast<std::uint32_t>(value);
  }
  if (app.count("--cpu-khz") > 0) {
    const Result<std::uint32_t> khz = parse_cpu_khz(cpu_khz);
    if (!khz) return refuse("--cpu-khz: " + khz.error().message);
    options.cpu_khz = *khz;
  }
  if (app.count("--slow-waits") > 0) {
    const std::optional<std::uint64_t> ns = parse_duration_ns(slow_waits);
    if (!ns) return refuse("--slow-waits takes " + std::string(kDurationRule) + ".");
    options.session.slow_wait_ns = *ns;
  }
  if (options.without_slices && options.event_mask)
    return refuse("--noallocated and --evt-mask both choose the events: give one.");
  options.session.sample_ns = std::uint64_t{ms_per_sample} * 1'000'000U;
  options.session.poll_ns = std::uint64_t{poll_sleep_ms} * 1'000'000U;
  options.session.history_ns = static_cast<std::uint64_t>(history_s * 1e9);
  if (totals == "text") options.totals = TotalsFormat::kText;
  if (totals == "json") options.totals = TotalsFormat::kJson;

  if (options.replay.empty()) {
    if (options.totals != TotalsFormat::kNone) return refuse("--totals needs a recording: --replay FILE.");
    if (options.session.loop || options.follow || app.count("--speed") > 0 || options.cpu_khz != 0) {
      return refuse("--loop, --follow, --speed and --cpu-khz are for a recording: give --replay FILE.");
    }
    if (options.session.held_at_ns || options.session.control_fd >= 0)
      return refuse("--held-at and --control-fd are for a recording: give --replay FILE.");
  } else if (options.event_mask || options.without_slices) {
    return refuse("--evt-mask and --noallocated are for a live trace, not for a recording.");
  }
  if (options.session.held_at_ns || options.session.control_fd >= 0) {
    if (options.totals != TotalsFormat::kNone || !options.record.empty())
      return refuse("--held-at and --control-fd are for what is published: leave out --totals and --record.");
    if (options.session.loop && options.session.held_at_ns == kTraceEnd)
      return refuse("A loop has no end at which it could be held.");
  }
  if (options.follow && (options.session.loop || options.replay == "-"))
    return refuse("--follow excludes --loop and standard input, which is read as it arrives.");
  if (options.restore && (!options.replay.empty() || !options.record.empty()))
    return refuse("--restore is for a live trace: leave out --replay and --record.");
  if (options.session.loop && options.totals != TotalsFormat::kNone)
    return refuse("--totals of a loop would never end.");
  if (options.session.loop && !options.record.empty()) return refuse("--record of a loop would never end.");
  if (options.session.loop && options.replay == "-")
    return refuse("Standard input cannot be played in a loop.");
  out.run = true;
  return out;
}

} // namespace xenmon
