// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is accounted for one vCPU and for one domain. Plain data; the rules are in Baker.
#ifndef XENMON_XENBAKED_BAKE_VCPU_H
#define XENMON_XENBAKED_BAKE_VCPU_H

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bake/buckets.h"
#include "bake/domain_runstates.h"
#include "bake/histogram.h"
#include "bake/idle_clock.h"
#include "trace/decode.h"
#include "xenmon/region.h"

namespace xenmon {

// Time slices granted that had a limit.
struct Slices {
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
  std::uint32_t min_ns = 0; // 0 when count is 0
  std::uint32_t max_ns = 0;

  void add(std::uint32_t ns) {
    if (count == 0 || ns < min_ns) min_ns = ns;
    if (ns > max_ns) max_ns = ns;
    ++count;
    sum_ns += ns;
  }
  void add(const Slices& other) {
    if (other.count == 0) return;
    if (count == 0 || other.min_ns < min_ns) min_ns = other.min_ns;
    if (other.max_ns > max_ns) max_ns = other.max_ns;
    count += other.count;
    sum_ns += other.sum_ns;
  }
};

// What one vCPU did in the current sample, as far as it is credited to one pCPU.
struct VcpuPart {
  std::uint32_t pcpu = XENMON_NO_PCPU;
  std::uint64_t executions = 0;
  std::uint64_t continues = 0;
  Times times{};
  Slices slices;
  std::uint64_t avoidable_ns = 0; // of the time that it waited: a pCPU of its pool was idle
  std::uint32_t migrations = 0;   // to it

  [[nodiscard]] bool empty() const {
    std::uint64_t any = executions | slices.count;
    for (const std::uint64_t time : times) any |= time;
    return any == 0;
  }
  void reset() {
    executions = continues = 0;
    avoidable_ns = 0;
    migrations = 0;
    times = {};
    slices = {};
  }
};

struct VcpuHistograms {
  Histogram wake_wait;
  Histogram preempt_wait;
  Histogram run;
};

// What every record of it needs comes first, in three cache lines.
struct alignas(64) Vcpu {
  std::uint32_t slot = 0;
  std::uint32_t domain_slot = 0;
  std::uint32_t vcpu_id = 0;
  Bucket bucket = kUnknown;
  // What an untrusted record said since entered_ns; what Xen says later about that time may still confirm it.
  // kUnknown: nothing.
  Bucket claimed = kUnknown;
  bool idle = false;              // one of the idle domain's: tied to the pCPU of its number
  bool observed = false;          // some record has given its state
  bool counts_as_idle = false;    // an idle vCPU: its pool's clock counts its pCPU
  bool has_run = false;           // some record has said so; part.pcpu is where
  bool known = false;             // in Baker's list of vCPUs whose state is known
  bool ended = false;             // its domain has ended
  bool silent = false;            // the idle vCPU of a pCPU that has no records yet: it is assumed to run
  std::uint32_t told_wait_ns = 0; // how long Xen says it waited before the coming switch; 0: unknown
  std::uint32_t told_by = XENMON_NO_PCPU; // the pCPU whose record gave its state; only where clocks differ
  std::uint64_t since_ns = 0;             // accounted up to here
  std::uint64_t entered_ns = 0;           // in this state from here on; unlike since_ns not moved by samples
  // Its domain's; none if that has no other vCPU. Of an idle vCPU it is not used, and not null: so one look
  // tells whether there is more to do.
  DomainRunstates* domain_runstates = nullptr;
  IdleClock* pool = nullptr;      // of the pCPU on which it last ran; never null
  std::uint64_t idle_reading = 0; // of that clock, when the wait began that it is in, or the sample
  std::uint64_t left_ns = 0;      // when it was last seen to leave its pCPU; 0: not seen

  std::unique_ptr<VcpuHistograms> histograms; // made when first needed

  VcpuPart part;               // of the pCPU on which it runs or last ran
  std::vector<VcpuPart> parts; // of other pCPUs in this sample

  // All of the trace up to the end of the last sample.
  Times times{};
  std::uint64_t executions = 0;
  std::uint64_t continues = 0;
  std::uint64_t migrations = 0;
  std::uint64_t avoidable_ns = 0;
  Slices slices;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> running_by_pcpu; // pCPU, ns

  [[gnu::always_inline]] VcpuHistograms& distribution() {
    if (!histograms) histograms = std::make_unique<VcpuHistograms>();
    return *histograms;
  }
};

enum IoKind : std::uint8_t { kIoMap, kIoUnmap, kIoTransfer, kIoCopy };
inline constexpr std::size_t kIoKinds = 4;
static_assert(int{kIoMap} == decoded::kPageMap && int{kIoUnmap} == decoded::kPageUnmap &&
              int{kIoTransfer} == decoded::kPageTransfer && int{kIoCopy} == decoded::kPageCopy);
using IoCounts = std::array<std::uint64_t, kIoKinds>;

// Page exchanges with the grants of one domain.
struct Exchanges {
  IoCounts counts{};
  std::uint64_t copy_bytes = 0;

  [[nodiscard]] bool empty() const { return counts == decltype(counts){}; }
  void add(const Exchanges& other) {
    for (std::size_t kind = 0; kind < kIoKinds; ++kind) counts[kind] += other.counts[kind];
    copy_bytes += other.copy_bytes;
  }
};

struct IoPart {
  std::uint32_t pcpu = 0;
  Exchanges exchanges;
};

struct Domain {
  std::uint32_t slot = 0;
  std::uint32_t domid = 0;
  std::uint64_t uid = 0;
  bool born = false; // its creation was seen
  bool ended = false;
  // DOM_REM records of earlier domains with the same number: those that are certainly still to come, and
  // those that may be, or may have been lost.
  std::uint32_t removals_due = 0;
  std::uint32_t removals_in_doubt = 0;
  bool removal_in_doubt = false; // a DOM_REM came that may have been this one's
  std::uint64_t born_ns = 0;
  std::uint64_t not_before_ns = 0; // until then another domain had its number
  std::uint64_t ended_ns = 0;
  // Since its birth, if that was seen, records may be missing from then on.
  std::uint64_t loss_ns = ~std::uint64_t{0};
  std::string name;
  std::vector<std::uint32_t> vcpus; // slots by vCPU id, XENMON_NO_SLOT where none
  std::uint32_t vcpu_count = 0;
  // What it does as a whole; not the idle domain. Its life begins with its creation if that was seen,
  // otherwise with the trace, or with the end of the domain that had its number before.
  std::uint64_t lives_from_ns = 0;
  std::unique_ptr<DomainRunstates> runstates; // while it is alive, with two vCPUs or more
  DomainTimes part_times{};                   // of the current sample, as far as it is accounted
  DomainTimes times{};                        // up to the end of the last sample
  IoCounts io{};
  std::uint64_t io_copy_bytes = 0;
  std::vector<IoPart> io_parts; // of the current sample
};

} // namespace xenmon

#endif // XENMON_XENBAKED_BAKE_VCPU_H
