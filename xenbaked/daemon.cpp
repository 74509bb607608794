// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <vector>

#include "bake/baker.h"
#include "merge/merge.h"
#include "region/region_writer.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// Names are asked for again so often, since a domain can be renamed.
constexpr std::uint64_t kRenameCheckNs = 10 * kSecond;
// So long after its creation a domain that has no name yet is asked for it at every opportunity.
constexpr std::uint64_t kYoungNs = 2 * kSecond;
// A recording that is played as fast as possible is thousands of times as fast as a host: 9 MiB.
constexpr std::uint32_t kFastWaitCapacity = 16 * RegionWriter::kWaitCapacity;

std::uint32_t wait_capacity(const Source& source, const DaemonOptions& options) {
  const bool fast = source.origin().kind == XENMON_SOURCE_RECORDING && options.speed <= 0;
  return fast ? kFastWaitCapacity : RegionWriter::kWaitCapacity;
}

std::uint64_t monotonic_ns() {
  struct timespec now {};
  clock_gettime(CLOCK_MONOTONIC, &now);
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
  // recorder may be null.
  Publisher(RegionWriter& writer, const Merge& merge, Source& source, Recorder* recorder)
      : writer_(writer),
        merge_(merge),
        source_(source),
        recorder_(recorder),
        names_are_known_(source.origin().kind == XENMON_SOURCE_RECORDING) {}
  void on_sample(Baker& baker, const BakedSample& sample) override {
    if (error_) return;
    if (names_are_known_) name_domains(baker);
    if (Status published = writer_.publish(baker, sample, merge_); !published) error_ = published.error();
  }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  // Of a recording that is played fast many samples are published before the house is kept: no reader is
  // to see one of them without its names.
  void name_domains(const Baker& baker) {
    for (const std::unique_ptr<Domain>& domain : baker.domains()) {
      if (!domain || domain->ended || !domain->name.empty() || domain->domid == XENMON_DOMID_IDLE) continue;
      std::optional<std::string> name = source_.domain_name(domain->domid);
      if (!name) continue;
      domain->name = std::move(*name);
      if (recorder_ != nullptr) recorder_->name_domain(domain->domid, domain->name);
    }
  }

  RegionWriter& writer_;
  const Merge& merge_;
  Source& source_;
  Recorder* recorder_;
  bool names_are_known_;
  std::optional<Error> error_;
};

// Where a recording that is played at its own pace has got to.
class Pace {
 public:
  explicit Pace(double speed) : speed_(speed) {}
  [[nodiscard]] bool unlimited() const { return speed_ <= 0; }
  void start(std::uint64_t trace_ns) {
    started_ = true;
    wall_start_ = monotonic_ns();
    trace_start_ = trace_ns;
  }
  [[nodiscard]] bool started() const { return started_; }
  // Trace time that is due by now.
  [[nodiscard]] std::uint64_t due() const {
    return trace_start_ +
           static_cast<std::uint64_t>(static_cast<double>(monotonic_ns() - wall_start_) * speed_);
  }
  // How long until `trace_ns` is due, in ns of real time.
  [[nodiscard]] std::uint64_t until(std::uint64_t trace_ns) const {
    const std::uint64_t now = due();
    return trace_ns <= now
               ? 0
               : static_cast<std::uint64_t>(std::ceil(static_cast<double>(trace_ns - now) / speed_));
  }

 private:
  double speed_;
  bool started_ = false;
  std::uint64_t wall_start_ = 0;
  std::uint64_t trace_start_ = 0;
};

class Daemon {
 public:
  Daemon(Source& source, const DaemonOptions& options, Recorder* recorder, StopFlag& stop,
         RegionWriter& writer)
      : source_(source),
        options_(options),
        recorder_(recorder),
        stop_(stop),
        writer_(writer),
        publisher_(writer, merge_, source, recorder),
        baker_(baker_options(source, options), &publisher_) {}

  Status run() {
    Status result = source_.origin().kind == XENMON_SOURCE_RECORDING ? play() : listen();
    if (started_) baker_.finish(merge_.position());
    keep_house();
    writer_.set_state(XENMON_STATE_ENDED);
    if (result && publisher_.error()) result = *publisher_.error();
    return result;
  }

