// SPDX-License-Identifier: GPL-2.0-or-later
//
// Walks over a copy of the region's tables, trusting nothing in it.
#ifndef XENMON_XENMON_SERVE_TABLES_H
#define XENMON_XENMON_SERVE_TABLES_H

#include <cstdint>

#include "client/region_reader.h"

namespace xenmon {

inline bool is_in_use(const xenmon_domain& domain) {
  return (domain.flags & XENMON_DOMAIN_IN_USE) != 0;
}
inline bool exists(const xenmon_domain& domain) {
  return is_in_use(domain) && (domain.flags & XENMON_DOMAIN_DEAD) == 0;
}
inline bool is_idle(const xenmon_domain& domain) {
  return domain.domid == XENMON_DOMID_IDLE;
}

// visit(slot, vcpu, domain) for each vCPU in use, in the order of slots.
template <class Visit>
void for_each_vcpu(const TablesCopy& tables, const Visit& visit) {
  for (std::uint32_t slot = 0; slot < tables.vcpus.size(); ++slot) {
    const xenmon_vcpu& vcpu = tables.vcpus[slot];
    if ((vcpu.flags & XENMON_VCPU_IN_USE) == 0 || vcpu.domain_slot >= tables.domains.size()) continue;
    const xenmon_domain& domain = tables.domains[vcpu.domain_slot];
    if (is_in_use(domain)) visit(slot, vcpu, domain);
  }
}

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_TABLES_H
