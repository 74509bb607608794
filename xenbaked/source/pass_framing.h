// SPDX-License-Identifier: GPL-2.0-or-later
//
// Passes as the bytes of a recording: windows, each introduced by CPU_CHANGE, and gaps.
//
// A gap, for which Xen writes no record, is written as lost records of every pCPU seen so far: LOST_RECORDS
// with a count of 0 that names no domain. Between the last record and the gap's end a replay then knows as
// little as was known live.
#ifndef XENMON_XENBAKED_SOURCE_PASS_FRAMING_H
#define XENMON_XENBAKED_SOURCE_PASS_FRAMING_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "source/source.h"

namespace xenmon {

// What a window's records say about it. TSCs are those of the first and the last record that has one; 0: none
// has. Of a record that begins in the first part and ends in the second nothing is read but its length.
struct WindowSpan {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t records = 0; // with a TSC
  std::uint64_t lost = 0;    // that LOST_RECORDS reports
};
WindowSpan span_of(const Window& window);

// CPU_CHANGE for that many bytes of records.
void append_frame(std::uint32_t pcpu, std::size_t bytes, std::vector<std::byte>& to);
// CPU_CHANGE and the records.
void append_window(const Window& window, std::vector<std::byte>& to);

class PassFraming {
 public:
  // A gap before these windows. They are not noted yet.
  void append_gap(std::span<const Window> windows, std::vector<std::byte>& to);
  // A window that has been written; the pCPU counts as seen.
  void note(std::uint32_t pcpu, const WindowSpan& span);

  // Some pCPU has been seen, so that a gap can be written.
  [[nodiscard]] bool has_seen() const { return !last_tsc_.empty(); }

 private:
  std::map<std::uint32_t, std::uint64_t> last_tsc_; // of each pCPU seen so far
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_PASS_FRAMING_H
