// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/exposition.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/descriptor.h"

namespace xenmon {
namespace {

constexpr std::array<const char*, kVcpuStates> kStateNames = {"running", "runnable_wake", "runnable_preempt",
                                                              "blocked", "offline",       "unknown"};

// Those of XenServer's metrics where it has them.
// Without what is not known, the last one.
constexpr std::array<const char*, kDomainRunstates - 1> kRunstateNames = {
    "full_run", "partial_run", "full_contention", "partial_contention", "concurrency_hazard", "blocked"};

struct ExchangeKind {
  std::uint32_t flag;
  const char* name;
};
constexpr std::array<ExchangeKind, 4> kExchangeKinds = {{{XENMON_IO_MAP, "map"},
                                                         {XENMON_IO_UNMAP, "unmap"},
                                                         {XENMON_IO_TRANSFER, "transfer"},
                                                         {XENMON_IO_COPY, "copy"}}};

constexpr std::array<const Family*, 3> kHistogramFamilies = {
    &family::kDomainWakeWait, &family::kDomainPreemptWait, &family::kDomainExecution};

class Exposition {
 public:
  Exposition(const HostFigures& figures, Encoder& encoder) : figures_(figures), encoder_(encoder) {
    for (const DomainFigures& domain : figures.domains) domids_.push_back(std::to_string(domain.domid));
  }

  void domains() {
    if (figures_.domains.empty()) return;
    encoder_.begin(family::kDomainVcpuSeconds);
    for_each_domain([this](const DomainFigures& domain, std::size_t index) {
      for (std::size_t state = 0; state < kVcpuStates; ++state)
        number(domain, index, {"state", kStateNames[state]}, Amount::nanoseconds(domain.times[state]));
    });
    runstates();
    plain(family::kDomainExecutions, [](const DomainFigures& d) { return Amount::count(d.executions); });
    if (figures_.has_migrations) {
      // What has not happened so far is absent: on most hosts that is most of it.
      const auto any = [](std::uint64_t DomainFigures::*figure) {
        return [figure](const DomainFigures& d) { return d.*figure != 0; };
      };
      plain(
          family::kDomainMigrations, [](const DomainFigures& d) { return Amount::count(d.migrations); },
          any(&DomainFigures::migrations));
      plain(
          family::kDomainAvoidableWait,
          [](const DomainFigures& d) { return Amount::nanoseconds(d.avoidable_ns); },
          any(&DomainFigures::avoidable_ns));
    }
    exchanges();
    for (std::size_t which = 0; which < kHistogramFamilies.size(); ++which) histogram(which);
    plain(family::kDomainVcpus, [](const DomainFigures& d) { return Amount::count(d.vcpus); });
    if (figures_.wall_epoch_ns != 0) {
      plain(family::kDomainStartTime,
            [this](const DomainFigures& d) { return Amount::nanoseconds(created(d)); });
    }
    encoder_.begin(family::kDomain);
    for_each_domain([this](const DomainFigures& domain, std::size_t index) {
      number(domain, index, {"uid", std::to_string(domain.uid)}, Amount::count(1));
    });
  }

  void vcpus() {
    if (figures_.vcpus.empty()) return;
    encoder_.begin(family::kVcpuSeconds);
    for (const VcpuFigures& vcpu : figures_.vcpus) {
      const std::string number_text = std::to_string(vcpu.vcpu_id);
      for (std::size_t state = 0; state < kVcpuStates; ++state) {
        const DomainFigures& domain = figures_.domains[vcpu.domain];
        const std::array labels = {Label{"domain", domain.name}, Label{"domid", domids_[vcpu.domain]},
                                   Label{"vcpu", number_text}, Label{"state", kStateNames[state]}};
        encoder_.number({labels, created(domain)}, Amount::nanoseconds(vcpu.times[state]));
      }
    }
    encoder_.begin(family::kVcpuExecutions);
    for (const VcpuFigures& vcpu : figures_.vcpus) {
      number(figures_.domains[vcpu.domain], vcpu.domain, {"vcpu", std::to_string(vcpu.vcpu_id)},
             Amount::count(vcpu.executions));
    }
    if (!figures_.has_migrations) return;
    encoder_.begin(family::kVcpuMigrations);
    for (const VcpuFigures& vcpu : figures_.vcpus) {
      number(figures_.domains[vcpu.domain], vcpu.domain, {"vcpu", std::to_string(vcpu.vcpu_id)},
             Amount::count(vcpu.migrations));
    }
    encoder_.begin(family::kVcpuAvoidableWait);
    for (const VcpuFigures& vcpu : figures_.vcpus) {
      number(figures_.domains[vcpu.domain], vcpu.domain, {"vcpu", std::to_string(vcpu.vcpu_id)},
             Amount::nanoseconds(vcpu.avoidable_ns));
    }
  }

