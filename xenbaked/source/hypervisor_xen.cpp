// SPDX-License-Identifier: GPL-2.0-or-later
//
// The Hypervisor of a real Dom0: libxenctrl, libxencall, libxenforeignmemory, libxenevtchn, libxenstore.
#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "source/hypervisor.h"
#include "source/hypervisor_log.h"
#include "source/hypervisor_store.h"
#include "source/trace_ring.h"

// Xen's headers do not say by themselves that they are C.
extern "C" {
#include <xencall.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
}

namespace xenmon {
namespace {

static_assert(TraceRing::kPageBytes == XC_PAGE_SIZE);

struct CloseControl {
  void operator()(xc_interface* handle) const { xc_interface_close(handle); }
};
struct CloseCall {
  void operator()(xencall_handle* handle) const { xencall_close(handle); }
};
struct CloseMemory {
  void operator()(xenforeignmemory_handle* handle) const { xenforeignmemory_close(handle); }
};
struct CloseEvents {
  void operator()(xenevtchn_handle* handle) const { xenevtchn_close(handle); }
};
struct FreeCallBuffer {
  xencall_handle* owner;
  void operator()(void* buffer) const { xencall_free_buffer(owner, buffer); }
};
struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// A failed call's errno; never 0, which would read as success.
Errno failure() {
  return errno != 0 ? errno : EIO;
}

class ForeignPages final : public MappedPages {
 public:
  ForeignPages(xenforeignmemory_handle* owner, void* address, std::size_t pages)
      : owner_(owner), address_(address), pages_(pages) {}
  ~ForeignPages() override { xenforeignmemory_unmap(owner_, address_, pages_); }

  [[nodiscard]] std::span<std::byte> bytes() const override {
    return {static_cast<std::byte*>(address_), pages_ * XC_PAGE_SIZE};
  }

 private:
  xenforeignmemory_handle* owner_;
  void* address_;
  std::size_t pages_;
};

// Which records of XenMon's patches Xen has: a word after the last field that stock Xen's header has
// (docs/trace-records.md). Stock Xen returns it as it was passed.
constexpr std::size_t kPatchesWordAt = 44;
static_assert(sizeof(xen_sysctl_tbuf_op) == kPatchesWordAt + sizeof(std::uint32_t) &&
              offsetof(xen_sysctl_tbuf_op, size) + sizeof(xen_sysctl_tbuf_op::size) == kPatchesWordAt);
constexpr std::uint32_t kHasDispatchRecords = 1U << 0;
constexpr std::uint32_t kHasPageCounts = 1U << 1;
constexpr std::uint32_t kHasGrantCopy = 1U << 2;

class XenHypervisor final : public Hypervisor {
 public:
  Errno open_control() override {
    log_.forget();
    control_.reset(xc_interface_open(log_.logger(), log_.logger(), 0));
    if (!control_) return failure();
    call_.reset(xencall_open(log_.logger(), 0));
    if (!call_) return failure();
    memory_.reset(xenforeignmemory_open(log_.logger(), 0));
    return memory_ ? 0 : failure();
  }

  Errno open_events() override {
    log_.forget();
    events_.reset(xenevtchn_open(log_.logger(), 0));
    return events_ ? 0 : failure();
  }

  [[nodiscard]] std::string last_message() const override { return log_.last_message(); }

  Errno bind_trace_event(std::uint32_t& port) override {
    const int bound = xenevtchn_bind_virq(events_.get(), VIRQ_TBUF);
    if (bound < 0) return failure();
    port = static_cast<std::uint32_t>(bound);
    return 0;
  }

  [[nodiscard]] int event_fd() const override { return events_ ? xenevtchn_fd(events_.get()) : -1; }

  Errno next_event(std::uint32_t& port) override {
    // xenevtchn_pending() waits when nothing is pending, and a non-blocking descriptor does not help
    // everywhere (xenevtchn.h), so the descriptor is asked first.
    pollfd ready{event_fd(), POLLIN, 0};
    const int count = ::poll(&ready, 1, 0);
    if (count < 0) return failure();
    if (count == 0) return EAGAIN;
    errno = 0;
    const int pending = xenevtchn_pending(events_.get());
    if (pending < 0) return failure();
    port = static_cast<std::uint32_t>(pending);
    return 0;
  }

  Errno unmask(std::uint32_t port) override {
    return xenevtchn_unmask(events_.get(), port) == 0 ? 0 : failure();
  }

  Errno physical_info(PhysicalInfo& info) override {
    xc_physinfo_t physical{};
    if (xc_physinfo(control_.get(), &physical) != 0) return failure();
    info.cpu_khz = physical.cpu_khz;
    info.max_cpu_id = physical.max_cpu_id;
    return 0;
  }

  Errno online_pcpus(std::vector<std::uint32_t>& pcpus) override {
    // Once for the number of entries, once for these.
    unsigned count = 0;
    if (xc_cputopoinfo(control_.get(), &count, nullptr) != 0) return failure();
    std::vector<xc_cputopo_t> topology(count);
    if (xc_cputopoinfo(control_.get(), &count, topology.data()) != 0) return failure();
    pcpus.clear();
    for (std::uint32_t pcpu = 0; pcpu < std::min<std::size_t>(count, topology.size()); ++pcpu) {
      if (topology[pcpu].core != XEN_INVALID_CORE_ID) pcpus.push_back(pcpu);
    }
    return 0;
  }

