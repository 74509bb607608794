// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the live source needs from Xen, call by call, without any decision: the boundary between the policy
// (LiveSource, LiveTracing), which is tested with a fake, and libxenctrl and related libraries, which work
// only in Dom0. make_xen_hypervisor() returns the real one.
//
// Calls that can fail return 0 or an errno value. Where Xen itself refused, the value is Xen's own (Linux
// and Xen number them alike), and these have meanings of their own in Xen's do_sysctl() and tb_control():
//   ENOSYS  the hypervisor was built without CONFIG_TRACEBUFFER
//   EACCES  the caller speaks another version of the sysctl interface
//   EPERM   the caller is not a privileged domain
//
// Called from one thread.
#ifndef XENMON_XENBAKED_SOURCE_HYPERVISOR_H
#define XENMON_XENBAKED_SOURCE_HYPERVISOR_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "source/name_service.h"

namespace xenmon {

using Errno = int;

// Pages of another domain, or of Xen, mapped into this process until the object is destroyed. It must not
// outlive the Hypervisor that made it.
class MappedPages {
 public:
  MappedPages() = default;
  MappedPages(const MappedPages&) = delete;
  MappedPages& operator=(const MappedPages&) = delete;
  virtual ~MappedPages() = default;

  [[nodiscard]] virtual std::span<std::byte> bytes() const = 0;
};

// XEN_SYSCTL_TBUFOP_get_info.
struct TraceInfo {
  std::uint32_t event_mask = 0;  // which records Xen makes, if tracing is on
  std::uint64_t table_frame = 0; // machine frame of t_info; 0: there are no buffers yet
  std::uint32_t table_bytes = 0; // t_info's size, whole pages
  // The records of XenMon's patches that this Xen has; stock Xen has none (docs/trace-records.md).
  bool dispatch_records = false;
  bool page_counts = false;
  bool grant_copy = false;
};

// XEN_SYSCTL_physinfo.
struct PhysicalInfo {
  std::uint32_t cpu_khz = 0;
  std::uint32_t max_cpu_id = 0; // ids are sparse: this is not the number of CPUs less one
};

class Hypervisor {
 public:
  enum class Access { kRead, kReadWrite };

  Hypervisor() = default;
  Hypervisor(const Hypervisor&) = delete;
  Hypervisor& operator=(const Hypervisor&) = delete;
  virtual ~Hypervisor() = default; // closes what is open; unbinds the event

  // The hypercall and mapping device (/dev/xen/privcmd), and the event device (/dev/xen/evtchn). Each
  // once, before any other call that needs it.
  virtual Errno open_control() = 0;
  virtual Errno open_events() = 0;

  // The libraries' last message about an error, or "". They never print.
  [[nodiscard]] virtual std::string last_message() const = 0;

  // Binds VIRQ_TBUF. EEXIST: another program of this domain has it. EBUSY (Xen 4.21 and later): another
  // domain has it.
  virtual Errno bind_trace_event(std::uint32_t& port) = 0;
  // Readable when a port is pending; -1 before open_events().
  [[nodiscard]] virtual int event_fd() const = 0;
  // The next pending port. EAGAIN: none; never waits.
  virtual Errno next_event(std::uint32_t& port) = 0;
  // A port that was pending stays silent until this is called.
  virtual Errno unmask(std::uint32_t port) = 0;

  virtual Errno physical_info(PhysicalInfo& info) = 0;
  // XEN_SYSCTL_cputopoinfo: the pCPUs that are online, ascending.
  virtual Errno online_pcpus(std::vector<std::uint32_t>& pcpus) = 0;
  [[nodiscard]] virtual std::string version() = 0;   // as "4.17.7"; empty: unknown
  [[nodiscard]] virtual std::string scheduler() = 0; // see scheduler_name(); empty: unknown

  // The tbuf sysctls. Buffers are made once and stay until the host is restarted: another attempt is
  // EBUSY or EINVAL. Making them also switches tracing on.
  virtual Errno trace_info(TraceInfo& info) = 0;
  virtual Errno make_buffers(std::uint32_t pages_per_cpu) = 0;
  virtual Errno set_event_mask(std::uint32_t mask) = 0;
  // Xen also has a mask of CPUs, which can be set and not read. All is what Xen starts with.
  virtual Errno trace_all_cpus() = 0;
  virtual Errno enable_tracing() = 0; // EINVAL: there are no buffers
  // Also makes Xen forget how many records it lost.
  virtual Errno disable_tracing() = 0;

  // Maps Xen's own pages (DOMID_XEN), one after the other in the order given.
  virtual Errno map(std::span<const std::uint64_t> frames, Access access,
                    std::unique_ptr<MappedPages>& pages) = 0;

  // Reads /local/domain/DOMID/name in xenstore. Connects when first needed, and again after a failure; hangs
  // when xenstored does. May be called by another thread and after the Hypervisor is gone.
  virtual NameLookup name_lookup() = 0;
};

[[nodiscard]] std::unique_ptr<Hypervisor> make_xen_hypervisor();

// XEN_SCHEDULER_* (public/domctl.h) by the name that the hypervisor's sched= takes; an unknown one is
// "scheduler N".
[[nodiscard]] std::string scheduler_name(std::uint32_t id);

// The version of the sysctl interface that this program was built for (XEN_SYSCTL_INTERFACE_VERSION).
[[nodiscard]] std::uint32_t sysctl_interface_version();

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_HYPERVISOR_H
