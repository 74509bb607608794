// SPDX-License-Identifier: GPL-2.0-or-later
#include "bake/baker.h"

#include <algorithm>

namespace xenmon {

Baker::Baker(const Options& options, BakeSink* sink)
    : options_(options),
      sink_(sink),
      scale_(options.cpu_khz),
      domain_by_id_(65536, XENMON_NO_SLOT),
      slow_waits_(options.waits_per_sample) {
  pools_.push_back(std::make_unique<IdleClock>());
  options_.sample_ns = std::min(options_.sample_ns, kMaxSampleNs);
  if (options_.pcpus_missing) ++careful_;
  if (!options_.clock_ahead_ns.empty()) careful_ |= kSkewed;
  if (sink_ == nullptr && options_.watcher == nullptr) options_.slow_wait_ns = ~std::uint64_t{0};
  // The first version's class is selected for nothing else. That of the second is also in masks for stock
  // Xen.
  if (!options_.stock_records && (options_.event_mask & event::kAcctOnly) != 0) {
    by_dispatch_records_ = (options_.event_mask & event::kAcctDispatches) != 0;
    if ((options_.event_mask & event::kAcctPages) != 0) exchanges_from_ = ExchangesFrom::kPageCounts;
  }
  if (!options_.stock_records) {
    by_dispatch_records_ = by_dispatch_records_ || options_.has_dispatches;
    if (options_.has_page_counts) exchanges_from_ = ExchangesFrom::kPageCounts;
  }
}

[[gnu::cold]] void Baker::hear_of_pcpu(std::uint32_t pcpu) {
  pcpus_.resize(pcpu + 1);
  presumed_.resize(pcpu + 1);
}

[[gnu::cold]] void Baker::report_time(const Vcpu& vcpu, Bucket bucket, std::uint64_t until_ns) const {
  if (until_ns > vcpu.since_ns) options_.watcher->on_time(vcpu, bucket, vcpu.since_ns, until_ns);
}

} // namespace xenmon