  void pcpus() {
    if (figures_.pcpus.empty()) return;
    encoder_.begin(family::kPcpuSeconds);
    for (const PcpuFigures& pcpu : figures_.pcpus) {
      const std::string number_text = std::to_string(pcpu.pcpu);
      const auto add = [&](const char* state, std::uint64_t ns) {
        const std::array labels = {Label{"pcpu", number_text}, Label{"state", state}};
        encoder_.number({labels, figures_.wall_epoch_ns}, Amount::nanoseconds(ns));
      };
      add("busy", pcpu.busy_ns);
      add("idle", pcpu.idle_ns);
      add("offline", pcpu.offline_ns);
      add("unknown", pcpu.unknown_ns);
    }
    single(family::kPcpus, Amount::count(figures_.pcpus_known));
  }

  void host() {
    const std::array labels = {Label{"xen_version", figures_.xen_version},
                               Label{"scheduler", figures_.scheduler}, Label{"source", figures_.source}};
    encoder_.begin(family::kHost);
    encoder_.number({labels}, Amount::count(1));
    if (figures_.has_waits) {
      single(family::kLongWaits, Amount::count(figures_.long_waits), figures_.wall_epoch_ns);
      single(family::kLongWaitThreshold, Amount::nanoseconds(figures_.slow_wait_ns));
    }
    const xenmon_counters& counters = figures_.counters;
    const auto counter = [this](const Family& of, Amount amount) {
      single(of, amount, figures_.wall_epoch_ns);
    };
    single(family::kDataAge, Amount::nanoseconds(figures_.quiet_ns));
    counter(family::kTraceSeconds, Amount::nanoseconds(figures_.trace_ns));
    if (figures_.wall_epoch_ns != 0)
      single(family::kTraceStartTime, Amount::nanoseconds(figures_.wall_epoch_ns));
    counter(family::kTraceRecords, Amount::count(counters.records));
    counter(family::kLostRecords, Amount::count(counters.lost_records));
    counter(family::kBadRecords, Amount::count(counters.bad_records));
    counter(family::kLateRecords, Amount::count(counters.late_records));
    counter(family::kStateConflicts, Amount::count(counters.state_conflicts));
    single(family::kVerdicts, Amount::count(figures_.verdicts));
    counter(family::kDaemonCpu, Amount::nanoseconds(counters.daemon_cpu_ns));
  }

  void itself(const OwnCost& cost) {
    single(family::kDataCurrent, Amount::count(figures_.current ? 1 : 0));
    encoder_.begin(family::kExporterBuild);
    const std::array labels = {Label{"version", XENMON_PROGRAM_VERSION}};
    encoder_.number({labels}, Amount::count(1));
    single(family::kProcessCpu, Amount::nanoseconds(cost.cpu_ns), cost.start_ns);
    if (cost.memory_bytes != 0) single(family::kProcessMemory, Amount::count(cost.memory_bytes));
    single(family::kProcessStart, Amount::nanoseconds(cost.start_ns));
  }

 private:
  [[nodiscard]] std::uint64_t created(const DomainFigures& domain) const {
    return figures_.wall_epoch_ns == 0 ? 0 : figures_.wall_epoch_ns + domain.start_ns;
  }

