// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/window_sums.h"

namespace xenmon {

WindowSums::Figures* WindowSums::of(DomainIndex domain, std::int64_t vcpu, std::uint32_t pcpu) {
  const DomainEntry& entry = directory_[domain];
  if (grouping_.domid && *grouping_.domid != entry.domid) return nullptr;
  const std::int64_t on = !grouping_.by_pcpu || pcpu == XENMON_NO_PCPU ? kNone : std::int64_t{pcpu};
  Figures& figures = figures_[{entry.domid, entry.uid, vcpu, on}];
  figures.domain = domain;
  return &figures;
}

void WindowSums::add(const Sample& sample) {
  length_ns_ += sample.length_ns();
  lost_records_ += sample.lost_records;
  missed_samples_ += sample.missed_before;
  end_ns_ = sample.end_ns;
  for (const xenmon_row& row : sample.rows) {
    const std::int64_t vcpu = grouping_.vcpus ? std::int64_t{row.vcpu_slot} : kNone;
    Figures* figures = of(row.domain_slot, vcpu, row.pcpu);
    if (figures == nullptr) continue;
    figures->sums.add(row);
    if (row.slice_count > 0) figures->slices.add({row.slice_min_ns, row.slice_max_ns});
  }
  if (grouping_.vcpus) return; // a page exchange names no vCPU
  for (const xenmon_io_row& row : sample.io_rows) {
    if (Figures* figures = of(row.domain_slot, kNone, row.pcpu)) figures->sums.add(row);
  }
  for (const xenmon_domain_row& row : sample.domain_rows) {
    if (Figures* figures = of(row.domain_slot, kNone, XENMON_NO_PCPU)) figures->sums.add(row);
  }
}

void WindowSums::clear() {
  figures_.clear();
  length_ns_ = lost_records_ = missed_samples_ = 0;
}

} // namespace xenmon
