// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>

#include "bake/baker.h"
#include "control_channel.h"
#include "domain_names.h"
#include "merge/merge.h"
#include "pace.h"
#include "reader_patience.h"
#include "region/region_writer.h"
#include "survey/learn_trace.h"
#include "text.h"
#include "trace_judge.h"
#include "wall_epoch.h"
#include "xenmon/trace_time.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// So much of a recording is taken at once on the way to a time: a command or a signal is heard in between.
constexpr std::uint64_t kStretchNs = kSecond;
// How often a recording that is followed is looked at.
constexpr std::uint64_t kFollowNs = kSecond / 10;
constexpr std::uint64_t kForEverNs = 3600 * kSecond;
// A recording that is played as fast as possible is thousands of times as fast as a host: 9 MiB.
constexpr std::uint32_t kFastWaitCapacity = 16 * RegionWriter::kWaitCapacity;

std::uint32_t wait_capacity(const Origin& origin, const DaemonOptions& options) {
  const bool fast = origin.kind == XENMON_SOURCE_RECORDING &&
                    (options.speed <= 0 || options.held_at_ns || options.control_fd >= 0);
  return fast ? kFastWaitCapacity : RegionWriter::kWaitCapacity;
}

std::uint64_t clock_ns(clockid_t clock) {
  struct timespec now {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t own_cpu_ns() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
           static_cast<std::uint64_t>(time.tv_usec) * 1000U;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

// Hands samples on, and keeps the first failure since a sample has nobody to return it to.
class Publisher final : public BakeSink {
 public:
  Publisher(RegionWriter& writer, const Merge& merge, Source& source, const Origin& origin,
            Verdicts& verdicts, ReaderPatience patience)
      : writer_(writer),
        merge_(merge),
        source_(source),
        origin_(origin),
        verdicts_(verdicts),
        patience_(std::move(patience)) {}
  // Before the first sample.
  void set_names(DomainNames& names) { names_ = &names; }
  void on_sample(Baker& baker, const BakedSample& sample) override {
    if (error_) return;
    // No reader is to see a sample without the names that are known.
    if (names_ != nullptr) names_->name_new();
    say_health(baker);
    patience_.wait_before(baker, sample, merge_);
    if (Status published = writer_.publish(baker, sample, merge_); !published) error_ = published.error();
    end_ns_ = sample.end_ns;
  }
  // What is true of the trace as a whole, for readers. Also at the end, when there is no sample any more.
  void say_health(const Baker& baker) {
    const Merge::Counts counts = merge_.counts();
    judge_trace(counts, baker, origin_, verdicts_);
    if (source_.damage()) say_damaged(verdicts_);
    if (verdicts_.changes() != said_) {
      said_ = verdicts_.changes();
      writer_.set_verdicts(verdicts_.all());
    }
    BadRecords bad = counts.bad;
    bad.add(baker.counts().bad);
    writer_.set_trace_health({bad.by_cause(), source_.faults()});
  }
  // Trace time up to which all is published.
  [[nodiscard]] std::uint64_t end_ns() const { return end_ns_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  RegionWriter& writer_;
  const Merge& merge_;
  std::uint64_t end_ns_ = 0;
  Source& source_;
  const Origin& origin_;
  Verdicts& verdicts_;
  std::uint64_t said_ = 0; // verdicts_.changes() when readers were told last
  ReaderPatience patience_;
  DomainNames* names_ = nullptr;
  std::optional<Error> error_;
};

// The end of the sample that a time is in, where a replay can hold; the first there is for 0.
std::uint64_t edge_at(std::uint64_t ns, std::uint64_t sample_ns) {
  if (ns >= ClockScale::kMaxNs - sample_ns) return kTraceEnd;
  return std::max<std::uint64_t>((ns + sample_ns - 1) / sample_ns, 1) * sample_ns;
}

class Daemon {
 public:
  // Of a recording: goes to `held_at` first and holds there, if it is given; otherwise it plays. `control`
  // may be null.
  Daemon(Source& source, const Origin& origin, Verdicts& verdicts, const DaemonOptions& options,
         Recorder* recorder, StopFlag& stop, RegionWriter& writer, ControlChannel* control,
         std::optional<std::uint64_t> held_at)
      : source_(source),
        origin_(origin),
        options_(options),
        recorder_(recorder),
        stop_(stop),
        writer_(writer),
        control_(control),
        publisher_(writer, merge_, source, origin, verdicts,
                   ReaderPatience(writer, control, stop, [this] { beat(); })),
        baker_(baker_options(origin, options), &publisher_),
        names_(source, baker_, recorder),
        wall_epoch_(source.origin().wall_epoch_ns),
        pace_(options.speed) {
    publisher_.set_names(names_);
    if (held_at) target_ = edge_at(*held_at, options.sample_ns);
  }

  Status run() {
    Status result = origin_.kind == XENMON_SOURCE_RECORDING ? play() : listen();
    if (result && publisher_.error()) result = *publisher_.error();
    if (result && anew_) return result;
    if (started_) baker_.finish(merge_.position());
    keep_house();
    publisher_.say_health(baker_);
    writer_.set_held(false);
    writer_.set_state(XENMON_STATE_ENDED);
    if (result && publisher_.error()) result = *publisher_.error();
    return result;
  }

  // After run(): the time at which the recording, rewound, is wanted from its beginning; another Daemon's
  // work.
  [[nodiscard]] std::optional<std::uint64_t> anew() const { return anew_; }

 private:
  static Baker::Options baker_options(const Origin& origin, const DaemonOptions& options) {
    Baker::Options out = bake_options(origin);
    out.sample_ns = options.sample_ns;
    // A reader that is late by a second still finds what a remembered sample refers to.
    out.linger_ns = options.history_ns + 2 * kSecond;
    out.stock_records = options.stock_records;
    out.slow_wait_ns = options.slow_wait_ns;
    out.waits_per_sample = wait_capacity(origin, options);
    return out;
  }

  Status take_pass(std::uint64_t tsc_shift) {
    if (Status read = source_.read_pass(pass_); !read) return read;
    ++passes_;
    if (recorder_ != nullptr) recorder_->write(pass_);
    if (pass_.gap) {
      merge_.lift_watermark();
      merge_.drain(Merge::kNoLimit, baker_);
      merge_.restart();
      baker_.discontinuity();
    }
    merge_.append(pass_, tsc_shift);
    source_.release_pass();
    if (!pass_.windows.empty()) started_ = true;
    return ok();
  }

  Status listen() {
    while (!stop_.raised() && !publisher_.error()) {
      const WallEpoch::Reading before = std::exchange(clocks_, {});
      if (Status taken = take_pass(0); !taken) return taken;
      read_clocks();
      merge_.drain(Merge::kNoLimit, baker_);
      if (pass_.last) return ok();
      if (!pass_.gap) follow_wall_clock(before);
      keep_house();
      ++wakeups_;
      if (stop_.wait(source_.event_fd(), options_.poll_ns)) {
        if (Status acknowledged = source_.acknowledge(); !acknowledged) return acknowledged;
      }
    }
    // Nothing more will be read, so nothing has to be waited for.
    Status taken = take_pass(0);
    merge_.lift_watermark();
    merge_.drain(Merge::kNoLimit, baker_);
    return taken;
  }

  void read_clocks() {
    clocks_.realtime_ns = clock_ns(CLOCK_REALTIME);
    clocks_.monotonic_ns = clock_ns(CLOCK_MONOTONIC);
  }

  // The newest record that has been accounted is the last one of the pass before, whose clocks `before` are;
  // where there is one pCPU, it is that of this pass.
  void follow_wall_clock(WallEpoch::Reading before) {
    WallEpoch::Reading reading = pass_.one_pcpu ? clocks_ : before;
    if (reading.realtime_ns == 0 || !baker_.started() || merge_.position() == position_) return;
    position_ = merge_.position();
    reading.trace_ns = baker_.clock().to_ns(position_ - baker_.base_tsc());
    writer_.set_wall_epoch(wall_epoch_.take(reading));
  }

  Status play() {
    for (;;) {
      if (control_ != nullptr) obey();
      if (stop_.raised() || publisher_.error() || over_ || anew_) return ok();
      Status done = standing_ ? rest() : target_ ? approach() : roll();
      if (!done) return done;
    }
  }

  // A recording at its own pace: takes what is due, and waits for what is not.
  Status roll() {
    if (!pace_.unlimited() && !pace_.started()) {
      if (Status found = find_start(); !found) return found;
      pace_.start(baker_.now_ns());
    }
    // Enough of the recording for everything that is due.
    std::uint64_t limit = Merge::kNoLimit;
    if (!pace_.unlimited()) limit = baker_.base_tsc() + baker_.clock().to_cycles(pace_.due());
    while (!last_ && merge_.watermark() <= limit) {
      if (Status taken = take_recorded(); !taken) return taken;
      if (pace_.unlimited() || pass_.windows.empty()) break;
    }
    drain_to(limit);
    keep_house();
    if (stop_.raised()) return ok();
    if (last_ && merge_.next_tsc() == Merge::kNoLimit) return end_round();
    if (pace_.unlimited()) return ok();
    ++wakeups_;
    const std::uint64_t next = merge_.next_tsc() == Merge::kNoLimit
                                   ? 0
                                   : pace_.until(baker_.clock().to_ns(merge_.next_tsc() - baker_.base_tsc()));
    // No more often than twice a sample, and in time for the heartbeat.
    const auto tick = static_cast<std::uint64_t>(static_cast<double>(options_.sample_ns) / pace_.speed() / 2);
    stop_.wait(control_fd(), std::clamp<std::uint64_t>(std::max(next, tick), 10'000'000, kSecond / 2));
    return ok();
  }

  // A stretch of the way to target_ at full speed. What comes behind it is left where it is.
  Status approach() {
    if (Status found = find_start(); !found) return found;
    const std::uint64_t cycles = baker_.clock().to_cycles(*target_);
    const std::uint64_t limit =
        cycles >= Merge::kNoLimit - baker_.base_tsc() ? Merge::kNoLimit : baker_.base_tsc() + cycles - 1;
    if (!last_ && (merge_.watermark() < limit || merge_.next_tsc() == Merge::kNoLimit)) {
      if (Status taken = take_recorded(); !taken) return taken;
      merge_.drain(0, baker_); // finds the first record without handing it over
    }
    if (const std::uint64_t next = merge_.next_tsc(); next != Merge::kNoLimit && next <= limit) {
      const std::uint64_t stretch = baker_.clock().to_cycles(kStretchNs);
      merge_.drain(next < limit - std::min(limit, stretch) ? next + stretch : limit, baker_);
    }
    keep_house();
    const std::uint64_t next = merge_.next_tsc();
    if (next == Merge::kNoLimit) return last_ ? end_round() : ok();
    if (next > limit && merge_.watermark() >= limit) {
      baker_.reach(*target_, next);
      stand(ControlChannel::State::kHeld);
    }
    return ok();
  }

  // Applies the first record, so that trace times mean something.
  Status find_start() {
    while (!baker_.started() && !stop_.raised()) {
      merge_.drain(0, baker_);
      const std::uint64_t next = merge_.next_tsc();
      if (next != Merge::kNoLimit && merge_.watermark() >= next) {
        merge_.drain(next, baker_);
      } else if (last_) {
        break;
      } else if (Status taken = take_recorded(); !taken) {
        return taken;
      }
    }
    return ok();
  }

  Status take_recorded() {
    Status taken = take_pass(shift_);
    last_ = pass_.last;
    if (taken && !last_ && pass_.windows.empty()) {
      // A recording that is followed has nothing more at the moment.
      keep_house();
      stop_.wait(control_fd(), kFollowNs);
    }
    return taken;
  }

  // In stretches: a signal is heard in between, however long the recording.
  void drain_to(std::uint64_t limit) {
    const std::uint64_t stretch = baker_.clock().to_cycles(kStretchNs);
    merge_.drain(0, baker_); // finds the first record
    for (std::uint64_t next = merge_.next_tsc();
         !stop_.raised() && next != Merge::kNoLimit && next <= std::min(limit, merge_.watermark());
         next = merge_.next_tsc()) {
      merge_.drain(std::min(limit, next + std::min(stretch, Merge::kNoLimit - next)), baker_);
    }
  }

  // The recording is over: again, if it is to be played in a loop. Who steers it may want to go back.
  Status end_round() {
    if (options_.loop && started_) {
      if (Status rewound = source_.rewind(); !rewound) return rewound;
      last_ = false;
      if (first_tsc_ == 0) first_tsc_ = baker_.base_tsc();
      // The next round begins a millisecond after this one's last record.
      shift_ = merge_.position() - first_tsc_ + baker_.clock().to_cycles(1'000'000);
      merge_.begin_round();
      baker_.discontinuity();
      names_.begin_round();
      return ok();
    }
    if (control_ == nullptr || control_->read_sample()) {
      over_ = true;
      return ok();
    }
    if (started_) baker_.finish(merge_.position());
    stand(ControlChannel::State::kEnd);
    return ok();
  }

  // ---- a replay that is steered

  void obey() {
    while (!anew_) {
      const std::optional<ReplayCommand> command = control_->next();
      if (!command) break;
      switch (command->kind) {
        case ReplayCommand::Kind::kTo:
          go_to(edge_at(command->to_ns, options_.sample_ns));
          break;
        case ReplayCommand::Kind::kPlay:
          play_on(command->speed);
          break;
        case ReplayCommand::Kind::kHold:
          // Before the first sample there is nothing to be held.
          if (publisher_.end_ns() == 0 && !at_end()) {
            go_to(options_.sample_ns);
          } else {
            stand(at_end() ? ControlChannel::State::kEnd : ControlChannel::State::kHeld);
          }
          break;
      }
    }
    if (control_->gone()) over_ = true;
  }

  void go_to(std::uint64_t edge) {
    const std::uint64_t here = publisher_.end_ns();
    if (edge == here || (at_end() && edge > here)) {
      stand(at_end() ? ControlChannel::State::kEnd : ControlChannel::State::kHeld);
    } else if (edge > here) {
      set_off();
      target_ = edge;
    } else if (Status rewound = source_.rewind(); rewound) {
      set_off();
      anew_ = edge;
    } else {
      std::cerr << "xenbaked: " << printable_lines(rewound.error().message) << '\n';
      // It goes on as before; but the other side waits for an answer.
      control_->tell(standing_.value_or(ControlChannel::State::kPlaying), here);
    }
  }

  void play_on(double speed) {
    if (at_end()) {
      stand(ControlChannel::State::kEnd);
      return;
    }
    set_off();
    pace_ = Pace(speed);
    // At full speed it is a way like any other, which can be left at every stretch.
    if (pace_.unlimited()) target_ = kTraceEnd;
    if (baker_.started()) pace_.start(baker_.now_ns());
    control_->tell(ControlChannel::State::kPlaying, publisher_.end_ns());
  }

  void set_off() {
    standing_.reset();
    target_.reset();
    writer_.set_held(false);
  }

  void stand(ControlChannel::State state) {
    standing_ = state;
    target_.reset();
    if (at_end()) {
      publisher_.say_health(baker_);
      writer_.set_state(XENMON_STATE_ENDED);
    } else {
      writer_.set_held(true);
    }
    if (control_ != nullptr) control_->tell(state, publisher_.end_ns());
  }

  // Until there is a command. At the end no heart beats, so that readers can tell since when.
  Status rest() {
    if (!at_end()) keep_house();
    ++wakeups_;
    stop_.wait(control_fd(), at_end() ? kForEverNs : kSecond / 2);
    return ok();
  }

  [[nodiscard]] bool at_end() const { return standing_ == ControlChannel::State::kEnd; }
  [[nodiscard]] int control_fd() const { return control_ == nullptr ? -1 : control_->fd(); }

  void keep_house() {
    const std::uint64_t now = monotonic_ns();
    names_.update(now, passes_);
    if (now - last_beat_ns_ >= kSecond / 4) {
      last_beat_ns_ = now;
      if (recorder_ != nullptr) {
        if (const std::optional<Error> error = recorder_->take_error())
          std::cerr << "xenbaked: " << printable_lines(error->message) << '\n';
      }
      beat();
    }
  }
  void beat() { writer_.heartbeat(wakeups_, own_cpu_ns()); }

  Source& source_;
  const Origin& origin_;
  const DaemonOptions& options_;
  Recorder* recorder_;
  StopFlag& stop_;
  RegionWriter& writer_;
  ControlChannel* control_;
  Merge merge_;
  Publisher publisher_;
  Baker baker_;
  DomainNames names_;
  Pass pass_;
  bool started_ = false;
  std::uint64_t wakeups_ = 0;
  // A live trace's.
  WallEpoch wall_epoch_;
  WallEpoch::Reading clocks_;  // when the newest pass had been read
  std::uint64_t position_ = 0; // the TSC that wall_epoch_ was told of last
  // A recording's.
  Pace pace_;
  std::optional<std::uint64_t> target_;           // on the way to this sample's end
  std::optional<ControlChannel::State> standing_; // kHeld or kEnd
  std::optional<std::uint64_t> anew_;             // see anew()
  bool last_ = false;                             // all of the round has been read
  bool over_ = false;                             // played, or nobody is left to play for
  std::uint64_t shift_ = 0;                       // of this round's TSCs
  std::uint64_t first_tsc_ = 0;
  std::uint64_t last_beat_ns_ = 0;
  std::uint64_t passes_ = 0;
};

} // namespace

Status run_daemon(Source& source, const DaemonOptions& options, Recorder* recorder, StopFlag& stop) {
  RegionWriter::Options region;
  region.place.path = options.region;
  region.place.world_readable = options.world_readable;
  region.sample_ns = options.sample_ns;
  region.history_ns = options.history_ns;
  region.heartbeat_period_ns = std::max(region.heartbeat_period_ns, options.poll_ns);
  region.slow_wait_ns = options.slow_wait_ns;
  Verdicts verdicts;
  const Origin origin = learn_trace(source, verdicts);
  warn_of_frequency(origin);
  region.wait_capacity = wait_capacity(origin, options);
  Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(region, origin);
  if (!writer) return writer.error();
  (*writer)->set_verdicts(verdicts.all());
  std::vector<std::uint32_t> present = origin.facts.pcpus;
  present.insert(present.end(), origin.facts.untraced_pcpus.begin(), origin.facts.untraced_pcpus.end());
  (*writer)->set_present_pcpus(present);
  if (options.ready_fd >= 0) {
    // Whoever started us may be gone; then nobody needs to know.
    [[maybe_unused]] const ssize_t told = write(options.ready_fd, "R", 1);
    close(options.ready_fd);
  }
  std::optional<ControlChannel> control;
  if (options.control_fd >= 0) control.emplace(options.control_fd);
  std::optional<std::uint64_t> held_at = options.held_at_ns;
  for (;;) {
    // Large tables: not on the stack.
    const auto daemon = std::make_unique<Daemon>(source, origin, verdicts, options, recorder, stop, **writer,
                                                 control ? &*control : nullptr, held_at);
    if (Status result = daemon->run(); !result || !daemon->anew()) return result;
    // What has been played cannot be taken back, so a time that lies before is reached from the beginning.
    held_at = daemon->anew();
    if (Status begun = (*writer)->begin_anew(); !begun) return begun;
  }
}

} // namespace xenmon
