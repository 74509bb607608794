// SPDX-License-Identifier: GPL-2.0-or-later
#include "domain_names.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "xenmon/region.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// Names are asked for again so often, since a domain can be renamed.
constexpr std::uint64_t kRenameCheckNs = 10 * kSecond;
// So long after its creation a domain that has no name yet is asked for it at every opportunity.
constexpr std::uint64_t kYoungNs = 2 * kSecond;

} // namespace

void DomainNames::update(std::uint64_t now_ns, std::uint64_t passes) {
  settle(passes);
  const bool rename = now_ns - last_rename_ns_ >= kRenameCheckNs;
  if (rename) last_rename_ns_ = now_ns;
  const bool all_nameless = rename || now_ns - last_asked_ns_ >= kSecond || baker_.domains().size() != slots_;
  if (all_nameless) last_asked_ns_ = now_ns;
  slots_ = baker_.domains().size();
  for (const std::unique_ptr<Domain>& domain : baker_.domains()) {
    if (!domain || domain->ended || domain->domid == XENMON_DOMID_IDLE) continue;
    // A new domain gets its name a moment after its creation, and may not live for long.
    const bool young = domain->born && baker_.now_ns() - domain->born_ns < kYoungNs;
    if (rename || (domain->name.empty() && (all_nameless || young))) ask(*domain, passes);
  }
}

void DomainNames::ask(const Domain& domain, std::uint64_t passes) {
  std::optional<std::string> name = source_.domain_name(domain.domid);
  if (!name || *name == domain.name) return;
  for (const Told& told : told_) {
    if (told.uid == domain.uid && told.name == *name) return;
  }
  told_.push_back({domain.slot, domain.uid, std::move(*name), passes});
  if (source_.origin().kind != XENMON_SOURCE_LIVE) settle(passes);
}

void DomainNames::settle(std::uint64_t passes) {
  const std::uint64_t wait = source_.origin().kind == XENMON_SOURCE_LIVE ? 2 : 0;
  std::erase_if(told_, [&](Told& told) {
    if (told.pass + wait > passes) return false;
    Domain* domain = baker_.domain(told.slot);
    if (domain == nullptr || domain->uid != told.uid || has_successor(*domain)) return true;
    domain->name = std::move(told.name);
    if (recorder_ != nullptr) recorder_->name_domain(domain->domid, domain->name);
    return true;
  });
}

bool DomainNames::has_successor(const Domain& domain) const {
  if (!domain.ended) return false;
  return std::any_of(baker_.domains().begin(), baker_.domains().end(), [&](const auto& other) {
    return other && other->domid == domain.domid && other->uid > domain.uid;
  });
}

} // namespace xenmon
