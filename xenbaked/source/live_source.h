// SPDX-License-Identifier: GPL-2.0-or-later
//
// The live source: the trace buffers of the hypervisor that this Dom0 runs on.
//
// Opening takes these steps; when one fails, everything done so far is undone:
//   1. the machine runs Xen, this is Dom0, the user is root (live_host.h);
//   2. the devices are opened and VIRQ_TBUF is bound. Xen gives that event to one program, so who has it
//      is the one consumer; nothing of Xen's state is even read before;
//   3. what a process that was killed has left behind is restored (found_tracing.h);
//   4. the present mask is read, buffers are made if there are none, mapped, emptied, and tracing is
//      switched on (live_tracing.h says what is restored at the end).
// The buffers' size is what Xen says it is: it is set once until the host is started again.
//
// Called from the daemon's one thread only.
#ifndef XENMON_XENBAKED_SOURCE_LIVE_SOURCE_H
#define XENMON_XENBAKED_SOURCE_LIVE_SOURCE_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/hypervisor.h"
#include "source/live_host.h"
#include "source/live_tracing.h"
#include "source/source.h"
#include "source/trace_ring.h"

namespace xenmon {

struct LiveOptions {
  // Twice xentrace's own choice (DEFAULT_TBUF_SIZE): a saturated pCPU of today fills 300 KB/s or more, and
  // the default poll is to come before half a buffer is full.
  static constexpr std::uint32_t kPagesDefault = 64;

  // Which records. By default the dispatch records if Xen has them, and otherwise those of Xen's own records
  // that the accounting needs.
  std::optional<std::uint32_t> event_mask;
  bool without_slices = false;     // of Xen's own records: not the time slices
  bool stock_records = false;      // Xen's own records in any case
  TracingKeeper* keeper = nullptr; // outlives the source; null: what was found is not saved
  std::uint32_t buffer_pages = 0;  // of 4096 bytes, per pCPU, if there are no buffers yet; 0: kPagesDefault
};

class LiveSource final : public Source {
  struct Private {};

 public:
  struct Counts {
    std::uint64_t ring_faults = 0;      // see TraceRing::Fault; each lost what was in that ring
    std::uint64_t unexpected_ports = 0; // events that are not ours
    std::uint64_t masks_changed = 0;    // how often another program changed the mask
  };

  static Result<std::unique_ptr<Source>> open(const LiveOptions& options);

  // The same on any hypervisor and machine: for tests.
  static Result<std::unique_ptr<LiveSource>> open_on(const LiveOptions& options, const HostFacts& facts,
                                                     std::unique_ptr<Hypervisor> hypervisor);

  // Restores what a killed process has left behind; false if there is nothing. kBusy: another program is
  // tracing.
  static Result<bool> restore(TracingKeeper& keeper);
  static Result<bool> restore_on(TracingKeeper& keeper, const HostFacts& facts,
                                 std::unique_ptr<Hypervisor> hypervisor);

  LiveSource(Private, std::unique_ptr<Hypervisor> hypervisor, TracingKeeper* keeper);
  ~LiveSource() override;

  [[nodiscard]] const Origin& origin() const override { return origin_; }
  // One window for each pCPU that has data, ascending. A ring's fault is in pass.bad, and pass.gap is set:
  // records are then missing on every pCPU, because Xen stops all tracing when it sees a fault; tracing has
  // been started again. The time during which another program had changed the mask is also a gap; all records
  // since the previous pass are then dropped. After close() a pass is empty and the last.
  Status read_pass(Pass& pass) override;
  void release_pass() override;
  [[nodiscard]] int event_fd() const override;
  // Call before or after the pass that the event announced. Xen announces a buffer once, when it becomes half
  // full; passes in between make it announce the buffer again.
  Status acknowledge() override;
  // Dom0's, which everybody knows.
  [[nodiscard]] std::optional<std::string> domain_name(const DomidUse& domain) const override;
  // The others', from xenstore. The idle domain and Xen's own have none.
  NameService* name_service() override { return names_.get(); }
  Status close() override;

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] Faults faults() const override {
    Faults faults{};
    faults[XENMON_FAULT_RING] = counts_.ring_faults;
    faults[XENMON_FAULT_EVENT] = counts_.unexpected_ports;
    faults[XENMON_FAULT_MASK] = counts_.masks_changed;
    return faults;
  }
  [[nodiscard]] std::uint32_t pages_per_ring() const { return pages_per_ring_; }
  [[nodiscard]] std::size_t ring_count() const { return rings_.size(); }

 private:
  struct Ring {
    std::uint32_t pcpu;
    std::unique_ptr<MappedPages> pages;
    TraceRing buffer;
  };

  Status start(const LiveOptions& options, const HostFacts& facts);
  Status connect(const HostFacts& facts);
  void learn_pcpus();
  // After connect(), because what another program traces must not be changed.
  Result<bool> restore_leftover();
  void discard_all();
  Status map_rings(const TraceInfo& info, std::uint32_t max_cpu_id);

  // Declared so that each is destroyed before what it depends on.
  TracingKeeper* keeper_;                  // may be null
  std::unique_ptr<Hypervisor> hypervisor_; // null after close()
  std::unique_ptr<LiveTracing> tracing_;
  std::vector<Ring> rings_;           // ascending pCPU
  std::unique_ptr<NameThread> names_; // null after close()
  Origin origin_;
  Counts counts_;
  std::uint32_t port_ = 0;
  std::uint32_t pages_per_ring_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_LIVE_SOURCE_H
