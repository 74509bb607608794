// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/domain_names.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "xenmon/region.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// Names are asked for again this often, since a domain can be renamed.
constexpr std::uint64_t kRenameCheckNs = 10 * kSecond;
// For this long after its creation a domain that has no name yet is asked for it at every opportunity.
constexpr std::uint64_t kYoungNs = 2 * kSecond;
// No more questions than this are open at once: where nobody answers, memory must not grow.
constexpr std::size_t kMostQuestions = 1024;
// A live host's answer is believed after this many more passes.
constexpr std::uint64_t kPassesToBelieve = 2;

} // namespace

void DomainNames::name_new() {
  new_.clear();
  for (const std::unique_ptr<Domain>& domain : baker_.domains()) {
    if (!domain || domain->uid <= seen_uid_ || domain->domid == XENMON_DOMID_IDLE) continue;
    if (domain->ended && domain->uid <= round_uid_) continue; // the round before had it
    new_.push_back(domain.get());
  }
  if (new_.empty()) return;
  std::sort(new_.begin(), new_.end(), [](const Domain* a, const Domain* b) { return a->uid < b->uid; });
  for (Domain* domain : new_) see(*domain);
  seen_uid_ = new_.back()->uid;
}

void DomainNames::see(Domain& domain) {
  const auto [found, is_first] = owners_.try_emplace(domain.domid, Owner{1, domain.slot, domain.uid});
  Owner& owner = found->second;
  const std::uint64_t since_ns = domain.born ? domain.born_ns : domain.not_before_ns;
  std::uint64_t earlier_until_ns = since_ns;
  if (!is_first) {
    const Domain* const before = domain_of(owner.slot, owner.uid);
    if (before != nullptr && before->ended) earlier_until_ns = before->ended_ns;
    // What was taken for the earlier domain's name may be this one's.
    const auto as_last = source_.domain_name({domain.domid, owner.use, true});
    const auto as_earlier = source_.domain_name({domain.domid, owner.use, false});
    if (as_last != as_earlier) {
      if (Domain* earlier = domain_of(owner.slot, owner.uid))
        name(*earlier, owner.use, as_earlier.value_or(std::string()));
    }
    owner = {owner.use + 1, domain.slot, domain.uid};
  }
  if (recorder_ != nullptr)
    recorder_->see_domain({domain.domid, owner.use, true}, since_ns, earlier_until_ns);
  std::optional<std::string> known = source_.domain_name({domain.domid, owner.use, true});
  if (known.value_or(std::string()) != domain.name) name(domain, owner.use, known.value_or(std::string()));
}

void DomainNames::begin_round() {
  round_uid_ = seen_uid_;
  seen_uid_ = 0;
  owners_.clear();
}

void DomainNames::update(std::uint64_t now_ns, std::uint64_t passes) {
  name_new();
  if (source_.name_service() == nullptr) return;
  believe(passes);
  ask_for_missing(now_ns);
  take_answers(passes);
}

void DomainNames::ask_for_missing(std::uint64_t now_ns) {
  const bool rename = now_ns - last_rename_ns_ >= kRenameCheckNs;
  if (rename) last_rename_ns_ = now_ns;
  const bool all_nameless = rename || now_ns - last_asked_ns_ >= kSecond || baker_.domains().size() != slots_;
  if (all_nameless) last_asked_ns_ = now_ns;
  slots_ = baker_.domains().size();
  for (const std::unique_ptr<Domain>& domain : baker_.domains()) {
    if (!domain || domain->ended || domain->domid == XENMON_DOMID_IDLE) continue;
    if (source_.domain_name({domain->domid, 1, true})) continue;
    // A new domain gets its name a moment after its creation, and may not live long.
    const bool young = domain->born && baker_.now_ns() - domain->born_ns < kYoungNs;
    if (rename || (domain->name.empty() && (all_nameless || young))) ask(*domain);
  }
}

void DomainNames::ask(const Domain& domain) {
  if (asked_.size() >= kMostQuestions || !asked_.try_emplace(domain.uid, domain.slot).second) return;
  source_.name_service()->ask(domain.domid, domain.uid);
}

void DomainNames::take_answers(std::uint64_t passes) {
  while (std::optional<NameService::Answer> answer = source_.name_service()->take()) {
    const auto asked = asked_.find(answer->ticket);
    if (asked == asked_.end()) continue;
    const std::uint32_t slot = asked->second;
    asked_.erase(asked);
    const Domain* domain = domain_of(slot, answer->ticket);
    if (domain == nullptr || !answer->name || *answer->name == domain->name) continue;
    const bool heard_before = std::any_of(heard_.begin(), heard_.end(), [&](const Heard& heard) {
      return heard.uid == answer->ticket && heard.name == *answer->name;
    });
    if (!heard_before) heard_.push_back({slot, answer->ticket, std::move(*answer->name), passes});
  }
}

void DomainNames::believe(std::uint64_t passes) {
  std::erase_if(heard_, [&](Heard& heard) {
    if (heard.pass + kPassesToBelieve > passes) return false;
    Domain* domain = domain_of(heard.slot, heard.uid);
    if (domain == nullptr) return true;
    const auto owner = owners_.find(domain->domid);
    if (owner == owners_.end() || owner->second.uid != domain->uid) return true; // another one has the number
    name(*domain, owner->second.use, std::move(heard.name));
    return true;
  });
}

void DomainNames::name(Domain& domain, std::uint32_t use, std::string name) {
  domain.name = std::move(name);
  if (recorder_ != nullptr) recorder_->name_domain({domain.domid, use}, domain.name);
}

Domain* DomainNames::domain_of(std::uint32_t slot, std::uint64_t uid) {
  Domain* domain = slot < baker_.domains().size() ? baker_.domain(slot) : nullptr;
  return domain != nullptr && domain->uid == uid ? domain : nullptr;
}

} // namespace xenmon
