// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where trace records come from: the hypervisor, a recording, or a test's own bytes.
//
// A source hands out raw bytes, one run (a Window) per physical CPU, and does not know what they mean. One
// round over all pCPUs is a Pass. Merging rests on this contract: every record that Xen wrote before the
// first window of a pass was taken is in that pass or an earlier one.
//
// Called from the daemon's one thread only.
#ifndef XENMON_XENBAKED_SOURCE_SOURCE_H
#define XENMON_XENBAKED_SOURCE_SOURCE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "source/host_settings.h"
#include "source/name_service.h"
#include "trace/bad_records.h"
#include "xenmon/region.h"

namespace xenmon {

// Bytes from one pCPU's buffer. If they include the buffer's end there are two parts, and a record may start
// in the first and end in the second.
struct Window {
  std::uint32_t pcpu = 0;
  std::span<const std::byte> first;
  std::span<const std::byte> second;
  // What would have come next may be lost: a live buffer had no room for another record when this was taken,
  // or a recording ends before it. That may be reported later, with a window that is empty.
  bool full = false;
  // A plain recording is one pass that has many rounds over the pCPUs: which of them this is from, from 0 on.
  std::uint32_t round = 0;
};

struct Pass {
  std::vector<Window> windows;
  // The bytes stay in place while the source lives. Otherwise they are valid until release_pass().
  bool stable = false;
  // Nothing comes after this pass: a recording is over.
  bool last = false;
  // Something is missing between the last pass and this one, and no record says what.
  bool gap = false;
  // There is one pCPU, and there will be no other: its own order is the whole order.
  bool one_pcpu = false;
  // Faults that the source found while looking for the windows (a recording's broken framing).
  BadRecords bad;

  void clear() {
    windows.clear();
    stable = last = gap = one_pcpu = false;
    bad.clear();
  }
};

// The beginning of a recording, for a look at it before anything is read. Valid until the next call of the
// source.
struct Preview {
  std::vector<std::vector<Window>> rounds; // one round over the pCPUs each, as passes are
  bool whole = false;                      // nothing follows them
  BadRecords bad;                          // faults that were found while looking for the windows
};

// What is true of a trace as a whole, and must be known before it is baked.
struct TraceFacts {
  std::vector<std::uint32_t> pcpus; // are traced, whether they have records or not; empty: not known
  // They exist and are not traced, or it is not known whether they are.
  std::vector<std::uint32_t> untraced_pcpus;
  bool pcpus_missing = false; // some pCPU is in use and is not traced
  bool check_waits = false;   // Xen's words for waiting times can be relied upon
  // There are dispatch records of XenMon's patches to Xen, and records of page counts.
  bool has_dispatches = false;
  bool has_page_counts = false;
  std::vector<std::uint64_t> unrecorded_after; // see Baker::Options
  std::vector<std::int64_t> clock_ahead_ns;    // see Baker::Options
};

// What is known about a trace besides its records.
struct Origin {
  std::uint32_t kind = 0; // XENMON_SOURCE_*
  std::string text;       // a recording's file name
  // A recording that may still grow, such as a pipe, or that is read as if it did.
  bool being_written = false;
  std::uint32_t cpu_khz = 0;
  bool cpu_khz_assumed = false;
  bool cpu_khz_measured = false; // not given, but measured from the records
  std::string xen_version;
  std::string scheduler;
  std::uint32_t event_mask = 0;         // 0: unknown
  std::uint64_t wall_epoch_ns = 0;      // CLOCK_REALTIME of the first record; 0: unknown
  bool patched = false;                 // the hypervisor has XenMon's dispatch records
  bool grant_copy = false;              // and the record of copies, whether dispatch records are used or not
  std::vector<xenmon_setting> settings; // of a recording, as they were at its end; none: not known
  TraceFacts facts;
};

// A domain, by its number, which may be used again.
struct DomidUse {
  std::uint32_t domid = 0;
  std::uint32_t use = 1; // of the domains of that number in a trace, the first has 1
  bool last = true;      // none has had that number after it, as far as is known
};

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  [[nodiscard]] virtual const Origin& origin() const = 0;

  // Fills `pass` (cleared first) with what has arrived since the last call; possibly nothing. Never blocks on
  // the hypervisor; a recording from a pipe is read as it arrives. An Error ends the daemon.
  virtual Status read_pass(Pass& pass) = 0;

  // The first `bytes` of a recording, before the first pass is read; a source that cannot look ahead returns
  // nothing. Waits for a pipe.
  virtual Preview preview(std::size_t bytes) {
    (void)bytes;
    return {};
  }

  // The pass's bytes have been used or copied; a live source returns the space to Xen.
  virtual void release_pass() {}

  // The faults of a live source so far, by XENMON_FAULT_*.
  using Faults = std::array<std::uint64_t, XENMON_FAULTS>;
  [[nodiscard]] virtual Faults faults() const { return {}; }

  // A descriptor that becomes readable when a pass is worth taking early (a buffer is half full), or
  // -1. After it was readable, call acknowledge() before waiting again.
  [[nodiscard]] virtual int event_fd() const { return -1; }
  virtual Status acknowledge() { return ok(); }

  // A domain's name, if it is known without asking anybody. Never waits.
  [[nodiscard]] virtual std::optional<std::string> domain_name(const DomidUse& domain) const = 0;
  // Where the other names are asked for; null if there are no others. Valid until close().
  virtual NameService* name_service() { return nullptr; }
  // Where settings are asked for; null if there is nobody to ask. Valid until close().
  virtual SettingsService* settings_service() { return nullptr; }

  // Why the data is incomplete, in a sentence; known after the last pass. What could be read was shown.
  [[nodiscard]] virtual std::optional<std::string> damage() const { return std::nullopt; }

  // Start again from the first record; only recordings can.
  virtual Status rewind() { return Error{"This source cannot be played again.", ExitStatus::kUsage}; }

  // Undo what was done to the system (trace mask, buffers). Called once, after the last pass; the
  // destructor does the same for whatever is left.
  virtual Status close() { return ok(); }
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_SOURCE_H
