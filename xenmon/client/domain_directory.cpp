// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/domain_directory.h"

#include <cstring>

#include "text.h"

namespace xenmon {

void DomainDirectory::update(std::span<const xenmon_domain> table, std::uint64_t now_ns) {
  for (Record& record : records_) record.present = false;
  slots_.assign(table.size(), kNoDomain);
  for (std::size_t slot = 0; slot < table.size(); ++slot) {
    const xenmon_domain& domain = table[slot];
    if ((domain.flags & XENMON_DOMAIN_IN_USE) == 0) continue;
    const DomainIndex index = enter(domain);
    slots_[slot] = index;
    Record& record = records_[index];
    record.present = true;
    record.last_present_ns = now_ns;
    record.entry.domid = domain.domid;
    record.entry.ended = (domain.flags & XENMON_DOMAIN_DEAD) != 0;
    if (std::memcmp(record.raw_name, domain.name, sizeof(record.raw_name)) != 0) {
      std::memcpy(record.raw_name, domain.name, sizeof(record.raw_name));
      record.entry.name = whole_field(domain.name, sizeof(domain.name));
      record.entry.shown = printable(record.entry.name);
    }
  }
  retire(now_ns);
}

DomainIndex DomainDirectory::enter(const xenmon_domain& domain) {
  const auto known = by_uid_.find(domain.uid);
  if (known != by_uid_.end()) return known->second;
  DomainIndex index;
  if (free_.empty()) {
    index = static_cast<DomainIndex>(records_.size());
    records_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
    records_[index] = {};
  }
  records_[index].entry.uid = domain.uid;
  by_uid_.emplace(domain.uid, index);
  return index;
}

DomainIndex DomainDirectory::find_uid(std::uint64_t uid) const {
  const auto found = by_uid_.find(uid);
  return found == by_uid_.end() ? kNoDomain : found->second;
}

void DomainDirectory::retire(std::uint64_t now_ns) {
  for (DomainIndex index = 0; index < records_.size(); ++index) {
    Record& record = records_[index];
    if (record.present || record.free) continue;
    record.entry.ended = true;
    if (now_ns - record.last_present_ns <= retention_ns_) continue;
    by_uid_.erase(record.entry.uid);
    record.free = true;
    free_.push_back(index);
  }
}

void DomainDirectory::clear() {
  records_.clear();
  slots_.clear();
  free_.clear();
  by_uid_.clear();
}

} // namespace xenmon
