// SPDX-License-Identifier: GPL-2.0-or-later
//
// The metric families that the exporter exposes: their names, kinds, units and help texts, in one place.
//
// Names follow Prometheus' conventions: base units, the unit at the end, nothing in a name that a label says.
// A name never changes its meaning, because dashboards and alerts of others are built on it; docs/fleet.md
// lists all of them.
#ifndef XENMON_XENMON_EXPORT_FAMILY_H
#define XENMON_XENMON_EXPORT_FAMILY_H

namespace xenmon {

enum class FamilyKind {
  kCounter,   // its samples are named NAME_total
  kGauge,     //
  kInfo,      // its samples are named NAME_info and are 1; the labels are the information
  kHistogram, // of durations, in the buckets of xenmon/region.h
};

struct Family {
  const char* name; // without _total and _info
  FamilyKind kind;
  const char* unit; // the end of the name, or ""
  const char* help; // one sentence; no backslash and no end of line
};

namespace family {

// ---- what a domain does; labels domain (its name, "" while unknown) and domid
inline constexpr Family kDomainVcpuSeconds{
    "xenmon_domain_vcpu_seconds", FamilyKind::kCounter, "seconds",
    "Time that the domain's vCPUs have spent in each state, all vCPUs together."};
inline constexpr Family kDomainRunstateSeconds{
    "xenmon_domain_runstate_seconds", FamilyKind::kCounter, "seconds",
    "Time that the domain as a whole has spent in each state, by what its vCPUs do at the same time."};
inline constexpr Family kDomainExecutions{
    "xenmon_domain_executions", FamilyKind::kCounter, "",
    "Times that the scheduler let one of the domain's vCPUs run, or continue to run."};
inline constexpr Family kDomainMigrations{
    "xenmon_domain_migrations", FamilyKind::kCounter, "",
    "Times that one of the domain's vCPUs started to run on another physical CPU than the one before."};
inline constexpr Family kDomainAvoidableWait{
    "xenmon_domain_avoidable_wait_seconds", FamilyKind::kCounter, "seconds",
    "Time that the domain's vCPUs have waited although a physical CPU of their cpupool was idle."};
inline constexpr Family kDomainPageExchanges{
    "xenmon_domain_page_exchanges", FamilyKind::kCounter, "",
    "Pages that the domain has exchanged with others, by kind. Dom0 has those of all guests."};
inline constexpr Family kDomainPageCopyBytes{"xenmon_domain_page_copy_bytes", FamilyKind::kCounter, "bytes",
                                             "Bytes that Xen has copied out of the domain's pages or into "
                                             "them."};
inline constexpr Family kDomainWakeWait{
    "xenmon_domain_wake_wait_seconds", FamilyKind::kHistogram, "seconds",
    "How long the domain's vCPUs waited for a pCPU after they had been woken; waits that have ended."};
inline constexpr Family kDomainPreemptWait{
    "xenmon_domain_preempt_wait_seconds", FamilyKind::kHistogram, "seconds",
    "How long the domain's vCPUs waited for a pCPU after they had been preempted; waits that have ended."};
inline constexpr Family kDomainExecution{
    "xenmon_domain_execution_seconds", FamilyKind::kHistogram, "seconds",
    "How long the domain's vCPUs ran each time that the scheduler chose them; executions that have ended."};
inline constexpr Family kDomainVcpus{"xenmon_domain_vcpus", FamilyKind::kGauge, "",
                                     "vCPUs of the domain that have been seen."};
inline constexpr Family kDomainStartTime{
    "xenmon_domain_start_time_seconds", FamilyKind::kGauge, "seconds",
    "When the domain's counters started: its creation, or the start of the trace; seconds since 1970."};
inline constexpr Family kDomain{"xenmon_domain", FamilyKind::kInfo, "",
                                "A domain; uid distinguishes domains that had the same domid."};

// ---- the same for each vCPU, on request; label vcpu, too
inline constexpr Family kVcpuSeconds{"xenmon_vcpu_seconds", FamilyKind::kCounter, "seconds",
                                     "Time that the vCPU has spent in each state."};
inline constexpr Family kVcpuExecutions{"xenmon_vcpu_executions", FamilyKind::kCounter, "",
                                        "Times that the scheduler let the vCPU run, or continue to run."};
inline constexpr Family kVcpuMigrations{
    "xenmon_vcpu_migrations", FamilyKind::kCounter, "",
    "Times that the vCPU started to run on another physical CPU than the one before."};
inline constexpr Family kVcpuAvoidableWait{
    "xenmon_vcpu_avoidable_wait_seconds", FamilyKind::kCounter, "seconds",
    "Time that the vCPU has waited although a physical CPU of its cpupool was idle."};

// ---- the host
inline constexpr Family kPcpuSeconds{
    "xenmon_pcpu_seconds", FamilyKind::kCounter, "seconds",
    "Time that the physical CPU was busy with a domain's vCPU, idle, offline, or unknown."};
inline constexpr Family kPcpus{"xenmon_pcpus", FamilyKind::kGauge, "",
                               "Physical CPUs that are known to exist."};
inline constexpr Family kLongWaits{"xenmon_long_waits", FamilyKind::kCounter, "",
                                   "Waits for a pCPU that were at least as long as "
                                   "xenmon_long_wait_threshold_seconds says, of all domains."};
inline constexpr Family kLongWaitThreshold{"xenmon_long_wait_threshold_seconds", FamilyKind::kGauge,
                                           "seconds", "From which length on xenbaked reports a wait."};
inline constexpr Family kHost{"xenmon_host", FamilyKind::kInfo, "",
                              "The hypervisor, its scheduler, and where the figures come from."};

// ---- whether the figures can be relied on
inline constexpr Family kDataCurrent{
    "xenmon_data_current", FamilyKind::kGauge, "",
    "1 while xenbaked publishes figures. If it is 0, there are no figures of domains and pCPUs."};
inline constexpr Family kDataAge{"xenmon_data_age_seconds", FamilyKind::kGauge, "seconds",
                                 "Time since xenbaked's last sign of life."};
inline constexpr Family kTraceSeconds{"xenmon_trace_seconds", FamilyKind::kCounter, "seconds",
                                      "Length of the trace that the figures are about."};
inline constexpr Family kTraceStartTime{"xenmon_trace_start_time_seconds", FamilyKind::kGauge, "seconds",
                                        "When the trace started, seconds since 1970."};
inline constexpr Family kTraceRecords{"xenmon_trace_records", FamilyKind::kCounter, "",
                                      "Trace records that xenbaked has decoded."};
inline constexpr Family kLostRecords{"xenmon_trace_lost_records", FamilyKind::kCounter, "",
                                     "Trace records that Xen could not store, because a buffer was full."};
inline constexpr Family kBadRecords{"xenmon_trace_bad_records", FamilyKind::kCounter, "",
                                    "Trace records that were damaged or impossible, and were skipped."};
inline constexpr Family kLateRecords{"xenmon_trace_late_records", FamilyKind::kCounter, "",
                                     "Trace records that came after their place in the order had passed."};
inline constexpr Family kStateConflicts{
    "xenmon_trace_state_conflicts", FamilyKind::kCounter, "",
    "Trace records that contradict what was known of a vCPU; the time before them is unknown."};
inline constexpr Family kVerdicts{"xenmon_trace_verdicts", FamilyKind::kGauge, "",
                                  "Statements about what is wrong with the trace as a whole; xenmon shows "
                                  "them."};

// ---- what it costs
inline constexpr Family kDaemonCpu{"xenmon_daemon_cpu_seconds", FamilyKind::kCounter, "seconds",
                                   "CPU time that xenbaked has used."};
inline constexpr Family kExporterBuild{"xenmon_exporter_build", FamilyKind::kInfo, "",
                                       "Version of xenmon-exporter."};
inline constexpr Family kProcessCpu{"process_cpu_seconds", FamilyKind::kCounter, "seconds",
                                    "CPU time that xenmon-exporter has used."};
inline constexpr Family kProcessMemory{"process_resident_memory_bytes", FamilyKind::kGauge, "bytes",
                                       "Memory that xenmon-exporter has, the region included."};
inline constexpr Family kProcessStart{"process_start_time_seconds", FamilyKind::kGauge, "seconds",
                                      "When xenmon-exporter started, seconds since 1970."};

} // namespace family
} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_FAMILY_H
