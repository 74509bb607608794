// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>

#include "client/known_pcpus.h"
#include "client/region_follower.h"
#include "format.h"
#include "log/verdict_log.h"
#include "log/wait_writer.h"
#include "process/signals.h"
#include "run/data_end.h"
#include "run/front_end.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kPollLive = 100ms;
constexpr std::chrono::nanoseconds kPollRecording = 1ms; // a replay may be much faster than time
constexpr std::uint64_t kSecond = 1'000'000'000;

WaitWriter::Settings settings_of(const Options& options) {
  WaitWriter::Settings settings;
  settings.format = options.format;
  settings.path = options.output;
  settings.formulas = options.csv_safe ? CsvFormulas::kGuarded : CsvFormulas::kWhole;
  settings.slow_ns = *options.slow_wait_ns;
  settings.pcpu = options.pcpu;
  settings.duration_ns = options.duration_s * kSecond;
  return settings;
}

class Session final : private FollowSink {
 public:
  Session(const Options& options, Publisher& publisher)
      : publisher_(publisher),
        end_(publisher, options.duration_s == 0),
        pcpu_(options.pcpu),
        follower_({.path = publisher.region}),
        writer_(settings_of(options), follower_.directory()) {}

  // Reports what is wrong with the trace at the end, whatever that is.
  Status run() {
    Status status = write_all();
    verdicts_.say_all();
    if (const std::uint64_t damaged = follower_.damaged() + damaged_waits_before_ + writer_.damaged();
        damaged > 0)
      std::cerr << "xenmon: " << damaged_sentence(damaged) << '\n';
    return status;
  }

 private:
  [[nodiscard]] Status check_selected(bool whole) const {
    return check_pcpu(pcpu_, follower_.feed().tables(), writer_.passed_ns(), whole);
  }

  Status write_all() {
    while (!stop_requested()) {
      if (take_reopen()) writer_.reopen();
      if (Status taken = take_new_data(); !taken) return taken;
      if (!failed_) return failed_;
      if (Status exists = check_selected(false); !exists) return exists;
      if (!writer_.status() || writer_.done()) break;
      const Result<bool> over = end_.reached(follower_.attachment());
      if (!over || *over) {
        verdicts_.reach_end();
        const Status written = writer_.write_verdicts(verdicts_.take());
        return !over ? Status(over.error()) : !written ? written : check_selected(true);
      }
      const Health::Kind kind = follower_.attachment().health().kind;
      const bool may_be_fast = kind == Health::Kind::kRecording || kind == Health::Kind::kWaiting;
      wait_for_input(-1, may_be_fast ? kPollRecording : kPollLive);
    }
    return writer_.status();
  }

  Result<SampleFeed::From> begin(const RegionReader& reader) override {
    const WaitFeed::From from = this->from(reader);
    damaged_waits_before_ += writer_.damaged();
    if (Status started = writer_.start(reader, from); !started) return started.error();
    return from == WaitFeed::From::kNow ? SampleFeed::From::kNow : SampleFeed::From::kOldest;
  }

  void reading(const RegionReader& reader) override { writer_.reading(reader); }

  void add(const Sample& sample) override { writer_.add(sample); }

  Status take_new_data() {
    // Polled first: once the daemon has ended, no more samples come.
    if (publisher_.daemon) publisher_.daemon->poll();
    if (const auto followed = follower_.follow(*this); !followed) return followed.error();
    if (follower_.reader() == nullptr) return ok();
    if (publisher_.replay) publisher_.replay->have_read(follower_.feed().passed());
    take_verdicts(*follower_.reader());
    return ok();
  }

  // Our own daemon's waits are reported from its start, and so are those of a daemon that replaced the
  // previous one; those of another's recording as far as they are there, those of another's host from now on.
  [[nodiscard]] WaitFeed::From from(const RegionReader& reader) const {
    if (follower_.has_begun() || publisher_.daemon) return WaitFeed::From::kBeginning;
    const bool recording = reader.header().source_kind == XENMON_SOURCE_RECORDING;
    return recording ? WaitFeed::From::kOldest : WaitFeed::From::kNow;
  }

  // A recording's verdicts are reported after its end: before that it is chance when they are seen, and a log
  // of a recording has the same bytes each time.
  void take_verdicts(const RegionReader& reader) {
    verdicts_.look(reader);
    if (reader.header().source_kind == XENMON_SOURCE_RECORDING) return;
    if (Status written = writer_.write_verdicts(verdicts_.take()); !written) failed_ = written;
  }

  Publisher& publisher_;
  VerdictLog verdicts_;
  Status failed_ = ok(); // to write a verdict
  DataEnd end_;
  std::optional<std::uint32_t> pcpu_;
  RegionFollower follower_;
  WaitWriter writer_;
  std::uint64_t damaged_waits_before_ = 0; // of earlier daemons
};

} // namespace

Status run_slow_waits(const Options& options, Publisher& publisher) {
  // The first wait may take long, so say what the user is waiting for.
  if (isatty(STDERR_FILENO) != 0) {
    std::cerr << "xenmon: waits for a CPU of "
              << time_text(static_cast<double>(*options.slow_wait_ns), true, 9)
              << " or more, as they end; Ctrl-C stops\n";
  }
  return Session(options, publisher).run();
}

} // namespace xenmon
