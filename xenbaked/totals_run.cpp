// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "bake/baker.h"
#include "daemon.h"
#include "merge/merge.h"
#include "survey/learn_trace.h"
#include "trace_judge.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kFollowNs = 100'000'000;
constexpr std::uint64_t kStretchNs = 1'000'000'000;

// All that can be handed over, in stretches: a signal is heard in between, however long the recording.
void drain(Merge& merge, Baker& baker, const StopFlag& stop) {
  const std::uint64_t stretch = baker.clock().to_cycles(kStretchNs);
  merge.drain(0, baker); // finds the first record
  while (!stop.raised() && merge.next_tsc() <= merge.watermark() && merge.next_tsc() != Merge::kNoLimit)
    merge.drain(merge.next_tsc() + std::min(stretch, Merge::kNoLimit - merge.next_tsc()), baker);
}

// Bakes all of a source into one sample. `recorder` may be null.
Status bake_all(Source& source, Baker& baker, Merge& merge, Recorder* recorder, StopFlag& stop) {
  Pass pass;
  do {
    if (Status read = source.read_pass(pass); !read) return read;
    if (recorder != nullptr) recorder->write(pass);
    if (pass.gap) {
      merge.lift_watermark();
      merge.drain(Merge::kNoLimit, baker);
      merge.restart();
      baker.discontinuity();
    }
    merge.append(pass);
    source.release_pass();
    drain(merge, baker, stop);
    // A recording that is followed has nothing more at the moment.
    if (pass.windows.empty() && !pass.last && source.origin().kind == XENMON_SOURCE_RECORDING)
      stop.wait(-1, kFollowNs);
  } while (!pass.last && !stop.raised());
  baker.finish(merge.position());
  return ok();
}

// They are sorted by domid, and those of the same domid in their order.
void name_domains(std::vector<DomainTotals>& domains, const Source& source, Recorder* recorder) {
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

Result<TraceTotals> run_totals(Source& source, bool stock_records, Recorder* recorder, StopFlag& stop) {
  Verdicts verdicts;
  Origin origin = learn_trace(source, verdicts);
  warn_of_frequency(origin);
  std::optional<Baker> baker;
  std::optional<Merge> merge;
  for (;;) {
    Baker::Options options = bake_options(origin);
    options.stock_records = stock_records;
    baker.emplace(options);
    merge.emplace();
    if (Status baked = bake_all(source, *baker, *merge, recorder, stop); !baked) return baked.error();
    // What the beginning did not show, all of it may: then it has to be known from the start.
    if (stop.raised() || !pcpus_seem_missing(merge->counts(), *baker, origin) || !source.rewind()) break;
    origin.facts.pcpus_missing = true;
    recorder = nullptr; // it has all of it
    say_pcpus_missing(verdicts);
  }
  const Merge::Counts counts = merge->counts();
  judge_trace(counts, *baker, origin, verdicts);
  if (source.damage()) say_damaged(verdicts);
  TraceTotals totals;
  totals.records = counts.records;
  totals.lost_records = counts.lost_records;
  totals.bad = counts.bad;
  totals.bad.add(baker->counts().bad);
  totals.duration_ns = baker->now_ns();
  totals.pcpus = known_pcpus(*merge, origin);
  totals.domains = baker->totals();
  name_domains(totals.domains, source, recorder);
  for (const Verdict& verdict : verdicts.all()) totals.verdicts.push_back(verdict.text);
  return totals;
}

} // namespace xenmon
