// SPDX-License-Identifier: GPL-2.0-or-later
//
// How one long wait is reported: a line for people, or the fields of a record for programs.
#ifndef XENMON_XENMON_LOG_WAIT_LINE_H
#define XENMON_XENMON_LOG_WAIT_LINE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "client/domain_directory.h"
#include "log/log_uids.h"
#include "log/record_line.h"
#include "xenmon/region.h"

namespace xenmon {

// Why waits may be missing, since the last report.
struct WaitGap {
  std::uint64_t lost_records = 0;
  std::uint64_t missed_waits = 0;
  std::uint64_t missed_samples = 0;

  [[nodiscard]] bool any() const { return (lost_records | missed_waits | missed_samples) != 0; }
};

// The columns of a record: kWaitColumns of wait_line.cpp. That of a gap has only the times and the gap.
std::span<const RecordColumn> wait_columns();
inline constexpr std::size_t kWaitColumnCount = 32;
using WaitFields = std::array<std::string, kWaitColumnCount>;

class WaitLines {
 public:
  explicit WaitLines(const DomainDirectory& directory) : directory_(directory) {}

  // For the current daemon: the wall clock in ns at trace time 0, 0 if that is not known.
  void set_wall_epoch(std::uint64_t ns) { wall_epoch_ns_ = ns; }
  void daemon_changed() { uids_.daemon_changed(); }

  [[nodiscard]] std::string text(const xenmon_wait& wait) const;
  [[nodiscard]] WaitFields fields(const xenmon_wait& wait);

  // at_ns: on the trace clock. slow_ns: what is shown; recorded_ns: what the daemon records.
  [[nodiscard]] std::string text(const WaitGap& gap, std::uint64_t at_ns, std::uint64_t slow_ns,
                                 std::uint64_t recorded_ns) const;
  [[nodiscard]] WaitFields fields(const WaitGap& gap, std::uint64_t at_ns) const;

 private:
  [[nodiscard]] std::string time(std::uint64_t ns) const;
  [[nodiscard]] std::string wall_time(std::uint64_t ns) const;
  [[nodiscard]] std::string name(std::uint64_t uid) const; // whole
  // For people: printable.
  [[nodiscard]] std::string who(std::uint64_t uid, std::uint32_t domid, std::uint32_t vcpu_id) const;

  const DomainDirectory& directory_;
  LogUids uids_;
  std::uint64_t wall_epoch_ns_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_WAIT_LINE_H
