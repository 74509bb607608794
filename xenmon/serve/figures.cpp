// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/figures.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "client/latency.h"
#include "rpc/json_text.h"
#include "serve/tables.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kLongestSampleNs = UINT32_MAX; // whatever a region claims

std::string name_of(const xenmon_domain& domain) {
  return whole_field(domain.name, sizeof domain.name);
}

MetricSums sums_of(const xenmon_vcpu& vcpu) {
  MetricSums sums;
  sums.running_ns = vcpu.running_ns;
  sums.waited_wake_ns = vcpu.waited_wake_ns;
  sums.waited_preempt_ns = vcpu.waited_preempt_ns;
  sums.blocked_ns = vcpu.blocked_ns;
  sums.offline_ns = vcpu.offline_ns;
  sums.unknown_ns = vcpu.unknown_ns;
  sums.executions = vcpu.executions;
  sums.continues = vcpu.continues;
  sums.migrations = vcpu.migrations;
  sums.avoidable_wait_ns = vcpu.avoidable_wait_ns;
  sums.slice_count = vcpu.slice_count;
  sums.slice_sum_ns = vcpu.slice_sum_ns;
  return sums;
}

void add_io(const xenmon_domain& domain, MetricSums& sums) {
  sums.io_map += domain.io_map;
  sums.io_unmap += domain.io_unmap;
  sums.io_transfer += domain.io_transfer;
  sums.io_copy += domain.io_copy;
  sums.io_copy_bytes += domain.io_copy_bytes;
}

void add_runstates(const xenmon_domain& domain, MetricSums& sums) {
  sums.full_run_ns += domain.full_run_ns;
  sums.partial_run_ns += domain.partial_run_ns;
  sums.full_contention_ns += domain.full_contention_ns;
  sums.partial_contention_ns += domain.partial_contention_ns;
  sums.concurrency_hazard_ns += domain.concurrency_hazard_ns;
  sums.domain_blocked_ns += domain.blocked_ns;
  sums.domain_unknown_ns += domain.unknown_ns;
}

// What exists at the end: of a domain how many vCPUs it has, of a vCPU its state.
class Existing {
 public:
  explicit Existing(const TablesCopy& tables) {
    for_each_vcpu(tables, [&](std::uint32_t, const xenmon_vcpu& vcpu, const xenmon_domain& domain) {
      if (!exists(domain)) return;
      ++counts_[domain.uid];
      vcpus_[{domain.uid, vcpu.vcpu_id}] = &vcpu;
    });
  }

  void complete(FiguresRecord& record) const {
    if (!record.vcpu) {
      const auto found = counts_.find(record.domain_uid);
      if (found != counts_.end()) record.vcpus = found->second;
      return;
    }
    const auto found = vcpus_.find({record.domain_uid, *record.vcpu});
    if (found == vcpus_.end()) return;
    record.state = found->second->state;
    record.last_pcpu = found->second->last_pcpu;
  }

 private:
  std::map<std::uint64_t, std::uint32_t> counts_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, const xenmon_vcpu*> vcpus_; // by uid and number
};

// Reads the samples of a window and knows the domains that their figures name.
class Window {
 public:
  Window(const RegionReader& reader, const Grouping& grouping, std::uint64_t length_ns)
      : feed_(directory_, grouping.vcpus ? SampleFeed::Vcpus::kResolve : SampleFeed::Vcpus::kLeave),
        sums_(grouping, directory_) {
    feed_.start(reader, SampleFeed::From::kNow);
    xenmon_sample newest;
    if (reader.read_sample_head(reader.newest_sample(), newest) != ReadOutcome::kCopied) return;
    // To the nearest sample, and at least one.
    const std::uint64_t sample_ns = std::min(reader.header().sample_ns, kLongestSampleNs);
    const std::uint64_t reach_ns = std::max(length_ns, sample_ns) + sample_ns / 2;
    feed_.rewind(reader, newest.end_ns - std::min(newest.end_ns, reach_ns));
    feed_.drain(reader, sums_);
  }

  const WindowSums& sums() const { return sums_; }
  const std::string& name(DomainIndex domain) const { return directory_[domain].name; }
  IntervalRecord interval(const RegionReader& reader) const {
    return {sums_.length_ns(),    sums_.end_ns(),         reader.wall_epoch_ns(),
            sums_.lost_records(), sums_.missed_samples(), 0};
  }

 private:
  DomainDirectory directory_{0};
  SampleFeed feed_;
  WindowSums sums_;
};

IntervalRecord whole_trace(const RegionReader& reader, const TablesCopy& tables) {
  std::uint64_t end_ns = 0;
  for_each_vcpu(tables, [&](std::uint32_t, const xenmon_vcpu& vcpu, const xenmon_domain&) {
    end_ns = std::max(end_ns, vcpu.end_ns);
  });
  return {end_ns, end_ns, reader.wall_epoch_ns(), reader.counters().lost_records, 0, 0};
}