  [[nodiscard]] std::string version() override {
    const int number = xc_version(control_.get(), XENVER_version, nullptr);
    if (number < 0) return {};
    std::string text = std::to_string(number >> 16) + "." + std::to_string(number & 0xffff);
    // The rest, as ".7" or "-rc2"; one byte more than Xen fills, so that it always ends.
    char extra[XEN_EXTRAVERSION_LEN + 1] = {};
    if (xc_version(control_.get(), XENVER_extraversion, extra) >= 0) text += extra;
    return text;
  }

  [[nodiscard]] std::string scheduler() override {
    int id = 0;
    if (xc_sched_id(control_.get(), &id) != 0) return {};
    return scheduler_name(static_cast<std::uint32_t>(id));
  }

  Errno trace_info(TraceInfo& info) override {
    xen_sysctl_tbuf_op operation{};
    operation.cmd = XEN_SYSCTL_TBUFOP_get_info;
    std::uint32_t records = 0;
    if (const Errno error = control_tracing(operation, &records)) return error;
    info.event_mask = operation.evt_mask;
    info.table_frame = operation.buffer_mfn;
    info.table_bytes = operation.size;
    info.dispatch_records = (records & kHasDispatchRecords) != 0;
    info.page_counts = (records & kHasPageCounts) != 0;
    info.grant_copy = (records & kHasGrantCopy) != 0;
    return 0;
  }

  Errno make_buffers(std::uint32_t pages_per_cpu) override {
    xen_sysctl_tbuf_op operation{};
    operation.cmd = XEN_SYSCTL_TBUFOP_set_size;
    operation.size = pages_per_cpu;
    return control_tracing(operation);
  }

  Errno set_event_mask(std::uint32_t mask) override {
    xen_sysctl_tbuf_op operation{};
    operation.cmd = XEN_SYSCTL_TBUFOP_set_evt_mask;
    operation.evt_mask = mask;
    return control_tracing(operation);
  }

  Errno trace_all_cpus() override {
    const int bytes = xc_get_cpumap_size(control_.get());
    if (bytes <= 0) return failure();
    const std::unique_ptr<std::uint8_t, Free> cpus(xc_cpumap_alloc(control_.get()));
    if (!cpus) return failure();
    // Xen ignores bits after the last CPU.
    std::memset(cpus.get(), 0xff, static_cast<std::size_t>(bytes));
    return xc_tbuf_set_cpu_mask(control_.get(), cpus.get()) == 0 ? 0 : failure();
  }

  // Not xc_tbuf_enable(): that tries to make buffers first, which Xen answers with a line on its console.
  Errno enable_tracing() override {
    xen_sysctl_tbuf_op operation{};
    operation.cmd = XEN_SYSCTL_TBUFOP_enable;
    return control_tracing(operation);
  }

  Errno disable_tracing() override {
    xen_sysctl_tbuf_op operation{};
    operation.cmd = XEN_SYSCTL_TBUFOP_disable;
    return control_tracing(operation);
  }

  Errno map(std::span<const std::uint64_t> frames, Access access,
            std::unique_ptr<MappedPages>& pages) override {
    log_.forget();
    const std::vector<xen_pfn_t> numbers(frames.begin(), frames.end());
    const int protection = access == Access::kReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
    // Without a place for errors page by page, all pages are mapped or none.
    void* address =
        xenforeignmemory_map(memory_.get(), DOMID_XEN, protection, numbers.size(), numbers.data(), nullptr);
    if (address == nullptr) return failure();
    pages = std::make_unique<ForeignPages>(memory_.get(), address, numbers.size());
    return 0;
  }

  NameLookup name_lookup() override {
    return [store = std::make_shared<HypervisorStore>()](std::uint32_t domid) {
      return store->domain_name(domid);
    };
  }

 private:
  // One XEN_SYSCTL_tbuf_op. libxenctrl has no call that returns the event mask, and none that only
  // enables, so the hypercall is made here. `records`: where to put the word about the patches' records.
  Errno control_tracing(xen_sysctl_tbuf_op& operation, std::uint32_t* records = nullptr) {
    const std::unique_ptr<void, FreeCallBuffer> buffer(xencall_alloc_buffer(call_.get(), sizeof(xen_sysctl)),
                                                       FreeCallBuffer{call_.get()});
    if (!buffer) return failure();
    xen_sysctl request{};
    request.cmd = XEN_SYSCTL_tbuf_op;
    request.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    request.u.tbuf_op = operation;
    std::byte* const word = reinterpret_cast<std::byte*>(&request.u.tbuf_op) + kPatchesWordAt;
    std::memset(word, 0, sizeof(std::uint32_t));
    std::memcpy(buffer.get(), &request, sizeof request);
    if (xencall1(call_.get(), __HYPERVISOR_sysctl, reinterpret_cast<std::uintptr_t>(buffer.get())) < 0)
      return failure();
    std::memcpy(&request, buffer.get(), sizeof request);
    operation = request.u.tbuf_op;
    if (records != nullptr) std::memcpy(records, word, sizeof *records);
    return 0;
  }

  HypervisorLog log_; // outlives the handles, which point to it
  std::unique_ptr<xc_interface, CloseControl> control_;
  std::unique_ptr<xencall_handle, CloseCall> call_;
  std::unique_ptr<xenforeignmemory_handle, CloseMemory> memory_;
  std::unique_ptr<xenevtchn_handle, CloseEvents> events_;
};

} // namespace

std::unique_ptr<Hypervisor> make_xen_hypervisor() {
  return std::make_unique<XenHypervisor>();
}

} // namespace xenmon
