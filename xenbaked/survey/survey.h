// SPDX-License-Identifier: GPL-2.0-or-later
//
// A first look at a recording, before it is baked: what must be known from the start and is nowhere but in
// the records themselves.
//
//   - How fast the TSC runs: Xen says in ns how long a vCPU ran, and the TSCs say it in cycles.
//   - Whether Xen's words for waiting times agree with the records, and so are reliable.
//   - Whether records of some pCPU are missing: a vCPU waited for less time than the records say; records
//     contradict each other although nothing was lost; a scheduler woke a pCPU that has no records.
//   - Whether pCPUs' clocks differ: waits that start on one pCPU and end on another are too long or too short
//     by the difference.
//   - Whether old records come first (`xentrace` without -D), or recordings were joined: Xen says that a vCPU
//     ran for a moment where the records say that it ran all through a long silence; or what ran on a pCPU
//     after a silence is not what ran there before.
//
// Only the beginning of a recording is read (kBytes), so this costs a few milliseconds at most; a small
// recording is read completely.
#ifndef XENMON_XENBAKED_SURVEY_SURVEY_H
#define XENMON_XENBAKED_SURVEY_SURVEY_H

#include <cstddef>
#include <cstdint>
#include <vector>

#include "source/source.h"

namespace xenmon {

struct Survey {
  // Some ten thousand records: a second of a busy host.
  static constexpr std::size_t kBytes = std::size_t{512} * 1024;
  // Read if something is wrong with these, to find out what.
  static constexpr std::size_t kMoreBytes = std::size_t{16} * 1024 * 1024;

  bool whole = false; // there are no more records than these
  std::uint64_t records = 0;
  std::uint64_t runstates = 0;  // records that give a vCPU's state
  bool has_dispatches = false;  // dispatch records of XenMon's patches
  bool has_page_counts = false; // and of pages summed up
  std::uint64_t lost_records = 0;
  std::uint64_t bad_records = 0;
  std::uint32_t measured_khz = 0;  // 0: the records do not give it
  std::uint64_t times_agree = 0;   // waits and runs that Xen reported
  std::uint64_t waits_shorter = 0; // Xen says less than the records
  std::uint64_t contradictions = 0;
  std::vector<std::uint32_t> pcpus;            // have records; ascending
  std::vector<std::uint32_t> named_pcpus;      // have none, but something names them; ascending
  std::vector<std::int64_t> clock_ahead_ns;    // by pCPU number; empty: the clocks agree
  std::vector<std::uint64_t> unrecorded_after; // TSCs; after each, up to the next record, there is nothing
  // The same, because what a pCPU recorded afterwards contradicts what it recorded before.
  std::vector<std::uint64_t> contradicted_after;

  // Xen's words in ns are as expected.
  [[nodiscard]] bool words_reliable() const { return times_agree > 0 && times_agree >= waits_shorter; }
  // More than the tiny differences between one host's clocks explain.
  [[nodiscard]] bool records_contradict() const;
  // Some pCPU is in use whose records are not here.
  [[nodiscard]] bool pcpus_missing() const;
};

// cpu_khz: 0 if it was not given; then measured_khz is used where ns are needed, or 2.4 GHz.
Survey survey(const Preview& preview, std::uint32_t cpu_khz);

} // namespace xenmon

#endif // XENMON_XENBAKED_SURVEY_SURVEY_H
