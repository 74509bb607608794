// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/history.h"
#include "client/known_pcpus.h"
#include "client/region_follower.h"
#include "log/log_writer.h"
#include "log/stream_writer.h"
#include "log/verdict_log.h"
#include "process/signals.h"
#include "run/data_end.h"
#include "run/front_end.h"
#include "text.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

// Live, one look per interval is enough, but neither so rarely that the history might run out nor so often
// that it costs more than it shows.
constexpr auto kPollLiveLeast = 100ms;
constexpr auto kPollLiveMost = 1s;
constexpr std::chrono::nanoseconds kPollRecording = 1ms; // a replay may be much faster than time
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

class Session final : private FollowSink {
 public:
  Session(const Options& options, Publisher& publisher)
      : publisher_(publisher),
        end_(publisher, options.duration_s == 0),
        pcpu_(options.pcpu),
        poll_live_(std::clamp<std::chrono::nanoseconds>(std::chrono::milliseconds(options.interval_ms),
                                                        kPollLiveLeast, kPollLiveMost)),
        follower_({.path = publisher.region,
                   .retention_ns = 2 * (kLongWindowNs + options.interval_ms * kMillisecond),
                   .vcpus = options.vcpus ? SampleFeed::Vcpus::kResolve : SampleFeed::Vcpus::kLeave}),
        writer_(make_writer(options, follower_.directory())) {}

  // Reports what is wrong with the trace at the end, whatever that is.
  Status run() {
    Status result = log();
    verdicts_.say_all();
    return result;
  }

 private:
  Status log() {
    while (!stop_requested()) {
      if (take_reopen()) writer_->reopen();
      if (Status taken = take_new_data(); !taken) return taken;
      if (!failed_) return failed_;
      if (Status exists = check_selected(false); !exists) return exists;
      if (!writer_->status() || writer_->done()) break;
      const Result<bool> over = end_.reached(follower_.attachment());
      if (!over || *over) {
        verdicts_.reach_end();
        writer_->finish();
        Status written = writer_->status();
        if (written) written = writer_->write_verdicts(verdicts_.take());
        tell_damage();
        return !over ? Status(over.error()) : !written ? written : check_selected(true);
      }
      const Health::Kind kind = follower_.attachment().health().kind;
      const bool may_be_fast = kind == Health::Kind::kRecording || kind == Health::Kind::kWaiting;
      wait_for_input(-1, may_be_fast ? kPollRecording : poll_live_);
    }
    writer_->finish();
    tell_damage();
    return writer_->status();
  }

  [[nodiscard]] Status check_selected(bool whole) const {
    return check_pcpu(pcpu_, follower_.feed().tables(), writer_->passed_ns(), whole);
  }

  // What no interval can report.
  void tell_damage() const {
    if (const std::uint64_t damaged = follower_.damaged(); damaged > 0)
      std::cerr << "xenmon: " << damaged_sentence(damaged) << '\n';
  }

  // A recording, and what our own daemon saw, are logged from their start; another's daemon from now on. A
  // daemon that replaced the one before is read from its start too.
  Result<SampleFeed::From> begin(const RegionReader& reader) override {
    const bool whole =
        follower_.has_begun() || publisher_.daemon || reader.header().source_kind == XENMON_SOURCE_RECORDING;
    const auto history = std::chrono::nanoseconds(reader.header().history_ns);
    if (history / 4 > kPollRecording) poll_live_ = std::min(poll_live_, history / 4);
    if (follower_.has_begun()) writer_->restart();
    return whole ? SampleFeed::From::kOldest : SampleFeed::From::kNow;
  }

  void reading(const RegionReader& reader) override { writer_->set_wall_epoch(reader.wall_epoch_ns()); }

  void add(const Sample& sample) override { writer_->add(sample); }

  Status take_new_data() {
    // Polled first: once the daemon has ended, no more samples come.
    if (publisher_.daemon) publisher_.daemon->poll();
    if (const auto followed = follower_.follow(*this); !followed) return followed.error();
    if (follower_.reader() == nullptr) return ok();
    if (publisher_.replay) publisher_.replay->have_read(follower_.feed().passed());
    take_verdicts(*follower_.reader());
    return ok();
  }

  // A recording's verdicts are reported after its end: before that it is chance when they are seen, and a log
  // of a recording has the same bytes each time.
  void take_verdicts(const RegionReader& reader) {
    verdicts_.look(reader);
    if (reader.header().source_kind == XENMON_SOURCE_RECORDING) return;
    if (Status written = writer_->write_verdicts(verdicts_.take()); !written) failed_ = written;
  }

  Publisher& publisher_;
  VerdictLog verdicts_;
  Status failed_ = ok(); // to write a verdict
  DataEnd end_;
  std::optional<std::uint32_t> pcpu_;
  std::chrono::nanoseconds poll_live_;
  RegionFollower follower_;
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
