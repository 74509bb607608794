// SPDX-License-Identifier: GPL-2.0-or-later
//
// The domains in the samples. A domain is its uid: a reused domid is another domain, and a domain stays the
// same when it moves to another slot of a new region file.
#ifndef XENMON_XENMON_CLIENT_DOMAIN_DIRECTORY_H
#define XENMON_XENMON_CLIENT_DOMAIN_DIRECTORY_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "xenmon/region.h"

namespace xenmon {

// Position in the directory. Small and dense, so that accounts can be plain vectors.
using DomainIndex = std::uint32_t;
inline constexpr DomainIndex kNoDomain = UINT32_MAX;

struct DomainEntry {
  std::uint64_t uid = 0;
  std::uint32_t domid = 0;
  bool ended = false; // dead, or no longer in the region
  std::string name;   // whole, as data has it; "" while unknown
  std::string shown;  // the same, printable
};

class DomainDirectory {
 public:
  // An entry whose domain has left the region keeps its index for this long on the trace clock;
  // then the index may be given to another domain.
  explicit DomainDirectory(std::uint64_t retention_ns) : retention_ns_(retention_ns) {}

  // Takes over a copy of the region's domain table, as of trace time now_ns.
  void update(std::span<const xenmon_domain> table, std::uint64_t now_ns);
  // Forgets everything: another daemon's uids mean other domains.
  void clear();

  // The domain in a slot of the table last taken over, or kNoDomain.
  DomainIndex find(std::uint32_t slot) const { return slot < slots_.size() ? slots_[slot] : kNoDomain; }
  // The domain with that uid, if it is still known, or kNoDomain.
  DomainIndex find_uid(std::uint64_t uid) const;
  const DomainEntry& operator[](DomainIndex index) const { return records_[index].entry; }
  // Indices are below this.
  std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    DomainEntry entry;
    char raw_name[XENMON_NAME_BYTES] = {};
    std::uint64_t last_present_ns = 0;
    bool present = false; // in the newest table
    bool free = false;
  };

  DomainIndex enter(const xenmon_domain& domain);
  void retire(std::uint64_t now_ns);

  std::uint64_t retention_ns_;
  std::vector<Record> records_;
  std::vector<DomainIndex> slots_;
  std::vector<DomainIndex> free_;
  std::unordered_map<std::uint64_t, DomainIndex> by_uid_;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_DOMAIN_DIRECTORY_H