 private:
  static Baker::Options baker_options(const Source& source, const DaemonOptions& options) {
    Baker::Options out;
    out.cpu_khz = source.origin().cpu_khz;
    out.sample_ns = options.sample_ns;
    // A reader that is late by a second still finds what a remembered sample refers to.
    out.linger_ns = options.history_ns + 2 * kSecond;
    out.event_mask = source.origin().event_mask;
    out.stock_records = options.stock_records;
    out.slow_wait_ns = options.slow_wait_ns;
    out.waits_per_sample = wait_capacity(source, options);
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
      if (Status taken = take_pass(0); !taken) return taken;
      merge_.drain(Merge::kNoLimit, baker_);
      if (pass_.last) return ok();
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

  Status play() {
    Pace pace(options_.speed);
    std::uint64_t shift = 0;
    for (;;) {
      bool last = false;
      while (!stop_.raised() && !publisher_.error()) {
        // Enough of the recording for everything that is due.
        std::uint64_t limit = Merge::kNoLimit;
        if (!pace.unlimited() && pace.started())
          limit = baker_.base_tsc() + baker_.clock().to_cycles(pace.due());
        while (!last && (merge_.watermark() <= limit || !pace.started())) {
          if (Status taken = take_pass(shift); !taken) return taken;
          last = pass_.last;
          if (pace.unlimited()) break;
          if (!pace.started()) {
            merge_.drain(0, baker_); // finds the first record without handing it over
            if (merge_.next_tsc() != Merge::kNoLimit && merge_.watermark() >= merge_.next_tsc()) {
              merge_.drain(merge_.next_tsc(), baker_);
              pace.start(baker_.now_ns());
              limit = baker_.base_tsc() + baker_.clock().to_cycles(pace.due());
            }
          }
        }
        merge_.drain(limit, baker_);
        keep_house();
        if (last && merge_.next_tsc() == Merge::kNoLimit) break;
        if (!pace.unlimited()) {
          ++wakeups_;
          const std::uint64_t next =
              merge_.next_tsc() == Merge::kNoLimit
                  ? 0
                  : pace.until(baker_.clock().to_ns(merge_.next_tsc() - baker_.base_tsc()));
          // No more often than twice a sample, and in time for the heartbeat.
          const auto tick =
              static_cast<std::uint64_t>(static_cast<double>(options_.sample_ns) / options_.speed / 2);
          stop_.wait(-1, std::clamp<std::uint64_t>(std::max(next, tick), 10'000'000, kSecond / 2));
        }
      }
      if (!options_.loop || stop_.raised() || publisher_.error() || !started_) return ok();
      if (Status rewound = source_.rewind(); !rewound) return rewound;
      if (first_tsc_ == 0) first_tsc_ = baker_.base_tsc();
      // The next round begins a millisecond after this one's last record.
      shift = merge_.position() - first_tsc_ + baker_.clock().to_cycles(1'000'000);
      merge_.restart();
      baker_.discontinuity();
    }
  }

  void keep_house() {
    const std::uint64_t now = monotonic_ns();
    settle_names();
    const bool rename = now - last_rename_ns_ >= kRenameCheckNs;
    if (rename) last_rename_ns_ = now;
    const bool all_nameless =
        rename || now - last_names_ns_ >= kSecond || baker_.domains().size() != named_slots_;
    if (all_nameless) last_names_ns_ = now;
    named_slots_ = baker_.domains().size();
    for (const std::unique_ptr<Domain>& domain : baker_.domains()) {
      if (!domain || domain->ended || domain->domid == XENMON_DOMID_IDLE) continue;
      // A new domain gets its name a moment after its creation, and may not live for long.
      const bool young = domain->born && baker_.now_ns() - domain->born_ns < kYoungNs;
      if (rename || (domain->name.empty() && (all_nameless || young))) ask_for_name(*domain);
    }
    if (now - last_beat_ns_ >= kSecond / 4) {
      last_beat_ns_ = now;
      if (recorder_ != nullptr) {
        if (const std::optional<Error> error = recorder_->take_error())
          std::cerr << "xenbaked: " << error->message << '\n';
      }
      writer_.heartbeat(wakeups_, own_cpu_ns());
    }
  }

  void ask_for_name(const Domain& domain) {
    std::optional<std::string> name = source_.domain_name(domain.domid);
    if (!name || *name == domain.name) return;
    for (const Told& told : told_) {
      if (told.uid == domain.uid && told.name == *name) return;
    }
    told_.push_back({domain.slot, domain.uid, std::move(*name), passes_});
    if (source_.origin().kind != XENMON_SOURCE_LIVE) settle_names();
  }

  // A live host's names are told by the number a domain has at that moment, and the accounting is behind:
  // the number may be another domain's already. That is known when what Xen had written by then has been
  // accounted for, after two more passes.
  void settle_names() {
    const std::uint64_t wait = source_.origin().kind == XENMON_SOURCE_LIVE ? 2 : 0;
    std::erase_if(told_, [&](Told& told) {
      if (told.pass + wait > passes_) return false;
      Domain* domain = baker_.domain(told.slot);
      if (domain == nullptr || domain->uid != told.uid || has_successor(*domain)) return true;
      domain->name = std::move(told.name);
      if (recorder_ != nullptr) recorder_->name_domain(domain->domid, domain->name);
      return true;
    });
  }

  [[nodiscard]] bool has_successor(const Domain& domain) const {
    if (!domain.ended) return false;
    return std::any_of(baker_.domains().begin(), baker_.domains().end(), [&](const auto& other) {
      return other && other->domid == domain.domid && other->uid > domain.uid;
    });
  }

  // A name that the source told.
  struct Told {
    std::uint32_t slot;
    std::uint64_t uid;
    std::string name;
    std::uint64_t pass; // when
  };

  Source& source_;
  const DaemonOptions& options_;
  Recorder* recorder_;
  StopFlag& stop_;
  RegionWriter& writer_;
  Merge merge_;
  Publisher publisher_;
  Baker baker_;
  Pass pass_;
  bool started_ = false;
  std::uint64_t wakeups_ = 0;
  std::uint64_t first_tsc_ = 0;
  std::uint64_t last_names_ns_ = 0;
  std::uint64_t last_rename_ns_ = 0;
  std::uint64_t last_beat_ns_ = 0;
  std::size_t named_slots_ = 0;
  std::uint64_t passes_ = 0;
  std::vector<Told> told_;
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
  region.wait_capacity = wait_capacity(source, options);
  Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(region, source.origin());
  if (!writer) return writer.error();
  if (options.ready_fd >= 0) {
    // Whoever started us may be gone; then nobody needs to know.
    [[maybe_unused]] const ssize_t told = write(options.ready_fd, "R", 1);
    close(options.ready_fd);
  }
  // Large tables: not on the stack.
  const auto daemon = std::make_unique<Daemon>(source, options, recorder, stop, **writer);
  return daemon->run();
}

Result<TraceTotals> run_totals(Source& source, bool stock_records, Recorder* recorder, StopFlag& stop) {
  Baker::Options options;
  options.cpu_khz = source.origin().cpu_khz;
  options.event_mask = source.origin().event_mask;
  options.stock_records = stock_records;
  Baker baker(options);
  Merge merge;
  Pass pass;
  do {
    if (Status read = source.read_pass(pass); !read) return read.error();
    if (recorder != nullptr) recorder->write(pass);
    merge.append(pass);
    source.release_pass();
    merge.drain(Merge::kNoLimit, baker);
  } while (!pass.last && !stop.raised());
  baker.finish(merge.position());

  const Merge::Counts counts = merge.counts();
  TraceTotals totals;
  totals.records = counts.records;
  totals.lost_records = counts.lost_records;
  totals.bad_records = counts.bad_records + baker.counts().bad_records;
  totals.duration_ns = baker.now_ns();
  totals.pcpus = merge.pcpus_seen();
  totals.domains = baker.totals();
  for (DomainTotals& domain : totals.domains) {
    if (std::optional<std::string> name = source.domain_name(domain.domid)) {
      domain.name = std::move(*name);
      if (recorder != nullptr) recorder->name_domain(domain.domid, domain.name);
    }
  }
  return totals;
}

} // namespace xenmon
