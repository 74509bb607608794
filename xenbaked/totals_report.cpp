// SPDX-License-Identifier: GPL-2.0-or-later
#include "totals_report.h"

#include <array>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <string>

#include "text.h"

namespace xenmon {

namespace {

using Json = nlohmann::ordered_json;

// By XENMON_BAD_*; those behind have no meaning yet.
constexpr std::array kBadCauses{"framing", "length", "tsc", "words", "content", "ring", "input"};

Json percentiles_json(const Percentiles& p) {
  return {{"p50", p.p50}, {"p95", p.p95}, {"p99", p.p99}, {"max", p.max}};
}

Json vcpu_json(const VcpuTotals& vcpu) {
  Json json;
  json["vcpu"] = vcpu.vcpu_id;
  json["gotten_ns"] = vcpu.times[kRunning];
  json["waited_ns"] = vcpu.times[kWaitWake] + vcpu.times[kWaitPreempt];
  json["waited_wake_ns"] = vcpu.times[kWaitWake];
  json["waited_preempt_ns"] = vcpu.times[kWaitPreempt];
  json["blocked_ns"] = vcpu.times[kBlocked];
  json["offline_ns"] = vcpu.times[kOffline];
  json["unknown_ns"] = vcpu.times[kUnknown];
  json["executions"] = vcpu.executions;
  json["allocated_ns"] = {{"count", vcpu.slices.count},
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

std::string percent(std::uint64_t part, std::uint64_t whole) {
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

// The idle domain's vCPUs wait for nobody, whoever else runs.
void write_vcpu(std::ostream& out, const VcpuTotals& vcpu, std::uint64_t whole, bool idle) {
  const auto line = [&](const char* label, std::uint64_t ns) {
    out << "    " << std::left << std::setw(20) << label << std::right << std::setw(12) << duration(ns)
        << std::setw(10) << percent(ns, whole) << '\n';
  };
  out << "  vCPU " << vcpu.vcpu_id << '\n';
  line("gotten", vcpu.times[kRunning]);
  if (!idle) {
    line("waited after wake", vcpu.times[kWaitWake]);
    line("waited, preempted", vcpu.times[kWaitPreempt]);
    line("blocked", vcpu.times[kBlocked]);
  }
  line("offline", vcpu.times[kOffline]);
  line("unknown", vcpu.times[kUnknown]);
  out << "    executions          " << std::setw(12) << vcpu.executions;
  if (vcpu.executions > 0)
    out << "  of " << duration(vcpu.times[kRunning] / vcpu.executions) << " on average";
  out << '\n';
  if (vcpu.slices.count > 0) {
    out << "    allocated           " << std::setw(12) << duration(vcpu.slices.sum_ns / vcpu.slices.count)
        << "  on average, " << duration(vcpu.slices.min_ns) << " to " << duration(vcpu.slices.max_ns) << '\n';
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
    const IoCounts& io = domain.io;
    entry["io"] = {{"total", io[kIoMap] + io[kIoUnmap] + io[kIoTransfer] + io[kIoCopy]},
                   {"map", io[kIoMap]},
                   {"unmap", io[kIoUnmap]},
                   {"transfer", io[kIoTransfer]},
                   {"copy", io[kIoCopy]},
                   {"copy_bytes", domain.io_copy_bytes}};
    entry["vcpus"] = Json::array();
    for (const VcpuTotals& vcpu : domain.vcpus) entry["vcpus"].push_back(vcpu_json(vcpu));
    json["domains"].push_back(std::move(entry));
  }
  out << escaped_json(json.dump(-1, ' ', false, Json::error_handler_t::replace)) << '\n';
}

void write_text(std::ostream& out, const TraceTotals& totals) {
  out << duration(totals.duration_ns) << " on " << totals.pcpus
      << (totals.pcpus == 1 ? " pCPU, " : " pCPUs, ") << totals.records << " records, " << totals.lost_records
      << " lost, " << totals.bad.total() << " bad\n"
      << "Percentages are of one pCPU's time.\n";
  for (const std::string& verdict : totals.verdicts) out << verdict << '\n';
  for (const DomainTotals& domain : totals.domains) {
    const IoCounts& io = domain.io;
    out << '\n'
        << heading(domain) << ": " << domain.executions << " executions, "
        << io[kIoMap] + io[kIoUnmap] + io[kIoTransfer] + io[kIoCopy] << " page exchanges (" << io[kIoMap]
        << " map, " << io[kIoUnmap] << " unmap, " << io[kIoTransfer] << " transfer, " << io[kIoCopy]
        << " copy";
    if (io[kIoCopy] > 0) out << " of " << domain.io_copy_bytes << " bytes";
    out << ")\n";
    for (const VcpuTotals& vcpu : domain.vcpus)
      write_vcpu(out, vcpu, totals.duration_ns, domain.domid == XENMON_DOMID_IDLE);
  }
}

} // namespace xenmon
