// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <span>
#include <string>
#include <string_view>

#include "base/cpu_khz.h"
#include "base/duration.h"
#include "base/option_values.h"
#include "base/trace_time.h"
#include "session/control_channel.h"
#include "text.h"
#include "xenmon/region.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kHighestDescriptor = 1'000'000;

// As CLI11 takes them. They are read here, so that all refusals sound alike.
struct Texts {
  std::string ms_per_sample, poll_sleep, log_threshold, history, slow_waits, cpu_khz, speed, held_at,
      control_fd, ready_fd, mask, totals;
};

CommandLine refuse(const std::string& text) {
  CommandLine out;
  out.text = text + " Try 'xenbaked --help'.";
  out.status = ExitStatus::kUsage;
  return out;
}

Error usage(const std::string& sentence) {
  return {sentence, ExitStatus::kUsage};
}

Error refusal(const std::string& option, const std::string& rule, const std::string& text) {
  return usage(option + " takes " + rule + ", not \"" + printable(text) + "\".");
}

Status read_whole(const std::string& option, const std::string& text, std::uint64_t lowest,
                  std::uint64_t highest, std::uint64_t& number) {
  const std::optional<std::uint64_t> read = parse_whole_number(text, lowest, highest);
  if (!read) {
    return refusal(option, "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest),
                   text);
  }
  number = *read;
  return ok();
}

// Decimal, or hexadecimal after 0x.
std::optional<std::uint32_t> parse_mask(std::string_view text) {
  constexpr std::uint32_t kHighest = 0x0fffffff;
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (hexadecimal) text.remove_prefix(2);
  std::uint32_t mask = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), mask, hexadecimal ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size() || mask == 0 || mask > kHighest)
    return std::nullopt;
  return mask;
}

