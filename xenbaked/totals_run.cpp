// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "bake/baker.h"
#include "daemon.h"
#include "merge/merge.h"

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

} // namespace

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
    drain(merge, baker, stop);
    // A recording that is followed has nothing more at the moment.
    if (pass.windows.empty() && !pass.last) stop.wait(-1, kFollowNs);
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
