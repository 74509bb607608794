// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/region_sink.h"

#include <utility>

#include "session/trace_judge.h"

namespace xenmon {

RegionSink::RegionSink(RegionWriter& writer, const Pipeline& pipeline, DomainNames& names, Source& source,
                       const Origin& origin, Verdicts& verdicts, RecordKeeper* recorder, ReaderWait patience)
    : writer_(writer),
      pipeline_(pipeline),
      names_(names),
      source_(source),
      origin_(origin),
      verdicts_(verdicts),
      recorder_(recorder),
      patience_(std::move(patience)) {}

void RegionSink::on_sample(Baker& baker, const BakedSample& sample) {
  if (error_) return;
  // No reader is to see a sample without the names that are known.
  names_.name_new();
  publish_health();
  patience_.wait_before(baker, sample, pipeline_.merge());
  if (Status published = writer_.publish(baker, sample, pipeline_.merge()); !published)
    error_ = published.error();
  end_ns_ = sample.end_ns;
  if (recorder_ == nullptr) return;
  for (const xenmon_wait& wait : sample.waits) recorder_->see_wait(wait.start_ns, wait.end_ns);
}

void RegionSink::publish_health() {
  const Merge::Counts counts = pipeline_.merge().counts();
  judge_trace(counts, pipeline_.baker(), origin_, verdicts_);
  if (source_.damage()) say_damaged(verdicts_);
  if (verdicts_.changes() != published_) {
    published_ = verdicts_.changes();
    writer_.set_verdicts(verdicts_.all());
  }
  BadRecords bad = counts.bad;
  bad.add(pipeline_.baker().counts().bad);
  writer_.set_trace_health({bad.by_cause(), source_.faults()});
}

} // namespace xenmon
