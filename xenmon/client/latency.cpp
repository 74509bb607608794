// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/latency.h"

#include <algorithm>
#include <bit>

#include "base/quantile.h"

namespace xenmon {
namespace {

std::uint32_t* counts_of(xenmon_histograms& histograms, std::size_t spread) {
  return spread == 0 ? histograms.wake_wait : spread == 1 ? histograms.preempt_wait : histograms.run;
}
const std::uint32_t* counts_of(const xenmon_histograms& histograms, std::size_t spread) {
  return spread == 0 ? histograms.wake_wait : spread == 1 ? histograms.preempt_wait : histograms.run;
}

constexpr Lines kAllLines = (Lines{1} << (XENMON_HIST_BUCKETS / XENMON_HIST_LINE_BUCKETS)) - 1;

// A count that has become smaller, modulo 2^32.
bool shrunk(std::uint32_t growth) {
  return growth > UINT32_MAX / 2;
}

template <class Visit>
void for_each_bucket(Lines lines, const Visit& visit) {
  for (; lines != 0; lines &= lines - 1) {
    const auto first = static_cast<std::uint32_t>(std::countr_zero(lines)) * XENMON_HIST_LINE_BUCKETS;
    for (std::uint32_t i = 0; i < XENMON_HIST_LINE_BUCKETS; ++i) visit(first + i);
  }
}

// The buckets that changed, for the lines with a change: in most of them nothing has happened since the last
// look.
Lines changed(const std::uint32_t* before, const std::uint32_t* after, Lines lines) {
  Lines result = 0;
  for (Lines left = lines; left != 0; left &= left - 1) {
    const auto line = static_cast<std::uint32_t>(std::countr_zero(left));
    const std::uint32_t* const a = before + line * XENMON_HIST_LINE_BUCKETS;
    const std::uint32_t* const b = after + line * XENMON_HIST_LINE_BUCKETS;
    std::uint32_t differs = 0;
    for (std::uint32_t i = 0; i < XENMON_HIST_LINE_BUCKETS; ++i) differs |= a[i] ^ b[i];
    if (differs != 0) result |= Lines{1} << line;
  }
  return result;
}

void add_counts(const std::uint32_t* counts, Lines lines, Distribution& sum) {
  for_each_bucket(lines, [&](std::uint32_t bucket) { sum.counts[bucket] += counts[bucket]; });
  sum.lines |= lines;
}

// The last bucket with a count; XENMON_HIST_BUCKETS if there is none.
std::uint32_t last_used(const std::uint32_t* counts, Lines lines) {
  while (lines != 0) {
    const std::uint32_t line = std::bit_width(lines) - 1;
    for (std::uint32_t i = XENMON_HIST_LINE_BUCKETS; i-- > 0;) {
      const std::uint32_t bucket = line * XENMON_HIST_LINE_BUCKETS + i;
      if (counts[bucket] != 0) return bucket;
    }
    lines &= ~(Lines{1} << line);
  }
  return XENMON_HIST_BUCKETS;
}

} // namespace

void Distribution::add(std::uint32_t bucket, std::uint64_t count) {
  counts[bucket] += count;
  lines |= Lines{1} << (bucket / XENMON_HIST_LINE_BUCKETS);
}

void Distribution::clear() {
  for_each_bucket(lines, [this](std::uint32_t bucket) { counts[bucket] = 0; });
  lines = 0;
  max_ns = 0;
}

Quantiles quantiles(const Distribution& distribution) {
  Quantiles result;
  for_each_bucket(distribution.lines,
                  [&](std::uint32_t bucket) { result.count += distribution.counts[bucket]; });
  if (result.count == 0) return result;
  result.max_ns = distribution.max_ns;
  struct Wanted {
    std::uint64_t rank;
    std::uint64_t* ns;
  };
  const std::array wanted = {Wanted{quantile_rank(result.count, 50), &result.p50_ns},
                             Wanted{quantile_rank(result.count, 95), &result.p95_ns},
                             Wanted{quantile_rank(result.count, 99), &result.p99_ns}};
  std::uint64_t below = 0;
  std::size_t next = 0;
  for_each_bucket(distribution.lines, [&](std::uint32_t bucket) {
    const std::uint64_t count = distribution.counts[bucket];
    for (; next < wanted.size() && below + count >= wanted[next].rank; ++next)
      *wanted[next].ns = quantile_in_bucket(bucket, wanted[next].rank - below, count, result.max_ns);
    below += count;
  });
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
  vcpus_[slot]->lines = {};
  for (Look& look : looks_) std::erase_if(look.growth, [slot](const Growth& g) { return g.slot == slot; });
}

void LatencyHistory::leave(const Look& look) {
  for (const Growth& growth : look.growth) {
    counts_of(vcpus_[growth.slot]->recent, growth.spread)[growth.bucket] -= growth.count;
  }
}

void LatencyHistory::look(const RegionReader& reader, const TablesCopy& tables, std::uint64_t now_ns) {
  if (looked_ && now_ns < last_look_ns_) clear(); // another trace
  if (looked_ && now_ns == last_look_ns_) return;
  const bool first = !looked_;
  Look fresh{last_look_ns_, now_ns, {}};
  vcpus_.resize(std::max(vcpus_.size(), tables.vcpus.size()));
  for (std::uint32_t slot = 0; slot < tables.vcpus.size(); ++slot) {
    const xenmon_vcpu& entry = tables.vcpus[slot];
    if ((entry.flags & XENMON_VCPU_IN_USE) == 0 || entry.domain_slot >= tables.domains.size()) continue;
    const xenmon_domain& domain = tables.domains[entry.domain_slot];
    if (domain.domid == XENMON_DOMID_IDLE) continue; // they do not wait, and on a big host there are many
    const std::uint64_t uid = domain.uid;
    xenmon_histograms now; // only the lines that are in use
    if (!reader.read_histograms(slot, entry.hist_lines, now)) continue;

    if (!vcpus_[slot]) vcpus_[slot] = std::make_unique<Vcpu>();
    Vcpu& vcpu = *vcpus_[slot];
    const bool same = vcpu.uid == uid && vcpu.vcpu_id == entry.vcpu_id;
    if (!same && vcpu.uid != 0) forget(slot);
    vcpu.uid = uid;
    vcpu.vcpu_id = entry.vcpu_id;
    vcpu.max_ns = {entry.wake_wait_max_ns, entry.preempt_wait_max_ns, entry.run_max_ns};
    const std::size_t grown_before = fresh.growth.size();
    bool again = false;
    for (std::uint16_t spread = 0; spread < kSpreads; ++spread) {
      std::uint32_t* before = counts_of(vcpu.last, spread);
      const std::uint32_t* after = counts_of(now, spread);
      std::uint32_t* recent = counts_of(vcpu.recent, spread);
      for_each_bucket(changed(before, after, entry.hist_lines[spread] & kAllLines),
                      [&](std::uint32_t bucket) {
                        const std::uint32_t growth = after[bucket] - before[bucket];
                        if (growth == 0) return;
                        before[bucket] = after[bucket];
                        if (first) return;
                        again = again || shrunk(growth);
                        fresh.growth.push_back({slot, spread, static_cast<std::uint16_t>(bucket), growth});
                        recent[bucket] += growth;
                      });
      vcpu.lines[spread] |= entry.hist_lines[spread] & kAllLines;
    }
    // Counts started from zero: the slot has another owner than the table said.
    if (again) {
      fresh.growth.resize(grown_before);
      forget(slot);
      for (std::size_t spread = 0; spread < kSpreads; ++spread) {
        vcpu.lines[spread] = entry.hist_lines[spread] & kAllLines;
        for_each_bucket(vcpu.lines[spread], [&](std::uint32_t bucket) {
          counts_of(vcpu.last, spread)[bucket] = counts_of(now, spread)[bucket];
        });
      }
    }
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

void LatencyHistory::add_since_start(std::uint32_t slot, Spread spread, Distribution& sum) const {
  if (slot >= vcpus_.size() || !vcpus_[slot]) return;
  const Vcpu& vcpu = *vcpus_[slot];
  const auto at = static_cast<std::size_t>(spread);
  add_counts(counts_of(vcpu.last, at), vcpu.lines[at], sum);
  sum.max_ns = std::max(sum.max_ns, vcpu.max_ns[at]);
}

void LatencyHistory::add_recent(std::uint32_t slot, Spread spread, Distribution& sum) const {
  if (slot >= vcpus_.size() || !vcpus_[slot]) return;
  const Vcpu& vcpu = *vcpus_[slot];
  const auto at = static_cast<std::size_t>(spread);
  const std::uint32_t* counts = counts_of(vcpu.recent, at);
  add_counts(counts, vcpu.lines[at], sum);
  const std::uint32_t last = last_used(counts, vcpu.lines[at]);
  if (last == XENMON_HIST_BUCKETS) return;
  const std::uint64_t longest = vcpu.max_ns[at];
  const std::uint64_t end = last + 1 == XENMON_HIST_BUCKETS ? longest : xenmon_hist_lower(last + 1);
  sum.max_ns = std::max(sum.max_ns, std::min(longest, end));
}

std::uint64_t LatencyHistory::recent_ns() const {
  return looks_.empty() ? 0 : looks_.back().end_ns - looks_.front().start_ns;
}

} // namespace xenmon
