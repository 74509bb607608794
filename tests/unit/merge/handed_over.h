// SPDX-License-Identifier: GPL-2.0-or-later
//
// What Merge hands over, kept in its order, for tests of Merge.
#ifndef XENMON_TESTS_UNIT_MERGE_HANDED_OVER_H
#define XENMON_TESTS_UNIT_MERGE_HANDED_OVER_H

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "trace/record.h"

namespace xenmon::test {

// A record that means nothing, so that only its time counts.
inline constexpr std::uint32_t kEvent = 0x22202;

struct Seen {
  std::uint32_t pcpu;
  std::uint64_t tsc;
  std::string what;
  bool operator==(const Seen&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.pcpu << '@' << seen.tsc << ' ' << seen.what;
}

// A test adds what it wants to know about the ends of losses, and about gaps.
class HandedOver {
 public:
  void begin(std::uint32_t /*pcpu*/, std::uint64_t /*tsc*/) {}
  void apply(std::uint32_t pcpu, const Record& record) { seen.push_back({pcpu, record.tsc, "record"}); }
  void lost_begin(std::uint32_t pcpu, std::uint64_t tsc) { seen.push_back({pcpu, tsc, "lost"}); }

  std::vector<Seen> seen;
};

} // namespace xenmon::test

#endif // XENMON_TESTS_UNIT_MERGE_HANDED_OVER_H
