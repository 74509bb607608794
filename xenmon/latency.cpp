// SPDX-License-Identifier: GPL-2.0-or-later
#include "latency.h"

#include <algorithm>

#include "xenmon/quantile.h"

namespace xenmon {
namespace {

std::uint32_t* counts_of(xenmon_histograms& histograms, std::size_t spread) {
  return spread == 0 ? histograms.wake_wait : spread == 1 ? histograms.preempt_wait : histograms.run;
}
const std::uint32_t* counts_of(const xenmon_histograms& histograms, std::size_t spread) {
  return spread == 0 ? histograms.wake_wait : spread == 1 ? histograms.preempt_wait : histograms.run;
}

// A count that has become less, modulo 2^32.
bool shrunk(std::uint32_t growth) {
  return growth > UINT32_MAX / 2;
}

Distributions to_distributions(const xenmon_histograms& histograms,
                               const std::array<std::uint64_t, kSpreads>& longest_ns) {
  Distributions result;
  for (std::size_t spread = 0; spread < kSpreads; ++spread) {
    const std::uint32_t* counts = counts_of(histograms, spread);
    std::copy(counts, counts + XENMON_HIST_BUCKETS, result[spread].counts.begin());
    result[spread].max_ns = longest_ns[spread];
  }
  return result;
}

} // namespace

std::uint64_t Distribution::total() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : counts) sum += count;
  return sum;
}

void Distribution::add(const Distribution& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  max_ns = std::max(max_ns, other.max_ns);
}

Quantiles quantiles(const Distribution& distribution) {
  Quantiles result;
  result.count = distribution.total();
  if (result.count == 0) return result;
  const auto at = [&](std::uint64_t percent) {
    return quantile(distribution.counts, result.count, percent, distribution.max_ns);
  };
  result.p50_ns = at(50);
  result.p95_ns = at(95);
  result.p99_ns = at(99);
  result.max_ns = distribution.max_ns;
  return result;
}

void LatencyHistory::set_window(std::uint64_t length_ns) {
  window_ns_ = length_ns;
  clear();
}

void LatencyHistory::clear() {
  looked_ = false;
  vcpus_.clear();
  looks_.clear();
}

void LatencyHistory::forget(std::uint32_t slot) {
  vcpus_[slot]->recent = {};
  vcpus_[slot]->last = {};
  for (Look& look : looks_) std::erase_if(look.growth, [slot](const Growth& g) { return g.slot == slot; });
}

void LatencyHistory::leave(const Look& look) {
  for (const Growth& growth : look.growth) {
    counts_of(vcpus_[growth.slot]->recent, growth.spread)[growth.bucket] -= growth.count;
  }
}

void LatencyHistory::look(const RegionReader& reader, const TablesCopy& tables, std::uint64_t now_ns) {
  if (looked_ && now_ns < last_look_ns_) clear(); // another story
  if (looked_ && now_ns == last_look_ns_) return;
  const bool first = !looked_;
  Look fresh{last_look_ns_, now_ns, {}};
  vcpus_.resize(std::max(vcpus_.size(), tables.vcpus.size()));
  for (std::uint32_t slot = 0; slot < tables.vcpus.size(); ++slot) {
    const xenmon_vcpu& entry = tables.vcpus[slot];
    if ((entry.flags & XENMON_VCPU_IN_USE) == 0 || entry.domain_slot >= tables.domains.size()) continue;
    const std::uint64_t uid = tables.domains[entry.domain_slot].uid;
    xenmon_histograms now;
    if (!reader.read_histograms(slot, now)) continue;

    if (!vcpus_[slot]) vcpus_[slot] = std::make_unique<Vcpu>();
    Vcpu& vcpu = *vcpus_[slot];
    const bool same = vcpu.uid == uid && vcpu.vcpu_id == entry.vcpu_id;
    if (!same && vcpu.uid != 0) forget(slot);
    vcpu.uid = uid;
    vcpu.vcpu_id = entry.vcpu_id;
    vcpu.max_ns = {entry.wake_wait_max_ns, entry.preempt_wait_max_ns, entry.run_max_ns};
    const std::size_t grown_before = fresh.growth.size();
    bool again = false;
    for (std::uint16_t spread = 0; spread < kSpreads && !first; ++spread) {
      const std::uint32_t* before = counts_of(vcpu.last, spread);
      const std::uint32_t* after = counts_of(now, spread);
      for (std::uint16_t bucket = 0; bucket < XENMON_HIST_BUCKETS; ++bucket) {
        const std::uint32_t growth = after[bucket] - before[bucket];
        if (growth == 0) continue;
        again = again || shrunk(growth);
        fresh.growth.push_back({slot, spread, bucket, growth});
        counts_of(vcpu.recent, spread)[bucket] += growth;
      }
    }
    // Counts began from zero: the slot has another owner than the table said.
    if (again) {
      fresh.growth.resize(grown_before);
      forget(slot);
    }
    vcpu.last = now;
  }
  looked_ = true;
  last_look_ns_ = now_ns;
  if (first) return;
  looks_.push_back(std::move(fresh));
  const std::uint64_t tolerance = (now_ns - looks_.back().start_ns) / 2;
  while (looks_.size() > 1 && now_ns - looks_.front().start_ns > window_ns_ + tolerance) {
    leave(looks_.front());
    looks_.erase(looks_.begin());
  }
}

Distributions LatencyHistory::since_start(std::uint32_t slot) const {
  if (slot >= vcpus_.size() || !vcpus_[slot]) return {};
  return to_distributions(vcpus_[slot]->last, vcpus_[slot]->max_ns);
}

Distributions LatencyHistory::recent(std::uint32_t slot) const {
  if (slot >= vcpus_.size() || !vcpus_[slot]) return {};
  Distributions result = to_distributions(vcpus_[slot]->recent, {});
  for (std::size_t spread = 0; spread < kSpreads; ++spread) {
    Distribution& distribution = result[spread];
    for (std::uint32_t bucket = XENMON_HIST_BUCKETS; bucket-- > 0;) {
      if (distribution.counts[bucket] == 0) continue;
      const std::uint64_t longest = vcpus_[slot]->max_ns[spread];
      const bool last = bucket + 1 == XENMON_HIST_BUCKETS;
      distribution.max_ns = last ? longest : std::min(longest, xenmon_hist_lower(bucket + 1));
      break;
    }
  }
  return result;
}

std::uint64_t LatencyHistory::recent_ns() const {
  return looks_.empty() ? 0 : looks_.back().end_ns - looks_.front().start_ns;
}

} // namespace xenmon