  template <class Visit>
  void for_each_domain(const Visit& visit) const {
    for (std::size_t i = 0; i < figures_.domains.size(); ++i) visit(figures_.domains[i], i);
  }

  void number(const DomainFigures& domain, std::size_t index, const Label& label, Amount amount) {
    const std::array labels = {Label{"domain", domain.name}, Label{"domid", domids_[index]}, label};
    encoder_.number({labels, created(domain)}, amount);
  }

  template <class Of>
  void plain(const Family& family, const Of& of) {
    plain(family, of, [](const DomainFigures&) { return true; });
  }
  // Of the domains of which `is_known` is true.
  template <class Of, class Known>
  void plain(const Family& family, const Of& of, const Known& is_known) {
    encoder_.begin(family);
    for_each_domain([&](const DomainFigures& domain, std::size_t index) {
      if (!is_known(domain)) return;
      const std::array labels = {Label{"domain", domain.name}, Label{"domid", domids_[index]}};
      encoder_.number({labels, created(domain)}, of(domain));
    });
  }

  // A state in which a domain has never been is absent: most domains know few of them. So is what is not
  // known, which is the rest of the domain's life: it would be one more series for each domain.
  void runstates() {
    if (!figures_.has_runstates) return;
    encoder_.begin(family::kDomainRunstateSeconds);
    for_each_domain([this](const DomainFigures& domain, std::size_t index) {
      for (std::size_t state = 0; state < kRunstateNames.size(); ++state)
        if (domain.runstates[state] != 0)
          number(domain, index, {"state", kRunstateNames[state]},
                 Amount::nanoseconds(domain.runstates[state]));
    });
  }

  // A kind that this hypervisor does not report is absent, and not 0.
  void exchanges() {
    if (figures_.io_kinds == 0) return;
    encoder_.begin(family::kDomainPageExchanges);
    for_each_domain([this](const DomainFigures& domain, std::size_t index) {
      for (std::size_t kind = 0; kind < kExchangeKinds.size(); ++kind) {
        if ((figures_.io_kinds & kExchangeKinds[kind].flag) == 0) continue;
        number(domain, index, {"kind", kExchangeKinds[kind].name}, Amount::count(domain.exchanges[kind]));
      }
    });
    if ((figures_.io_kinds & XENMON_IO_COPY) == 0) return;
    plain(family::kDomainPageCopyBytes, [](const DomainFigures& d) { return Amount::count(d.copy_bytes); });
  }

  void histogram(std::size_t which) {
    encoder_.begin(*kHistogramFamilies[which]);
    for_each_domain([&](const DomainFigures& domain, std::size_t index) {
      const HistogramFigures& from = domain.histograms[which];
      const std::array labels = {Label{"domain", domain.name}, Label{"domid", domids_[index]}};
      encoder_.histogram(
          {labels, created(domain)},
          {std::span(figures_.buckets).subspan(from.first_bucket, from.buckets), from.count, from.sum_ns});
    });
  }

  void single(const Family& family, Amount amount, std::uint64_t created_ns = 0) {
    encoder_.begin(family);
    encoder_.number({{}, created_ns}, amount);
  }

  const HostFigures& figures_;
  Encoder& encoder_;
  std::vector<std::string> domids_;
};

// The second number in /proc/self/statm is pages.
std::uint64_t resident_bytes() {
  const Descriptor file(open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  char text[128] = {};
  const ssize_t length = read(file.get(), text, sizeof text - 1);
  const char* second = length > 0 ? std::strchr(text, ' ') : nullptr;
  if (second == nullptr) return 0;
  return std::strtoull(second, nullptr, 10) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

} // namespace

OwnCost own_cost() {
  static const std::uint64_t kStart = realtime_ns();
  return {process_cpu_ns(), resident_bytes(), kStart};
}

void write_exposition(const HostFigures& figures, const OwnCost& cost, Encoder& encoder) {
  Exposition exposition(figures, encoder);
  exposition.domains();
  exposition.vcpus();
  exposition.pcpus();
  if (figures.has_region) exposition.host();
  exposition.itself(cost);
}

} // namespace xenmon
