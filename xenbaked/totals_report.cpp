// SPDX-License-Identifier: GPL-2.0-or-later
#include "totals_report.h"

#include <array>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <string>

#include "base/counted.h"
#include "metric.h"
#include "text.h"

namespace xenmon {

namespace {

using Json = nlohmann::ordered_json;

// By XENMON_BAD_*; further values have no meaning yet.
constexpr std::array kBadCauses{"framing", "length", "tsc", "words", "content", "ring", "input"};

Json percentiles_json(const Percentiles& p) {
  return {{"p50", p.p50}, {"p95", p.p95}, {"p99", p.p99}, {"max", p.max}};
}

// What the baker counts, as the table of metrics has it.
MetricSums sums_of(const VcpuTotals& vcpu) {
  MetricSums sums;
  sums.running_ns = vcpu.times[kRunning];
  sums.waited_wake_ns = vcpu.times[kWaitWake];
  sums.waited_preempt_ns = vcpu.times[kWaitPreempt];
  sums.blocked_ns = vcpu.times[kBlocked];
  sums.offline_ns = vcpu.times[kOffline];
  sums.unknown_ns = vcpu.times[kUnknown];
  sums.executions = vcpu.executions;
  sums.migrations = vcpu.migrations;
  sums.avoidable_wait_ns = vcpu.avoidable_ns;
  sums.slice_count = vcpu.slices.count;
  sums.slice_sum_ns = vcpu.slices.sum_ns;
  return sums;
}

MetricSums io_of(const DomainTotals& domain) {
  MetricSums sums;
  sums.io_map = domain.io[kIoMap];
  sums.io_unmap = domain.io[kIoUnmap];
  sums.io_transfer = domain.io[kIoTransfer];
  sums.io_copy = domain.io[kIoCopy];
  sums.io_copy_bytes = domain.io_copy_bytes;
  return sums;
}

constexpr std::array kTimes = {Metric::kGotten,        Metric::kWaited,  Metric::kWaitedWake,
                               Metric::kWaitedPreempt, Metric::kBlocked, Metric::kOffline,
                               Metric::kUnknown};
MetricSums runstates_of(const DomainTotals& domain) {
  MetricSums sums;
  sums.full_run_ns = domain.times[kFullRun];
  sums.partial_run_ns = domain.times[kPartialRun];
  sums.full_contention_ns = domain.times[kFullContention];
  sums.partial_contention_ns = domain.times[kPartialContention];
  sums.concurrency_hazard_ns = domain.times[kConcurrencyHazard];
  sums.domain_blocked_ns = domain.times[kAllBlocked];
  sums.domain_unknown_ns = domain.times[kStateUnknown];
  return sums;
}

constexpr std::array kRunstates = {
    Metric::kFullRun,           Metric::kPartialRun,    Metric::kFullContention, Metric::kPartialContention,
    Metric::kConcurrencyHazard, Metric::kDomainBlocked, Metric::kDomainUnknown};
constexpr std::array kIoMetrics = {Metric::kIoMap, Metric::kIoUnmap, Metric::kIoTransfer, Metric::kIoCopy};

std::string key_of(Metric metric) {
  const MetricInfo& info = info_of(metric);
  return std::string(info.name) + (info.unit == MetricUnit::kNanoseconds ? "_ns" : "");
}

Json vcpu_json(const VcpuTotals& vcpu) {
  const MetricSums sums = sums_of(vcpu);
  Json json;
  json["vcpu"] = vcpu.vcpu_id;
  for (const Metric metric : kTimes) json[key_of(metric)] = total(metric, sums);
  json[key_of(Metric::kAvoidableWait)] = vcpu.avoidable_ns;
  json[key_of(Metric::kExecutions)] = vcpu.executions;
  json[key_of(Metric::kMigrations)] = vcpu.migrations;
  json[key_of(Metric::kAllocated)] = {{"count", vcpu.slices.count},
                                      {"sum", vcpu.slices.sum_ns},
                                      {"min", vcpu.slices.min_ns},
                                      {"max", vcpu.slices.max_ns}};
  json["wait_ns"] = percentiles_json(vcpu.wait);
  json["wake_wait_ns"] = percentiles_json(vcpu.wake_wait);
  json["preempt_wait_ns"] = percentiles_json(vcpu.preempt_wait);
  json["run_ns"] = percentiles_json(vcpu.run);
  json["gotten_by_pcpu_ns"] = Json::object();
  for (const auto& [pcpu, ns] : vcpu.running_by_pcpu) json["gotten_by_pcpu_ns"][std::to_string(pcpu)] = ns;
  return json;
}

// "1.234 s", "56.7 ms", "890 us", "12 ns": four digits at most before the unit.
std::string duration(std::uint64_t ns) {
  std::ostringstream out;
  const auto value = static_cast<double>(ns);
  out << std::fixed;
  if (ns >= 1'000'000'000) {
    out << std::setprecision(3) << value / 1e9 << " s";
  } else if (ns >= 1'000'000) {
    out << std::setprecision(2) << value / 1e6 << " ms";
  } else if (ns >= 1'000) {
    out << std::setprecision(1) << value / 1e3 << " us";
  } else {
    out << ns << " ns";
  }
  return out.str();
}

std::string percent_of(std::uint64_t part, std::uint64_t whole) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(2)
      << (whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole)) << '%';
  return out.str();
}

std::string heading(const DomainTotals& domain) {
  if (domain.domid == XENMON_DOMID_IDLE) return "Idle";
  std::string text = "Domain " + std::to_string(domain.domid);
  if (!domain.name.empty()) text += " (" + printable(domain.name) + ")";
  return text;
}

