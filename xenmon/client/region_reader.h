// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads a XenMon region by the rules of xenmon/region.h, and trusts nothing in it: whatever the bytes are, no
// read goes beyond them, no loop is unbounded and no count is believed.
#ifndef XENMON_XENMON_CLIENT_REGION_READER_H
#define XENMON_XENMON_CLIENT_REGION_READER_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/mapped_file.h"
#include "xenmon/region.h"

namespace xenmon {

enum class ReadOutcome {
  kCopied,
  kGone,    // overwritten, or not written yet
  kDamaged, // its contents are impossible
};

// One sample as it was published. The vectors only grow, so reading does not allocate in steady
// state; use rows() and the others, which know how many of their elements count.
class SampleCopy {
 public:
  const xenmon_sample& head() const { return head_; }
  std::span<xenmon_row> rows() { return {rows_.data(), head_.row_count}; }
  std::span<xenmon_io_row> io_rows() { return {io_rows_.data(), head_.io_row_count}; }
  std::span<xenmon_domain_row> domain_rows() { return {domain_rows_.data(), head_.domain_row_count}; }

 private:
  friend class RegionReader;
  xenmon_sample head_ = {};
  std::vector<xenmon_row> rows_;
  std::vector<xenmon_io_row> io_rows_;
  std::vector<xenmon_domain_row> domain_rows_; // none before 1.4
};

// The tables that a front end needs, all from the same moment. Indexed by pCPU id, domain slot and vCPU slot.
struct TablesCopy {
  bool all_pcpus = false; // pcpus has all that exist, also those that have been silent up to now
  std::vector<xenmon_pcpu> pcpus;
  std::vector<xenmon_domain> domains;
  std::vector<xenmon_vcpu> vcpus;    // only if asked for: it is the largest by far
  std::vector<xenmon_carry> carries; // with the vCPUs; none before 1.3
};

// Why records were malformed, and the faults of the source, by XENMON_BAD_* and XENMON_FAULT_*.
struct FaultCounts {
  std::array<std::uint64_t, XENMON_BAD_CAUSES> bad_by{};
  std::array<std::uint64_t, XENMON_FAULTS> source{};
};

// A view of a region's bytes, which must outlive it. Copyable; const functions may be called while the daemon
// writes.
class RegionReader {
 public:
  // Checks everything that later reads rely on. `name` is what error sentences call the region.
  // The bytes must be 8-byte aligned, as any mapping and any heap block is.
  static Result<RegionReader> make(std::span<const std::byte> bytes, const std::string& name);

  // As it was when checked: the part before header.state, which never changes in one file except for the
  // tables' counts. Fields that a region of version 1.0 does not have are 0.
  const xenmon_region_header& header() const { return header_; }

  // The words that change, each read separately.
  std::uint64_t state() const;
  std::uint64_t flags() const;
  std::uint64_t heartbeat_ns() const;
  std::uint64_t newest_sample() const;
  std::uint64_t newest_wait() const; // 0 without has_waits()
  // CLOCK_REALTIME in ns of trace time 0, 0 if unknown. While a trace is live it follows the host's clock.
  std::uint64_t wall_epoch_ns() const;

  // Whether this daemon records waits at all; since version 1.1.
  bool has_waits() const { return header_.wait.capacity != 0; }

  ReadOutcome read_sample(std::uint64_t number, SampleCopy& copy) const;
  // The entry alone, without its rows.
  ReadOutcome read_sample_head(std::uint64_t number, xenmon_sample& head) const;
  // Only with has_waits().
  ReadOutcome read_wait(std::uint64_t number, xenmon_wait& wait) const;
  // False when the daemon was writing at each of a thousand attempts; `copy` is then void.
  bool read_tables(TablesCopy& copy, bool with_vcpus = false) const;
  // The counters of a vCPU slot in the lines of xenmon_vcpu::hist_lines, each counter separately; the others
  // in `copy` stay as they are. False if there is no such slot.
  bool read_histograms(std::uint32_t slot, std::span<const std::uint32_t, 3> lines,
                       xenmon_histograms& copy) const;
  // Whether xenmon_vcpu has the sums of waits and executions; since 1.3.
  bool has_sums() const { return header_.vcpu.stride >= XENMON_VCPU_BYTES_1_3; }
  // Whether vCPUs and rows have migrations and avoidable waiting; since 1.4.
  bool has_migrations() const { return header_.vcpu.stride >= sizeof(xenmon_vcpu); }
  // Whether samples have domain rows, and xenmon_domain what it does as a whole; since 1.4.
  bool has_domain_rows() const { return header_.domain_row.capacity != 0; }
  // The counts that have passed 2^32. False as for read_tables().
  bool read_carries(std::vector<xenmon_carry>& carries) const;
  // What is set on the host; none before 1.4. False as for read_tables().
  bool read_settings(std::vector<xenmon_setting>& settings) const;
  // The counters, each read separately.
  xenmon_counters counters() const;
  // Since version 1.2; all 0 before.
  FaultCounts faults() const;
  // What is wrong with the trace as a whole, each a printable sentence; none before 1.2. False as for
  // read_tables().
  bool read_verdicts(std::vector<std::string>& sentences) const;
  // The one of them that says that the recording is damaged or cut off.
  std::optional<std::string> damage_verdict() const;

 private:
  RegionReader(const std::byte* base, const xenmon_region_header& header) : base_(base), header_(header) {}
  std::uint64_t word(std::size_t offset) const;
  void copy_carries(std::vector<xenmon_carry>& to) const;
  bool copy_verdicts(std::vector<xenmon_verdict>& verdicts) const;
  std::uint32_t live_count(std::size_t table_offset, std::uint32_t capacity) const;

  const std::byte* base_;
  xenmon_region_header header_;
};

// A region in a file: the mapping and the reader on it.
class RegionFile {
 public:
  static Result<RegionFile> open(const std::string& path);

  const RegionReader& reader() const { return reader_; }
  FileIdentity identity() const { return file_.identity(); }
  bool still_whole() const { return file_.still_whole(); }

 private:
  RegionFile(MappedFile file, const RegionReader& reader) : file_(std::move(file)), reader_(reader) {}

  MappedFile file_;
  RegionReader reader_; // on file_'s mapping, which stays where it is when file_ moves
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_REGION_READER_H
