// SPDX-License-Identifier: GPL-2.0-or-later
#include <optional>
#include <string>
#include <utility>

#include "bake/baker.h"
#include "daemon.h"
#include "merge/merge.h"

namespace xenmon {

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
  totals.bad_records = counts.bad_records + baker.counts().bad.total();
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
