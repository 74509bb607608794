// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>

#include "client/history.h"
#include "log/log_writer.h"
#include "log/stream_writer.h"
#include "run/front_end.h"
#include "run/log_session.h"
#include "text.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

// Live, one look per interval is enough, but neither so rarely that the history might run out nor so often
// that it costs more than it shows.
constexpr auto kPollLiveLeast = 100ms;
constexpr auto kPollLiveMost = 1s;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

// A file for every domain: raise the limit as far as allowed. If that is too low, the open reports it.
void allow_many_files() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::unique_ptr<IntervalWriter> make_writer(const Options& options, const DomainDirectory& directory) {
  const std::uint64_t interval_ns = options.interval_ms * kMillisecond;
  const std::uint64_t duration_ns = options.duration_s * kSecond;
  if (options.format == LogFormat::kFiles) {
    return std::make_unique<LogWriter>(options.prefix, interval_ns, duration_ns, directory);
  }
  StreamWriter::Settings settings;
  settings.format = options.format == LogFormat::kCsv ? StreamFormat::kCsv : StreamFormat::kJsonLines;
  settings.path = options.output;
  settings.vcpus = options.vcpus;
  settings.formulas = options.csv_safe ? CsvFormulas::kGuarded : CsvFormulas::kWhole;
  settings.pcpu = options.pcpu;
  settings.interval_ns = interval_ns;
  settings.duration_ns = duration_ns;
  return std::make_unique<StreamWriter>(settings, directory);
}

class Session final : public LogSession {
 public:
  Session(const Options& options, Publisher& publisher)
      : LogSession(options, publisher,
                   {.path = publisher.region,
                    .retention_ns = 2 * (kLongWindowNs + options.interval_ms * kMillisecond),
                    .vcpus = options.vcpus ? SampleFeed::Vcpus::kResolve : SampleFeed::Vcpus::kLeave},
                   std::clamp<std::chrono::nanoseconds>(std::chrono::milliseconds(options.interval_ms),
                                                        kPollLiveLeast, kPollLiveMost)),
        writer_(make_writer(options, follower().directory())) {}

 private:
  LogOutput& output() override { return *writer_; }

  // A recording, and what our own daemon saw, are logged from their start; another's daemon from now on. A
  // daemon that replaced the one before is read from its start too.
  Result<SampleFeed::From> begin(const RegionReader& reader) override {
    const bool whole = is_wanted_whole() || reader.header().source_kind == XENMON_SOURCE_RECORDING;
    poll_at_least_every(std::chrono::nanoseconds(reader.header().history_ns) / 4);
    if (follower().has_begun()) writer_->restart();
    return whole ? SampleFeed::From::kOldest : SampleFeed::From::kNow;
  }

  void reading(const RegionReader& reader) override { writer_->set_wall_epoch(reader.wall_epoch_ns()); }

  std::unique_ptr<IntervalWriter> writer_;
};

} // namespace

Status run_log(const Options& options, Publisher& publisher) {
  allow_many_files();
  // Nothing else is printed until the end, so say what the user is waiting for.
  if (isatty(STDERR_FILENO) != 0) {
    std::cerr << "xenmon: logging to "
              << (options.format == LogFormat::kFiles ? printable(options.prefix) + "-dom<ID>.log"
                  : options.output == "-"             ? std::string("standard output")
                                                      : printable(options.output))
              << ' '
              << (options.duration_s == 0
                      ? std::string("until Ctrl-C")
                      : "for " + std::to_string(options.duration_s) + " s; Ctrl-C stops it earlier")
              << '\n';
  }
  return Session(options, publisher).run();
}

} // namespace xenmon