// Since the trace began, of a domain or of a vCPU.
struct Since {
  const xenmon_domain* domain = nullptr;
  const xenmon_vcpu* vcpu = nullptr; // null: all of the domain's
  MetricSums sums;
  std::uint64_t slice_min_ns = 0;
  std::uint64_t slice_max_ns = 0;

  void add(const xenmon_vcpu& of) {
    sums.add(sums_of(of));
    if (of.slice_count == 0) return;
    slice_min_ns = slice_max_ns == 0 ? of.slice_min_ns : std::min(slice_min_ns, of.slice_min_ns);
    slice_max_ns = std::max(slice_max_ns, of.slice_max_ns);
  }
};

// domid, uid and vCPU: the order of answers.
using Order = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>;

Order order_of(const xenmon_domain& domain, const xenmon_vcpu& vcpu, bool vcpus) {
  return {domain.domid, domain.uid, vcpus ? vcpu.vcpu_id : 0};
}

std::vector<PcpuRecord> known_pcpus(const TablesCopy& tables) {
  std::vector<PcpuRecord> records;
  for (std::uint32_t id = 0; id < tables.pcpus.size(); ++id) {
    const xenmon_pcpu& pcpu = tables.pcpus[id];
    if (pcpu.seen == 0) continue;
    PcpuRecord& record = records.emplace_back();
    record.pcpu = id;
    record.records = pcpu.records;
    record.lost_records = pcpu.lost_records;
  }
  return records;
}

PcpuRecord* find(std::vector<PcpuRecord>& records, std::int64_t pcpu) {
  const auto found = std::find_if(records.begin(), records.end(),
                                  [pcpu](const PcpuRecord& record) { return record.pcpu == pcpu; });
  return found == records.end() ? nullptr : &*found;
}

std::string pcpus_json(const std::vector<PcpuRecord>& records) {
  JsonArray array;
  for (const PcpuRecord& record : records) array.add(pcpu_json(record));
  return array.take();
}

void add_histogram(const std::uint32_t* counts, std::uint32_t lines, std::uint64_t longest_ns,
                   Distribution& sum) {
  lines &= (1U << (XENMON_HIST_BUCKETS / XENMON_HIST_LINE_BUCKETS)) - 1;
  for (; lines != 0; lines &= lines - 1) {
    const auto first = static_cast<std::uint32_t>(std::countr_zero(lines)) * XENMON_HIST_LINE_BUCKETS;
    for (std::uint32_t i = first; i < first + XENMON_HIST_LINE_BUCKETS; ++i)
      if (counts[i] != 0) sum.add(i, counts[i]);
  }
  sum.max_ns = std::max(sum.max_ns, longest_ns);
}

// In the order of xenmon_histograms.
struct Latency {
  const xenmon_domain* domain = nullptr;
  std::optional<std::uint32_t> vcpu;
  Distributions spreads;

  void add(const xenmon_vcpu& of, const xenmon_histograms& counts) {
    add_histogram(counts.wake_wait, of.hist_lines[0], of.wake_wait_max_ns, spreads[0]);
    add_histogram(counts.preempt_wait, of.hist_lines[1], of.preempt_wait_max_ns, spreads[1]);
    add_histogram(counts.run, of.hist_lines[2], of.run_max_ns, spreads[2]);
  }

  // A count that has passed 2^32.
  void add(const xenmon_carry& carry) {
    const std::uint32_t spread = carry.bucket / XENMON_HIST_BUCKETS;
    if (spread < spreads.size()) spreads[spread].add(carry.bucket % XENMON_HIST_BUCKETS, carry.passed << 32);
  }

  std::string json(bool buckets) const {
    JsonObject json;
    json.number("domid", domain->domid);
    if (const std::string name = name_of(*domain); !name.empty()) json.text("domain", name);
    json.number("domain_uid", domain->uid);
    if (vcpu) json.number("vcpu", *vcpu);
    return json.raw("wake_wait", distribution_json(spreads[0], buckets))
        .raw("preempt_wait", distribution_json(spreads[1], buckets))
        .raw("run", distribution_json(spreads[2], buckets))
        .take();
  }
};

} // namespace

FiguresAnswer window_figures(const RegionReader& reader, const TablesCopy& tables, const Grouping& grouping,
                             std::uint64_t length_ns) {
  const Existing existing(tables);
  const Window window(reader, grouping, length_ns);
  JsonArray records;
  for (const auto& [place, figures] : window.sums().figures()) {
    const auto& [domid, uid, vcpu, pcpu] = place;
    FiguresRecord record;
    record.domid = domid;
    record.domain = window.name(figures.domain);
    record.domain_uid = uid;
    if (vcpu != WindowSums::kNone) record.vcpu = static_cast<std::uint32_t>(vcpu);
    if (grouping.by_pcpu) record.pcpu = pcpu;
    record.sums = figures.sums;
    record.slice_min_ns = figures.slices.min_ns;
    record.slice_max_ns = figures.slices.max_ns;
    existing.complete(record);
    records.add(figures_json(record));
  }
  return {window.interval(reader), records.take()};
}

