// SPDX-License-Identifier: GPL-2.0-or-later
#include "timeline/run_timeline.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/seconds_text.h"
#include "session/pipeline.h"
#include "session/trace_judge.h"
#include "survey/learn_trace.h"
#include "timeline/perfetto_trace.h"

namespace xenmon {
namespace {

// How often page exchanges are looked at. Others come when they happen.
constexpr std::uint64_t kStepNs = 10'000'000;
// A recording that still grows has nothing more at the moment.
constexpr std::uint64_t kFollowNs = 100'000'000;

class TimelineRun {
 public:
  TimelineRun(Source& source, const Origin& origin, const TimelineOptions& options, PendingFile& file)
      : source_(source),
        range_(options.range),
        trace_(file),
        timeline_(trace_, options.range, [&source](const DomidUse& use) { return source.domain_name(use); }) {
    if (origin.wall_epoch_ns != 0) trace_.wall_clock(origin.wall_epoch_ns);
    Baker::Options baking = bake_options(origin);
    baking.stock_records = options.stock_records;
    baking.slow_wait_ns = options.slow_wait_ns;
    baking.watcher = &timeline_;
    pipeline_ = std::make_unique<Pipeline>(source, patience_with(origin, false), baking, nullptr, nullptr);
  }

  Status run(StopFlag& stop) {
    do {
      if (Status read = pipeline_->read(); !read) return read;
      while (!stop.raised() && !trace_.failed() && step(stop)) {
      }
      if (pipeline_->brought_nothing() && !pipeline_->last() &&
          source_.origin().kind == XENMON_SOURCE_RECORDING)
        stop.wait(-1, kFollowNs);
    } while (!pipeline_->last() && !reached_ && !stop.raised() && !trace_.failed());
    if (reached_) {
      pipeline_->baker().finish(pipeline_->tsc_at(range_.until_ns));
    } else {
      pipeline_->finish();
    }
    show_exchanges();
    timeline_.finish(pipeline_->baker().now_ns());
    return trace_.finish();
  }

  [[nodiscard]] const Pipeline& pipeline() const { return *pipeline_; }
  [[nodiscard]] std::uint64_t changes() const { return timeline_.changes(); }

 private:
  // Accounts for some more records. False: there are none now, or those that are left are after the range.
  bool step(const StopFlag& stop) {
    const std::uint64_t next = pipeline_->next_tsc();
    if (next == Pipeline::kNoLimit || next > pipeline_->watermark()) return false;
    if (!pipeline_->baker().started()) { // the first record, from which trace times are counted
      pipeline_->drain_step(next);
      return true;
    }
    const std::uint64_t now = pipeline_->ns_at(next);
    reached_ = now >= range_.until_ns;
    if (reached_) return false;
    const std::uint64_t limit = pipeline_->tsc_at(std::min(now + kStepNs, range_.until_ns));
    pipeline_->drain_to(std::max(next, limit - 1), stop);
    show_exchanges();
    return true;
  }

  void show_exchanges() {
    Baker& baker = pipeline_->baker();
    baker.settle_exchanges();
    for (const std::unique_ptr<Domain>& domain : baker.domains()) {
      if (domain) timeline_.show_exchanges(*domain, baker.now_ns());
    }
  }

  Source& source_;
  TimelineRange range_;
  PerfettoTrace trace_;
  Timeline timeline_;
  std::unique_ptr<Pipeline> pipeline_; // large tables: not on the stack
  bool reached_ = false;               // the end of the range
};

} // namespace

Result<std::string> run_timeline(Source& source, const TimelineOptions& options, PendingFile& file,
                                 StopFlag& stop) {
  Verdicts verdicts;
  Origin origin = learn_trace(source, verdicts);
  warn_of_frequency(origin);
  std::unique_ptr<TimelineRun> run;
  for (;;) {
    run = std::make_unique<TimelineRun>(source, origin, options, file);
    if (Status done = run->run(stop); !done) return done.error();
    // As for the totals: the whole recording may show what its beginning did not.
    if (stop.raised() ||
        !pcpus_seem_missing(run->pipeline().merge().counts(), run->pipeline().baker(), origin) ||
        !source.rewind())
      break;
    origin.facts.pcpus_missing = true;
    say_pcpus_missing(verdicts);
    if (Status emptied = file.empty(); !emptied) return emptied.error();
  }
  const Baker& baker = run->pipeline().baker();
  const Merge::Counts counts = run->pipeline().merge().counts();
  if (baker.now_ns() <= options.range.from_ns) {
    return Error{"The recording has nothing of that time: it is " + seconds_text(baker.now_ns()) + " s long.",
                 ExitStatus::kFailed};
  }
  judge_trace(counts, baker, origin, verdicts);
  if (source.damage()) say_damaged(verdicts);
  const std::uint64_t shown = std::min(baker.now_ns(), options.range.until_ns) - options.range.from_ns;
  if (Status placed = file.place(); !placed) return placed.error();
  std::string text = file.name() + ": " + seconds_text(shown) + " s, " + std::to_string(run->changes()) +
                     " changes of state, " + std::to_string(file.size()) + " bytes.\n";
  for (const Verdict& verdict : verdicts.all()) text += verdict.text + '\n';
  return text;
}

} // namespace xenmon