// Texts to numbers; of an option that is not given the default stays.
Status read_values(const CLI::App& app, const Texts& texts, CommandOptions& options) {
  SessionOptions& session = options.session;
  const auto given = [&app](const char* option) { return app.count(option) > 0; };
  std::uint64_t ms_per_sample = session.sample_ns / kMillisecond;
  std::uint64_t poll_ms = session.poll_ns / kMillisecond;
  std::uint64_t control_fd = 0;
  std::uint64_t ready_fd = 0;
  std::uint64_t ignored = 0;
  struct Whole {
    const char* option;
    const std::string& text;
    std::uint64_t lowest, highest;
    std::uint64_t& number;
  };
  for (const Whole& whole : {Whole{"--ms_per_sample", texts.ms_per_sample, 1, 4000, ms_per_sample},
                             Whole{"--poll-sleep", texts.poll_sleep, 1, 10'000, poll_ms},
                             Whole{"--log-thresh", texts.log_threshold, 0, UINT32_MAX, ignored},
                             Whole{"--control-fd", texts.control_fd, 0, kHighestDescriptor, control_fd},
                             Whole{"--ready-fd", texts.ready_fd, 0, kHighestDescriptor, ready_fd}}) {
    if (!given(whole.option)) continue;
    if (Status read = read_whole(whole.option, whole.text, whole.lowest, whole.highest, whole.number); !read)
      return read;
  }
  session.sample_ns = ms_per_sample * kMillisecond;
  session.poll_ns = poll_ms * kMillisecond;
  if (given("--control-fd")) session.control_fd = static_cast<int>(control_fd);
  if (given("--ready-fd")) session.ready_fd = static_cast<int>(ready_fd);
  if (given("--history")) {
    const std::optional<double> seconds = parse_number(texts.history, 1, 3600);
    if (!seconds) return refusal("--history", "seconds from 1 to 3600", texts.history);
    session.history_ns = static_cast<std::uint64_t>(*seconds * 1e9);
  }
  if (given("--speed")) {
    const std::optional<double> factor = parse_speed(texts.speed);
    if (!factor) return refusal("--speed", std::string(kSpeedRule), texts.speed);
    session.speed = *factor;
  }
  if (given("--held-at")) {
    // Which of them is meant depends on what is played.
    options.held_at_day = parse_day_time(texts.held_at);
    session.held_at_ns = parse_trace_time(texts.held_at);
    if (!session.held_at_ns && options.held_at_day) session.held_at_ns = 0;
    if (!session.held_at_ns) {
      return refusal("--held-at", "seconds such as 12.5, or minutes and seconds such as 1:30, or end",
                     texts.held_at);
    }
  }
  if (given("--evt-mask")) {
    options.event_mask = parse_mask(texts.mask);
    if (!options.event_mask) return refusal("--evt-mask", "a number from 1 to 0x0fffffff", texts.mask);
  }
  if (given("--cpu-khz")) {
    const Result<std::uint32_t> khz = parse_cpu_khz(texts.cpu_khz);
    if (!khz) return usage("--cpu-khz: " + khz.error().message);
    options.cpu_khz = *khz;
  }
  if (given("--slow-waits")) {
    const std::optional<std::uint64_t> ns = parse_duration_ns(texts.slow_waits);
    if (!ns) return refusal("--slow-waits", std::string(kDurationRule), texts.slow_waits);
    session.slow_wait_ns = *ns;
  }
  if (given("--totals")) {
    if (texts.totals != "text" && texts.totals != "json")
      return refusal("--totals", "text or json", texts.totals);
    options.totals = texts.totals == "json" ? TotalsFormat::kJson : TotalsFormat::kText;
  }
  return ok();
}

// As CLI11 takes them.
struct CaptureTexts {
  std::string file, since, until, last;
};

Status take_flight(const CLI::App& app, const std::string& bounds, const std::string& on_wait,
                   const std::string& directory, CommandOptions& options) {
  if (app.count("--flight") == 0) {
    if (app.count("--flight-on-wait") > 0)
      return usage("--flight-on-wait is for the flight recorder: give --flight 10m.");
    return ok();
  }
  FlightSettings settings;
  settings.directory = directory;
  const std::optional<FlightBounds> parsed = parse_flight_bounds(bounds);
  if (!parsed) return usage("--flight takes " + std::string(kFlightBoundsRule) + ".");
  settings.bounds = *parsed;
  if (app.count("--flight-on-wait") > 0) {
    if (!parse_flight_on_wait(on_wait, settings))
      return usage("--flight-on-wait takes " + std::string(kFlightOnWaitRule) + ".");
    if (*settings.keep_wait_ns < options.session.slow_wait_ns)
      return usage("--flight-on-wait sees only waits that --slow-waits reports: give a longer time.");
    if (settings.bounds.span_ns < kLeastSpanForWaitsNs)
      return usage("--flight-on-wait keeps half a minute around a wait: give --flight at least 1m.");
  }
  if (options.totals != TotalsFormat::kNone || options.session.loop || options.session.held_at_ns ||
      options.session.control_fd >= 0)
    return usage(
        "--flight is for what is played once: leave out --totals, --loop, --held-at and --control-fd.");
  options.flight = settings;
  return ok();
}

Result<std::optional<DayTime>> day_time(const char* option, const std::string& text) {
  if (text.empty()) return std::optional<DayTime>();
  const std::optional<DayTime> time = parse_day_time(text);
  if (!time) return usage(std::string(option) + " takes " + std::string(kDayTimeRule) + ".");
  return time;
}

// Which of both is meant depends on what is played.
Status read_time(const char* option, const std::string& text, std::optional<std::uint64_t>& ns,
                 std::optional<DayTime>& day) {
  if (text.empty()) return ok();
  day = parse_day_time(text);
  ns = parse_trace_time(text);
  if (!ns && !day) {
    return refusal(
        option,
        "seconds such as 12.5, or minutes and seconds such as 1:30, or end; for the directory of a "
        "flight recorder a time of day",
        text);
  }
  return ok();
}

struct TimelineTexts {
  std::string file, from;
};

Status take_timeline(const CLI::App& app, const TimelineTexts& texts, const std::string& until,
                     CommandOptions& options) {
  if (app.count("--timeline") == 0) {
    if (app.count("--from") > 0) return usage("--from says where a timeline begins: give --timeline FILE.");
    return ok();
  }
  if (options.replay.empty()) return usage("--timeline needs a recording: --replay FILE.");
  if (texts.file.empty()) return usage("--timeline takes a file's name.");
  if (!options.record.empty() || options.flight || options.capture || options.totals != TotalsFormat::kNone ||
      options.session.loop || options.session.held_at_ns || options.session.control_fd >= 0)
    return usage(
        "--timeline is for itself: leave out --record, --flight, --capture, --totals, --loop and --held-at.");
  TimelineRequest request;
  request.file = texts.file;
  if (Status read = read_time("--from", texts.from, request.from_ns, request.from_day); !read) return read;
  if (Status read = read_time("--until", until, request.until_ns, request.until_day); !read) return read;
  if (app.count("--slow-waits") > 0) request.options.slow_wait_ns = options.session.slow_wait_ns;
  request.options.stock_records = options.session.stock_records;
  options.timeline = request;
  return ok();
}

Status take_capture(const CLI::App& app, const CaptureTexts& texts, const std::string& directory,
                    CommandOptions& options) {
  const bool until = app.count("--until") > 0 && !options.timeline;
  const bool has_part = app.count("--since") + app.count("--last") > 0 || until;
  if (app.count("--capture") == 0) {
    if (has_part) return usage("--since, --until and --last say what is captured: give --capture FILE.");
    if (app.count("--flight-dir") > 0 && !options.flight)
      return usage("--flight-dir is for --flight and --capture.");
    return ok();
  }
  if (!options.replay.empty() || !options.record.empty() || options.flight || options.restore ||
      options.timeline || options.totals != TotalsFormat::kNone)
    return usage("--capture is for itself: leave out --flight, --replay, --record, --totals and --restore.");
  CaptureOptions capture;
  capture.directory = directory;
  capture.file = texts.file;
  const auto since = day_time("--since", texts.since);
  if (!since) return since.error();
  const auto end = day_time("--until", texts.until);
  if (!end) return end.error();
  capture.since = *since;
  capture.until = *end;
  if (!texts.last.empty()) {
    capture.last_ns = parse_span_ns(texts.last);
    if (!capture.last_ns) return usage("--last takes a time such as 90s, 2m or 1h.");
    if (capture.since || capture.until) return usage("--last excludes --since and --until.");
  }
  if (capture.file.empty()) return usage("--capture takes a file's name.");
  options.capture = capture;
  return ok();
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

  Texts texts;
  std::string flight;
  std::string flight_on_wait;
  std::string flight_directory = kFlightDirectory;
  CaptureTexts capture;
  TimelineTexts timeline;
  CommandLine out;
  CommandOptions& options = out.options;
  options.session.region = XENMON_DEFAULT_REGION;

  app.add_option("-m,--ms_per_sample,--ms-per-sample", texts.ms_per_sample,
                 "Length of a sample, in ms, 1 to 4000 (100)")
      ->type_name("MS");
  app.add_option("-s,--poll-sleep", texts.poll_sleep, "Longest sleep between drains, in ms, 1 to 10000 (250)")
      ->type_name("MS");
  app.add_option("-t,--log-thresh", texts.log_threshold, "Accepted for old scripts; has no effect")
      ->type_name("N");
  app.add_option("--history", texts.history, "How much history to keep, 1 to 3600 (10)")
      ->type_name("SECONDS");
  app.add_option("--slow-waits", texts.slow_waits, "Report every wait for a CPU of at least TIME (1ms)")
      ->type_name("TIME");
  app.add_option("--region", options.session.region, "Publish here (" XENMON_DEFAULT_REGION ")")
      ->type_name("PATH");
  app.add_flag("--world-readable", options.session.world_readable,
               "Let every user read the region, not only the group xenmon");
  app.add_option(
         "--replay", options.replay,
         "Play a recording of xentrace -D or --record, plain or .xz/.zst/.gz; - is standard input; or "
         "the directory of a flight recorder")
      ->type_name("FILE|DIR");
  app.add_option("--cpu-khz", texts.cpu_khz,
                 "The recording's TSC frequency in kHz, or with a decimal point in MHz, as xl info prints it "
                 "(from FILE.json, else 2400000)")
      ->type_name("N");
  app.add_option("--speed", texts.speed, "Play FACTOR times as fast (1), or as fast as possible")
      ->type_name("FACTOR|max");
  app.add_flag("--follow", options.follow,
               "Continue to read a recording that is still growing, until stopped");
  app.add_flag("--loop", options.session.loop, "Play the recording again and again");
  app.add_option(
         "--held-at", texts.held_at,
         "Go to this time of the recording, in seconds or as 1:30.5, and hold there; end is the end; for "
         "a flight recorder's DIR, a time of day: 03:10:30")
      ->type_name("TIME");
  app.add_option("--control-fd", texts.control_fd,
                 "Obey \"to NS\", \"play SPEED\", \"hold\" and \"read N\", a line each, from this descriptor")
      ->type_name("FD");
  app.add_option("--record", options.record, "Keep the raw records, readable by xenalyze and --replay")
      ->type_name("FILE");
  app.add_option("--flight", flight,
                 "Keep the raw records of the last TIME (10m), at most SIZE (512M) on disk, for --capture")
      ->type_name("TIME[,SIZE]");
  app.add_option("--flight-dir", flight_directory,
                 std::string("Where the flight recorder keeps them (") + kFlightDirectory + ")")
      ->type_name("DIR");
  app.add_option("--flight-on-wait", flight_on_wait,
                 "Keep by itself what is around a wait for a CPU of at least TIME, at most N (4) an hour")
      ->type_name("TIME[,N]");
  app.add_option("--capture", capture.file,
                 "Make a recording of what the flight recorder has kept, and exit; .zst is compressed")
      ->type_name("FILE");
  app.add_option("--since", capture.since, "Of that, from this time of day: 03:05, 2026-11-27 03:05:30")
      ->type_name("TIME");
  app.add_option("--until", capture.until, "Of that, up to this time of day; of a timeline as for --held-at")
      ->type_name("TIME");
  app.add_option("--last", capture.last, "Of that, the last TIME: 90s, 2m, 1h")->type_name("TIME");
  app.add_option("--timeline", timeline.file,
                 "Make a timeline of a recording, for Perfetto's viewer, and exit")
      ->type_name("FILE");
  app.add_option("--from", timeline.from, "Of that, from this time of the recording, as for --held-at")
      ->type_name("TIME");
  app.add_option("--totals", texts.totals, "Print whole-trace totals of a recording instead of publishing")
      ->type_name("text|json");
  app.add_option("--evt-mask", texts.mask,
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
  app.add_option("--ready-fd", texts.ready_fd, "Write a byte to this descriptor when the region is there")
      ->type_name("FD");

  for (const char* const word : std::span(argv, static_cast<std::size_t>(argc))) {
    if (const std::string sentence = nothing_after_equals(word); !sentence.empty())
      return refuse(printable(sentence));
  }
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
    return refuse(as_sentence(error.what()));
  } catch (const CLI::ParseError& error) {
    const std::string sentence = value_missing(error.what());
    return refuse(sentence.empty() ? as_sentence(error.what()) : sentence);
  }

  if (const Status read = read_values(app, texts, options); !read) return refuse(read.error().message);
  if (options.without_slices && options.event_mask)
    return refuse("--noallocated and --evt-mask both choose the events: give one.");
  if (Status taken = take_flight(app, flight, flight_on_wait, flight_directory, options); !taken)
    return refuse(taken.error().message);
  if (Status taken = take_timeline(app, timeline, capture.until, options); !taken)
    return refuse(taken.error().message);
  if (Status taken = take_capture(app, capture, flight_directory, options); !taken)
    return refuse(taken.error().message);
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
  if (options.restore && (!options.replay.empty() || !options.record.empty() || options.flight))
    return refuse("--restore is for a live trace: leave out --replay, --record and --flight.");
  if (options.session.loop && options.totals != TotalsFormat::kNone)
    return refuse("--totals of a loop would never end.");
  if (options.session.loop && !options.record.empty()) return refuse("--record of a loop would never end.");
  if (options.session.loop && options.replay == "-")
    return refuse("Standard input cannot be played in a loop.");
  out.run = true;
  return out;
}

} // namespace xenmon