FiguresAnswer figures_since_start(const RegionReader& reader, const TablesCopy& tables,
                                  const Grouping& grouping) {
  const Existing existing(tables);
  std::map<Order, Since> all;
  for_each_vcpu(tables, [&](std::uint32_t, const xenmon_vcpu& vcpu, const xenmon_domain& domain) {
    if (grouping.domid && *grouping.domid != domain.domid) return;
    Since& since = all[order_of(domain, vcpu, grouping.vcpus)];
    since.domain = &domain;
    if (grouping.vcpus) since.vcpu = &vcpu;
    since.add(vcpu);
  });
  JsonArray records;
  for (auto& [order, since] : all) {
    if (since.vcpu == nullptr) {
      add_io(*since.domain, since.sums);
      add_runstates(*since.domain, since.sums);
    }
    const std::string name = name_of(*since.domain);
    FiguresRecord record;
    record.domid = since.domain->domid;
    record.domain = name;
    record.domain_uid = since.domain->uid;
    if (since.vcpu != nullptr) record.vcpu = since.vcpu->vcpu_id;
    record.sums = since.sums;
    record.slice_min_ns = since.slice_min_ns;
    record.slice_max_ns = since.slice_max_ns;
    existing.complete(record);
    records.add(figures_json(record));
  }
  return {whole_trace(reader, tables), records.take()};
}

FiguresAnswer window_pcpus(const RegionReader& reader, const TablesCopy& tables, std::uint64_t length_ns) {
  const Window window(reader, {.vcpus = false, .by_pcpu = true, .domid = {}}, length_ns);
  std::vector<PcpuRecord> records = known_pcpus(tables);
  for (PcpuRecord& record : records) record.executions = 0;
  for (const auto& [place, figures] : window.sums().figures()) {
    const auto& [domid, uid, vcpu, pcpu] = place;
    PcpuRecord* record = find(records, pcpu);
    if (record == nullptr) continue;
    if (domid == XENMON_DOMID_IDLE) {
      record->idle_ns += figures.sums.running_ns;
      record->unknown_ns += figures.sums.unknown_ns;
    } else {
      record->running_ns += figures.sums.running_ns;
      *record->executions += figures.sums.executions;
    }
  }
  return {window.interval(reader), pcpus_json(records)};
}

// The idle vCPU of a pCPU has the same number. While others run there it is ready.
FiguresAnswer pcpus_since_start(const RegionReader& reader, const TablesCopy& tables) {
  std::vector<PcpuRecord> records = known_pcpus(tables);
  for_each_vcpu(tables, [&](std::uint32_t, const xenmon_vcpu& vcpu, const xenmon_domain& domain) {
    if (!is_idle(domain)) return;
    PcpuRecord* record = find(records, vcpu.vcpu_id);
    if (record == nullptr) return;
    record->idle_ns = vcpu.running_ns;
    record->running_ns = vcpu.waited_wake_ns + vcpu.waited_preempt_ns + vcpu.blocked_ns;
    record->unknown_ns = vcpu.unknown_ns;
  });
  return {whole_trace(reader, tables), pcpus_json(records)};
}

FiguresAnswer latencies_since_start(const RegionReader& reader, const TablesCopy& tables,
                                    const LatencyWish& wish) {
  // Slots in the order of the answer, so that no more than one domain's counts are in memory.
  std::vector<std::pair<Order, std::uint32_t>> slots;
  for_each_vcpu(tables, [&](std::uint32_t slot, const xenmon_vcpu& vcpu, const xenmon_domain& domain) {
    if (is_idle(domain) || (wish.domid && *wish.domid != domain.domid)) return;
    slots.emplace_back(order_of(domain, vcpu, wish.vcpus), slot);
  });
  std::sort(slots.begin(), slots.end());
  JsonArray records;
  Latency latency;
  xenmon_histograms counts;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto& [order, slot] = slots[i];
    const xenmon_vcpu& vcpu = tables.vcpus[slot];
    latency.domain = &tables.domains[vcpu.domain_slot];
    if (wish.vcpus) latency.vcpu = vcpu.vcpu_id;
    if (reader.read_histograms(slot, std::span<const std::uint32_t, 3>(vcpu.hist_lines), counts))
      latency.add(vcpu, counts);
    for (const xenmon_carry& carry : tables.carries)
      if (carry.vcpu_slot == slot) latency.add(carry);
    if (i + 1 < slots.size() && slots[i + 1].first == order) continue;
    records.add(latency.json(wish.buckets));
    latency = {};
  }
  return {whole_trace(reader, tables), records.take()};
}

} // namespace xenmon
