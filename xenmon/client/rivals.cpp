// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/rivals.h"

#include <algorithm>

namespace xenmon {

std::uint64_t RivalSums::ran_ns() const {
  std::uint64_t sum = others_ns;
  for (const Contender& contender : contenders) sum += contender.ran_ns;
  return sum;
}

void Contenders::clear() {
  waits_.clear();
  started_ = false;
}

void Contenders::look(const RegionReader& reader, std::uint64_t now_ns, std::uint64_t window_ns) {
  known_ = reader.has_waits();
  if (!known_) return;
  at_least_ns_ = reader.header().slow_wait_ns;
  if (!started_) {
    feed_.start(reader, WaitFeed::From::kBeginning);
    missed_ = known_since_ns_ = 0;
    started_ = true;
  }
  now_ns_ = now_ns;
  since_ns_ = now_ns > window_ns ? now_ns - window_ns : 0;
  feed_.drain(reader, now_ns, *this);
  while (!waits_.empty() && waits_.front().end_ns < since_ns_) waits_.pop_front();
}

void Contenders::add(const xenmon_wait& wait) {
  // Earlier waits are gone.
  if (feed_.missed() != missed_) known_since_ns_ = wait.end_ns;
  missed_ = feed_.missed();
  if (wait.end_ns < since_ns_) return;
  if (waits_.size() == kMostWaits) {
    known_since_ns_ = waits_.front().end_ns;
    waits_.pop_front();
  }
  waits_.push_back(wait);
}

RivalSums Contenders::of(const Waiters& waiters) const {
  RivalSums sums;
  sums.known = known_;
  sums.at_least_ns = at_least_ns_;
  sums.whole_span = known_since_ns_ <= since_ns_;
  sums.span_ns = now_ns_ - std::max(since_ns_, std::min(known_since_ns_, now_ns_));
  for (const xenmon_wait& wait : waits_) {
    if (wait.domain_uid != waiters.domain_uid || (waiters.vcpu && wait.vcpu_id != *waiters.vcpu)) continue;
    ++(wait.kind == XENMON_WAIT_WOKEN ? sums.woken : sums.preempted);
    sums.others_ns += wait.others_ns;
    if (wait.end_ns - wait.start_ns > sums.longest_end_ns - sums.longest_start_ns) {
      sums.longest_start_ns = wait.start_ns;
      sums.longest_end_ns = wait.end_ns;
    }
    for (const xenmon_runner& runner : wait.runners) {
      if (runner.ns == 0) continue;
      const auto found =
          std::find_if(sums.contenders.begin(), sums.contenders.end(),
                       [&](const auto& contender) { return contender.uid == runner.domain_uid; });
      if (found == sums.contenders.end()) {
        sums.contenders.push_back({runner.domain_uid, runner.domid, runner.ns});
      } else {
        found->ran_ns += runner.ns;
      }
    }
  }
  std::sort(sums.contenders.begin(), sums.contenders.end(),
            [](const auto& a, const auto& b) { return a.ran_ns > b.ran_ns; });
  return sums;
}

} // namespace xenmon
