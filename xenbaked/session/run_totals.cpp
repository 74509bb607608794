// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/run_totals.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "session/pipeline.h"
#include "session/trace_judge.h"
#include "survey/learn_trace.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kFollowNs = 100'000'000;

// Bakes all of a source into one sample.
Status bake_all(const Source& source, Pipeline& pipeline, StopFlag& stop) {
  do {
    if (Status read = pipeline.read(); !read) return read;
    pipeline.drain_to(Pipeline::kNoLimit, stop);
    // A recording that still grows has nothing more at the moment.
    if (pipeline.brought_nothing() && !pipeline.last() && source.origin().kind == XENMON_SOURCE_RECORDING)
      stop.wait(-1, kFollowNs);
  } while (!pipeline.last() && !stop.raised());
  pipeline.finish();
  return ok();
}

// They are sorted by domid, and those of the same domid in their order.
void name_domains(std::vector<DomainTotals>& domains, const Source& source, RecordKeeper* recorder) {
  std::uint32_t use = 1;
  for (std::size_t i = 0; i < domains.size(); ++i) {
    DomainTotals& domain = domains[i];
    use = i > 0 && domains[i - 1].domid == domain.domid ? use + 1 : 1;
    const bool last = i + 1 == domains.size() || domains[i + 1].domid != domain.domid;
    const DomidUse known{domain.domid, use, last};
    if (std::optional<std::string> name = source.domain_name(known)) {
      domain.name = std::move(*name);
      if (recorder != nullptr) recorder->name_domain(known, domain.name);
    }
  }
}

} // namespace

Result<TraceTotals> run_totals(Source& source, bool stock_records, RecordKeeper* recorder, StopFlag& stop) {
  Verdicts verdicts;
  Origin origin = learn_trace(source, verdicts);
  warn_of_frequency(origin);
  std::unique_ptr<Pipeline> pipeline; // large tables: not on the stack
  for (;;) {
    Baker::Options options = bake_options(origin);
    options.stock_records = stock_records;
    pipeline = std::make_unique<Pipeline>(source, patience_with(origin, false), options, nullptr, recorder);
    if (Status baked = bake_all(source, *pipeline, stop); !baked) return baked.error();
    // The whole recording may show what its beginning did not; then it has to be known from the start.
    if (stop.raised() || !pcpus_seem_missing(pipeline->merge().counts(), pipeline->baker(), origin) ||
        !source.rewind())
      break;
    origin.facts.pcpus_missing = true;
    recorder = nullptr; // it has all of it
    say_pcpus_missing(verdicts);
  }
  const Baker& baker = pipeline->baker();
  const Merge::Counts counts = pipeline->merge().counts();
  judge_trace(counts, baker, origin, verdicts);
  if (!stop.raised()) judge_length(counts, baker, verdicts);
  if (source.damage()) say_damaged(verdicts);
  TraceTotals totals;
  totals.records = counts.records;
  totals.lost_records = counts.lost_records;
  totals.bad = counts.bad;
  totals.bad.add(baker.counts().bad);
  totals.duration_ns = baker.now_ns();
  totals.pcpus = known_pcpus(pipeline->merge(), origin);
  totals.domains = baker.totals();
  name_domains(totals.domains, source, recorder);
  for (const Verdict& verdict : verdicts.all()) totals.verdicts.push_back(verdict.text);
  return totals;
}

} // namespace xenmon
