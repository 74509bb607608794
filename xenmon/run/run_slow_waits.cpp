// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <chrono>
#include <iostream>

#include "format.h"
#include "log/wait_writer.h"
#include "run/front_end.h"
#include "run/log_session.h"

namespace xenmon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kPollLive = 100ms;
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

class Session final : public LogSession {
 public:
  Session(const Options& options, Publisher& publisher)
      : LogSession(options, publisher, {.path = publisher.region}, kPollLive),
        writer_(settings_of(options), follower().directory()) {}

 private:
  LogOutput& output() override { return writer_; }

  Result<SampleFeed::From> begin(const RegionReader& reader) override {
    const WaitFeed::From from = this->from(reader);
    if (Status started = writer_.start(reader, from); !started) return started.error();
    return from == WaitFeed::From::kNow ? SampleFeed::From::kNow : SampleFeed::From::kOldest;
  }

  void reading(const RegionReader& reader) override { writer_.reading(reader); }

  // Our own daemon's waits are reported from its start, and so are those of a daemon that replaced the
  // previous one; those of another's recording as far as they are there, those of another's host from now on.
  [[nodiscard]] WaitFeed::From from(const RegionReader& reader) const {
    if (is_wanted_whole()) return WaitFeed::From::kBeginning;
    const bool recording = reader.header().source_kind == XENMON_SOURCE_RECORDING;
    return recording ? WaitFeed::From::kOldest : WaitFeed::From::kNow;
  }

  WaitWriter writer_;
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
