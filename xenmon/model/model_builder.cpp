// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/model_builder.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "text.h"

namespace xenmon {
namespace {

constexpr std::size_t kBriefName = 15;
// Each verdict is on the status line for this much trace time.
constexpr std::uint64_t kVerdictTurnNs = 5'000'000'000;
constexpr std::array kWindowIds = {WindowId::kLong, WindowId::kShort};

bool is_guests(const xenmon_vcpu& vcpu, const TablesCopy& tables) {
  return vcpu.domain_slot < tables.domains.size() &&
         tables.domains[vcpu.domain_slot].domid != XENMON_DOMID_IDLE;
}

// The history's accounts that count, with both windows' figures.
class Sums {
 public:
  Sums(const History& history, std::optional<std::uint32_t> pcpu) : history_(history), pcpu_(pcpu) {
    history.slice_ranges(ranges_);
  }

  std::span<const Account> accounts() const { return history_.accounts(); }
  bool counts(const Account& account) const {
    return account.domain != kNoDomain && (!pcpu_ || account.pcpu == *pcpu_);
  }
  void add_to(Halves& halves, AccountIndex account) const {
    for (const WindowId window : kWindowIds) {
      HalfModel& half = halves[index_of(window)];
      half.sums.add(history_.sums(window, account));
      half.slices.add(ranges_[index_of(window)][account]);
    }
  }

