// SPDX-License-Identifier: GPL-2.0-or-later
//
// Page exchanges: who is credited with them, and when.
#include <algorithm>

#include "bake/baker.h"

namespace xenmon {

void Baker::credit_exchanges() {
  if (exchanges_.empty()) return;
  const auto granter = static_cast<std::uint32_t>(exchanges_where_ >> 48);
  const auto acting = static_cast<std::uint32_t>(exchanges_where_ >> 32) & 0xffffU;
  credit(granter, acting, static_cast<std::uint32_t>(exchanges_where_), exchanges_);
  exchanges_ = {};
  exchanges_where_ = ~std::uint64_t{0};
}

// To the guest, and once more to the domain that did it.
void Baker::credit(std::uint32_t granter, std::uint32_t acting, std::uint32_t pcpu,
                   const Exchanges& exchanges) {
  credit_as_of(granter, now_ns_, pcpu, exchanges);
  if (acting != granter) credit_as_of(acting, now_ns_, pcpu, exchanges);
}

// To the domain that had the number at that time.
void Baker::credit_as_of(std::uint32_t domid, std::uint64_t ns, std::uint32_t pcpu,
                         const Exchanges& exchanges) {
  Domain* domain = find_domain(domid);
  if (domain != nullptr && (!domain->born || domain->born_ns <= ns)) {
    credit(*domain, pcpu, exchanges);
  } else if (credit_to_ended(domid, pcpu, exchanges)) {
    return;
  } else {
    credit(domain != nullptr ? *domain : make_domain(domid, false, now_ns_), pcpu, exchanges);
  }
}

// Pages are counted for an execution, and reported when it is over: the domain may have ended meanwhile. Then
// no domain has its number, unless a creation has been lost since.
bool Baker::credit_to_ended(std::uint32_t domid, std::uint32_t pcpu, const Exchanges& exchanges) {
  if (exchanges_from_ == ExchangesFrom::kGrantRecords) return false; // these are reported at once
  const auto none_lost_since = [&](std::uint64_t ns) {
    return (losses_ == 0 && !interrupted_) || last_loss_ns_ <= ns;
  };
  const auto slot = std::find_if(ended_domains_.rbegin(), ended_domains_.rend(),
                                 [&](std::uint32_t each) { return domains_[each]->domid == domid; });
  if (slot != ended_domains_.rend()) {
    Domain& domain = *domains_[*slot];
    if (!none_lost_since(domain.ended_ns)) return false;
    credit(domain, pcpu, exchanges);
    return true;
  }
  const auto ended = std::find_if(ended_totals_.rbegin(), ended_totals_.rend(),
                                  [&](const DomainTotals& each) { return each.domid == domid; });
  if (ended == ended_totals_.rend() || !none_lost_since(ended->ended_ns)) return false;
  for (std::size_t kind = 0; kind < kIoKinds; ++kind) ended->io[kind] += exchanges.counts[kind];
  ended->io_copy_bytes += exchanges.copy_bytes;
  return true;
}

void Baker::credit(Domain& domain, std::uint32_t pcpu, const Exchanges& exchanges) const {
  for (std::size_t kind = 0; kind < kIoKinds; ++kind) domain.io[kind] += exchanges.counts[kind];
  domain.io_copy_bytes += exchanges.copy_bytes;
  if (sink_ == nullptr) return;
  auto part = std::find_if(domain.io_parts.begin(), domain.io_parts.end(),
                           [&](const IoPart& each) { return each.pcpu == pcpu; });
  if (part == domain.io_parts.end()) {
    part = domain.io_parts.insert(part, IoPart{});
    part->pcpu = pcpu;
  }
  part->exchanges.add(exchanges);
}

} // namespace xenmon
