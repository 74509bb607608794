// SPDX-License-Identifier: GPL-2.0-or-later
//
// How many records were malformed, by cause: XENMON_BAD_* of include/xenmon/region.h.
#ifndef XENMON_XENBAKED_TRACE_BAD_RECORDS_H
#define XENMON_XENBAKED_TRACE_BAD_RECORDS_H

#include <array>
#include <cstdint>
#include <numeric>

#include "xenmon/region.h"

namespace xenmon {

class BadRecords {
 public:
  using ByCause = std::array<std::uint64_t, XENMON_BAD_CAUSES>;

  void add(std::uint32_t cause, std::uint64_t count = 1) { by_cause_[cause] += count; }
  void add(const BadRecords& other) {
    for (std::size_t cause = 0; cause < by_cause_.size(); ++cause) by_cause_[cause] += other.by_cause_[cause];
  }
  void clear() { by_cause_ = {}; }

  [[nodiscard]] std::uint64_t total() const {
    return std::accumulate(by_cause_.begin(), by_cause_.end(), std::uint64_t{0});
  }
  [[nodiscard]] const ByCause& by_cause() const { return by_cause_; }

 private:
  ByCause by_cause_{};
};

} // namespace xenmon

#endif // XENMON_XENBAKED_TRACE_BAD_RECORDS_H