 private:
  const History& history_;
  std::optional<std::uint32_t> pcpu_;
  std::array<std::vector<SliceRange>, kWindows> ranges_;
};

void add_state(ScreenModel& model, const Attachment& attachment) {
  model.health = health_text(attachment.health());
  model.health_brief = health_text(attachment.health(), kBriefName);
  model.current = attachment.health().current();
  const RegionReader* reader = attachment.reader();
  if (reader == nullptr) return;
  const xenmon_region_header& header = reader->header();
  model.io_known = true;
  model.io_kinds = header.io_kinds;
  model.patched = (reader->flags() & XENMON_FLAG_PATCHED_XEN) != 0;
  model.khz_assumed = (reader->flags() & XENMON_FLAG_KHZ_ASSUMED) != 0;
  model.khz_measured = (reader->flags() & XENMON_FLAG_KHZ_MEASURED) != 0;
  reader->read_verdicts(
      model.verdicts); // if it is being written all the time, it will be there at the next look
  model.allocation_traced = (reader->flags() & XENMON_FLAG_NO_ALLOCATION) == 0;
  HostModel& host = model.host;
  host.xen_version = printable_field(header.xen_version, sizeof(header.xen_version));
  host.scheduler = printable_field(header.scheduler, sizeof(header.scheduler));
  host.event_mask = header.event_mask;
  host.cpu_khz = header.cpu_khz;
  host.sample_ns = header.sample_ns;
  host.since_start = reader->counters();
  host.faults = reader->faults();
}

// Those with any activity, by domid and uid: DOMID_IDLE is higher than all others, and so comes last.
void add_domains(ScreenModel& model, const Sums& sums, const DomainDirectory& directory) {
  std::vector<Halves> of_domain(directory.size());
  const std::span<const Account> accounts = sums.accounts();
  for (AccountIndex i = 0; i < accounts.size(); ++i) {
    if (sums.counts(accounts[i]) && accounts[i].domain < of_domain.size())
      sums.add_to(of_domain[accounts[i].domain], i);
  }
  for (DomainIndex index = 0; index < directory.size(); ++index) {
    const DomainEntry& entry = directory[index];
    const MetricSums& recent = of_domain[index][kLongWindow].sums;
    model.unknown_ns += recent.unknown_ns;
    // A live domain without any activity, such as a paused one, is shown only if all CPUs are.
    const bool idles_here = !model.pcpu && !entry.ended && (recent.offline_ns | recent.unknown_ns) != 0;
    if (!recent.active() && !idles_here) continue;
    DomainModel domain;
    domain.index = index;
    domain.domid = entry.domid;
    domain.uid = entry.uid;
    domain.name = entry.shown;
    domain.ended = entry.ended;
    domain.halves = of_domain[index];
    model.domains.push_back(std::move(domain));
  }
  std::sort(model.domains.begin(), model.domains.end(), [](const DomainModel& a, const DomainModel& b) {
    return std::tie(a.domid, a.uid) < std::tie(b.domid, b.uid);
  });
}

// Positions in model.domains by DomainIndex.
std::vector<std::size_t> positions(const ScreenModel& model) {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < model.domains.size(); ++i) {
    const DomainIndex index = model.domains[i].index;
    if (index >= result.size()) result.resize(index + 1, SIZE_MAX);
    result[index] = i;
  }
  return result;
}

void add_vcpus(ScreenModel& model, const Sums& sums) {
  const std::vector<std::size_t> position = positions(model);
  const std::span<const Account> accounts = sums.accounts();
  std::vector<std::pair<std::uint64_t, AccountIndex>> order; // by domain's position and vCPU
  for (AccountIndex i = 0; i < accounts.size(); ++i) {
    const Account& account = accounts[i];
    if (!sums.counts(account) || account.vcpu == kNoVcpu || account.domain >= position.size()) continue;
    if (position[account.domain] == SIZE_MAX) continue;
    order.emplace_back((std::uint64_t{position[account.domain]} << 32) | account.vcpu, i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [key, account] : order) {
    std::vector<VcpuModel>& vcpus = model.domains[key >> 32].vcpus;
    const auto vcpu = static_cast<std::uint32_t>(key);
    if (vcpus.empty() || vcpus.back().vcpu != vcpu) {
      vcpus.emplace_back();
      vcpus.back().vcpu = vcpu;
    }
    sums.add_to(vcpus.back().halves, account);
  }
}

void add_pcpus(ScreenModel& model, const Sums& sums) {
  const std::vector<std::size_t> position = positions(model);
  const std::span<const Account> accounts = sums.accounts();
  std::vector<std::pair<std::uint64_t, AccountIndex>> order; // by pCPU and domain's position
  for (AccountIndex i = 0; i < accounts.size(); ++i) {
    const Account& account = accounts[i];
    if (!sums.counts(account) || account.pcpu == XENMON_NO_PCPU || account.domain >= position.size())
      continue;
    if (position[account.domain] == SIZE_MAX) continue;
    order.emplace_back((std::uint64_t{account.pcpu} << 32) | position[account.domain], i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [key, account] : order) {
    const auto pcpu = static_cast<std::uint32_t>(key >> 32);
    const std::size_t domain = key & UINT32_MAX;
    if (model.pcpus.empty() || model.pcpus.back().pcpu != pcpu) {
      model.pcpus.emplace_back();
      model.pcpus.back().pcpu = pcpu;
    }
    PcpuModel& entry = model.pcpus.back();
    if (entry.shares.empty() || entry.shares.back().domain != domain) {
      entry.shares.emplace_back();
      entry.shares.back().domain = domain;
    }
    sums.add_to(entry.shares.back().halves, account);
    sums.add_to(model.domains[domain].idle() ? entry.idle : entry.busy, account);
  }
}

// Where the region has the vCPUs of all domains except the idle one.
void find_slots(ScreenModel& model, const SampleFeed& feed) {
  const std::vector<std::size_t> position = positions(model);
  const TablesCopy& tables = feed.tables();
  for (std::uint32_t slot = 0; slot < tables.vcpus.size(); ++slot) {
    const xenmon_vcpu& vcpu = tables.vcpus[slot];
    if ((vcpu.flags & XENMON_VCPU_IN_USE) == 0) continue;
    const DomainIndex index = feed.directory().find(vcpu.domain_slot);
    const std::size_t at = index < position.size() ? position[index] : SIZE_MAX;
    if (at == SIZE_MAX || model.domains[at].idle()) continue;
    std::vector<VcpuModel>& vcpus = model.domains[at].vcpus;
    const auto found = std::lower_bound(vcpus.begin(), vcpus.end(), vcpu.vcpu_id,
                                        [](const VcpuModel& one, std::uint32_t id) { return one.vcpu < id; });
    if (found != vcpus.end() && found->vcpu == vcpu.vcpu_id) found->slot = slot;
  }
}

class LatencyReader {
 public:
  LatencyReader(const LatencyHistory& latency, bool since_start)
      : latency_(latency), since_start_(since_start) {}

  void read(VcpuModel& vcpu, Spread spread) {
    add(vcpu, spread, one_);
    take(one_, vcpu.latency, spread);
  }
  // The sum of all its vCPUs.
  void read_sum(DomainModel& domain, Spread spread) {
    add(domain, spread, all_);
    take(all_, domain.latency, spread);
  }
  // The sum and each of them.
  void read(DomainModel& domain, Spread spread) {
    for (VcpuModel& vcpu : domain.vcpus) read(vcpu, spread);
    if (domain.vcpus.size() == 1) {
      domain.latency = domain.vcpus[0].latency;
    } else {
      read_sum(domain, spread);
    }
  }

  void add(const VcpuModel& vcpu, Spread spread, Distribution& sum) const {
    if (vcpu.slot == kNoSlot) return;
    since_start_ ? latency_.add_since_start(vcpu.slot, spread, sum)
                 : latency_.add_recent(vcpu.slot, spread, sum);
  }
  void add(const DomainModel& domain, Spread spread, Distribution& sum) const {
    for (const VcpuModel& vcpu : domain.vcpus) add(vcpu, spread, sum);
  }

 private:
  void take(Distribution& from, LatencyModel& to, Spread spread) const {
    (since_start_ ? to.since_start : to.recent)[static_cast<std::size_t>(spread)] = quantiles(from);
    from.clear();
  }

  const LatencyHistory& latency_;
  bool since_start_;
  Distribution one_; // all zero between two uses, like the next
  Distribution all_;
};

} // namespace

std::optional<std::uint32_t> next_pcpu(const std::vector<std::uint32_t>& seen,
                                       std::optional<std::uint32_t> pcpu) {
  const auto next = pcpu ? std::upper_bound(seen.begin(), seen.end(), *pcpu) : seen.begin();
  if (next == seen.end()) return std::nullopt;
  return *next;
}

std::optional<std::uint32_t> previous_pcpu(const std::vector<std::uint32_t>& seen,
                                           std::optional<std::uint32_t> pcpu) {
  const auto behind = pcpu ? std::lower_bound(seen.begin(), seen.end(), *pcpu) : seen.end();
  if (behind == seen.begin()) return std::nullopt;
  return *(behind - 1);
}

ScreenModel build_screen_model(const History& history, const SampleFeed& feed, const Attachment& attachment,
                               std::optional<std::uint32_t> pcpu, View view) {
  ScreenModel model;
  model.pcpu = pcpu;
  model.pcpu_count = pcpu ? 1 : seen_pcpus(feed.tables()).size();
  add_state(model, attachment);
  model.lost_records = history.lost_records(WindowId::kLong);
  model.missed_samples = history.missed_samples(WindowId::kLong);
  model.damaged = feed.damaged();
  for (const WindowId window : kWindowIds) {
    model.nominal_ns[index_of(window)] = history.nominal_ns(window);
    model.length_ns[index_of(window)] = history.length_ns(window);
  }
  model.host.trace_ns = history.end_ns();
  model.verdict_turn = static_cast<std::size_t>(history.end_ns() / kVerdictTurnNs);
  for (const xenmon_vcpu& vcpu : feed.tables().vcpus)
    model.host.vcpus += (vcpu.flags & XENMON_VCPU_IN_USE) != 0 && is_guests(vcpu, feed.tables()) ? 1 : 0;

  const Sums sums(history, pcpu);
  add_domains(model, sums, feed.directory());
  if (view == View::kVcpus || view == View::kLatency) add_vcpus(model, sums);
  if (view == View::kPcpus) add_pcpus(model, sums);
  return model;
}

void add_latency(ScreenModel& model, const LatencyHistory& latency, const SampleFeed& feed,
                 const ViewState& state) {
  model.latency_length_ns = latency.recent_ns();
  find_slots(model, feed);
  const std::optional<Spread> spread = spread_of(sorted_by(state));
  if (!spread) return;
  LatencyReader read(latency, shows_since_start(model, state));
  for (DomainModel& domain : model.domains) read.read(domain, *spread);
}

void complete_latency(ScreenModel& model, const LatencyHistory& latency, std::span<const TableLine> lines,
                      const ViewState& state) {
  const std::optional<Spread> there = spread_of(sorted_by(state));
  LatencyReader read(latency, shows_since_start(model, state));
  for (const TableLine& line : lines) {
    DomainModel& domain = model.domains[line.parent];
    for (const Spread spread : {Spread::kWakeWait, Spread::kPreemptWait, Spread::kRun}) {
      if (spread == there) continue;
      line.child ? read.read(domain.vcpus[*line.child], spread) : read.read_sum(domain, spread);
    }
  }
}

Distributions selected_latency(const ScreenModel& model, const LatencyHistory& latency, const TableLine& line,
                               bool since_start) {
  Distributions sum;
  const DomainModel& domain = model.domains[line.parent];
  const LatencyReader read(latency, since_start);
  for (std::size_t i = 0; i < kSpreads; ++i) {
    const auto spread = static_cast<Spread>(i);
    line.child ? read.add(domain.vcpus[*line.child], spread, sum[i]) : read.add(domain, spread, sum[i]);
  }
  return sum;
}

} // namespace xenmon