// The idle domain's vCPUs do not wait for anything, whatever else runs.
void write_vcpu(std::ostream& out, const VcpuTotals& vcpu, std::uint64_t whole, bool idle) {
  const auto line = [&](const char* label, std::uint64_t ns) {
    out << "    " << std::left << std::setw(20) << label << std::right << std::setw(12) << duration(ns)
        << std::setw(10) << percent_of(ns, whole) << '\n';
  };
  out << "  vCPU " << vcpu.vcpu_id << '\n';
  const MetricSums sums = sums_of(vcpu);
  for (const Metric metric : kTimes) {
    // Both kinds of waiting are told, so their sum is not.
    if (metric == Metric::kWaited || (idle && !idle_has(metric))) continue;
    line(info_of(metric).text, total(metric, sums));
  }
  if (!idle) line(info_of(Metric::kAvoidableWait).text, vcpu.avoidable_ns);
  out << "    " << std::left << std::setw(20) << info_of(Metric::kExecutions).text << std::right
      << std::setw(12) << vcpu.executions;
  if (vcpu.executions > 0)
    out << "  of " << duration(vcpu.times[kRunning] / vcpu.executions) << " on average";
  out << '\n';
  if (!idle)
    out << "    " << std::left << std::setw(20) << info_of(Metric::kMigrations).text << std::right
        << std::setw(12) << vcpu.migrations << '\n';
  if (vcpu.slices.count > 0) {
    out << "    " << std::left << std::setw(20) << info_of(Metric::kAllocated).text << std::right
        << std::setw(12) << duration(vcpu.slices.sum_ns / vcpu.slices.count) << "  on average, "
        << duration(vcpu.slices.min_ns) << " to " << duration(vcpu.slices.max_ns) << '\n';
  }
  const auto spread = [&](const char* label, const Percentiles& p) {
    out << "    " << label << "p50 " << duration(p.p50) << ", p95 " << duration(p.p95) << ", p99 "
        << duration(p.p99) << ", max " << duration(p.max) << '\n';
  };
  if (!idle) spread("wait until running  ", vcpu.wait);
  spread("length of execution ", vcpu.run);
  out << "    gotten by pCPU      ";
  for (const auto& [pcpu, ns] : vcpu.running_by_pcpu) out << ' ' << pcpu << ": " << duration(ns);
  out << '\n';
}

// Of one vCPU, its own times say the same.
void write_runstates(std::ostream& out, const DomainTotals& domain) {
  if (domain.domid == XENMON_DOMID_IDLE || domain.vcpus.size() < 2) return;
  const MetricSums sums = runstates_of(domain);
  out << "  All vCPUs together\n";
  for (const Metric metric : kRunstates) {
    const std::uint64_t ns = total(metric, sums);
    out << "    " << std::left << std::setw(20) << info_of(metric).text << std::right << std::setw(12)
        << duration(ns) << std::setw(10) << percent_of(ns, sums.lived_ns()) << '\n';
  }
}

} // namespace

void write_json(std::ostream& out, const TraceTotals& totals) {
  Json json;
  json["schema"] = 1;
  json["records"] = totals.records;
  json["lost_records"] = totals.lost_records;
  json["bad_records"] = totals.bad.total();
  json["bad_records_by"] = Json::object();
  for (std::size_t cause = 0; cause < kBadCauses.size(); ++cause)
    json["bad_records_by"][kBadCauses[cause]] = totals.bad.by_cause()[cause];
  json["duration_ns"] = totals.duration_ns;
  json["pcpus"] = totals.pcpus;
  json["verdicts"] = totals.verdicts;
  json["domains"] = Json::array();
  for (const DomainTotals& domain : totals.domains) {
    Json entry;
    entry["domid"] = domain.domid;
    entry["name"] = domain.name.empty() ? Json(nullptr) : Json(domain.name);
    entry["executions"] = domain.executions;
    const MetricSums io = io_of(domain);
    entry["io"][info_of(Metric::kIo).text] = io.io();
    for (const Metric metric : kIoMetrics) entry["io"][info_of(metric).text] = total(metric, io);
    entry["io"][info_of(Metric::kIoCopyBytes).text] = io.io_copy_bytes;
    if (domain.domid != XENMON_DOMID_IDLE) {
      const MetricSums runstates = runstates_of(domain);
      for (const Metric metric : kRunstates) entry["runstates"][key_of(metric)] = total(metric, runstates);
    }
    entry["vcpus"] = Json::array();
    for (const VcpuTotals& vcpu : domain.vcpus) entry["vcpus"].push_back(vcpu_json(vcpu));
    json["domains"].push_back(std::move(entry));
  }
  out << escaped_json(json.dump(-1, ' ', false, Json::error_handler_t::replace)) << '\n';
}

void write_text(std::ostream& out, const TraceTotals& totals) {
  out << duration(totals.duration_ns) << " on " << counted(totals.pcpus, "pCPU") << ", " << totals.records
      << " records, " << totals.lost_records << " lost, " << totals.bad.total() << " bad\n"
      << "Percentages are of one pCPU's time.\n";
  for (const std::string& verdict : totals.verdicts) out << verdict << '\n';
  for (const DomainTotals& domain : totals.domains) {
    const MetricSums io = io_of(domain);
    out << '\n'
        << heading(domain) << ": " << domain.executions << " executions, " << io.io() << " page exchanges (";
    for (const Metric metric : kIoMetrics)
      out << (metric == kIoMetrics.front() ? "" : ", ") << total(metric, io) << ' ' << info_of(metric).text;
    if (io.io_copy > 0) out << " of " << io.io_copy_bytes << " bytes";
    out << ")\n";
    write_runstates(out, domain);
    for (const VcpuTotals& vcpu : domain.vcpus)
      write_vcpu(out, vcpu, totals.duration_ns, domain.domid == XENMON_DOMID_IDLE);
  }
}

} // namespace xenmon
