// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/snapshot.h"

#include <algorithm>
#include <string>

namespace xenmon {

namespace {

// Far more than any host has: Xen numbers 16,383 pCPUs and 32,752 domains at most. Beyond it a size is
// damage.
constexpr std::size_t kMostSlots = std::size_t{1} << 20;
constexpr std::size_t kMostRows = std::size_t{1} << 24;
constexpr std::size_t kMostCarries = std::size_t{1} << 16;
// Numbers never come near their end.
constexpr std::uint64_t kMostWaitsLeftOut = std::uint64_t{1} << 48;
constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 62;

constexpr std::uint32_t kBuckets = HistogramChange::kHistograms * XENMON_HIST_BUCKETS;
constexpr std::uint32_t kHistogramLines = XENMON_HIST_BUCKETS / XENMON_HIST_LINE_BUCKETS;
constexpr std::uint32_t kAllLines = (1U << kHistogramLines) - 1;

Error damaged(const std::string& what) {
  return Error{"What was to be published is damaged: " + what + "; restart the program that sent it."};
}

Error too_many(const char* what, std::uint64_t count) {
  return damaged(std::to_string(count) + " " + what + " are more than a host can have");
}

bool is_pcpu(const Snapshot& snapshot, std::uint32_t pcpu) {
  return pcpu < snapshot.pcpus.size() || pcpu == XENMON_NO_PCPU;
}

Status check_sizes(const Snapshot& s) {
  if (s.pcpus.size() > kMostSlots) return too_many("pCPUs", s.pcpus.size());
  if (s.domains.size() > kMostSlots) return too_many("domains", s.domains.size());
  if (s.vcpus.size() > kMostSlots) return too_many("vCPUs", s.vcpus.size());
  if (s.carries && s.carries->size() > kMostCarries) return too_many("long counts", s.carries->size());
  if (s.waits.size() > kMostRows) return too_many("waits", s.waits.size());
  if (s.waits_left_out > kMostWaitsLeftOut) return too_many("waits", s.waits_left_out);
  if (!s.sample) return ok();
  if (s.sample->number > kMostSamples) return too_many("samples", s.sample->number);
  if (s.sample->rows.size() > kMostRows) return too_many("rows", s.sample->rows.size());
  if (s.sample->io_rows.size() > kMostRows) return too_many("I/O rows", s.sample->io_rows.size());
  if (s.sample->domain_rows.size() > kMostRows) return too_many("domain rows", s.sample->domain_rows.size());
  return ok();
}

Status check_tables(const Snapshot& s) {
  const auto names_nobody = [&](const xenmon_pcpu& pcpu) {
    return pcpu.seen != 0 && pcpu.running_vcpu != XENMON_NO_SLOT && pcpu.running_vcpu >= s.vcpus.size();
  };
  if (std::any_of(s.pcpus.begin(), s.pcpus.end(), names_nobody)) {
    return damaged("a pCPU runs a vCPU that does not exist");
  }
  const auto has_open_name = [](const xenmon_domain& domain) {
    return domain.name[XENMON_NAME_BYTES - 1] != 0;
  };
  if (std::any_of(s.domains.begin(), s.domains.end(), has_open_name)) {
    return damaged("a domain's name has no end");
  }
  const auto has_no_domain = [&](const xenmon_vcpu& vcpu) {
    return vcpu.flags != 0 && vcpu.domain_slot >= s.domains.size();
  };
  if (std::any_of(s.vcpus.begin(), s.vcpus.end(), has_no_domain)) {
    return damaged("a vCPU belongs to a domain that does not exist");
  }
  for (const HistogramChange& change : s.histograms) {
    if (change.vcpu_slot >= s.vcpus.size())
      return damaged("a histogram belongs to a vCPU that does not exist");
    for (std::size_t i = 0; i < HistogramChange::kHistograms; ++i) {
      if ((change.lines[i] & ~kAllLines) != 0 || (change.lines[i] != 0 && change.counts[i] == nullptr))
        return damaged("a histogram names buckets that do not exist");
    }
  }
  if (!s.carries) return ok();
  for (const xenmon_carry& carry : *s.carries) {
    if (carry.vcpu_slot >= s.vcpus.size() || carry.bucket >= kBuckets || carry.passed > UINT32_MAX)
      return damaged("a count that has passed 2^32 does not exist");
  }
  return ok();
}

Status check_sample(const Snapshot& s) {
  for (const xenmon_wait& wait : s.waits) {
    if (!is_pcpu(s, wait.pcpu) || !is_pcpu(s, wait.pcpu_before))
      return damaged("a wait names a pCPU that does not exist");
    if (wait.start_ns > wait.end_ns) return damaged("a wait ends before it begins");
  }
  if (!s.sample) return ok();
  if (s.sample->start_ns > s.sample->end_ns) return damaged("a sample ends before it begins");
  for (const xenmon_row& row : s.sample->rows) {
    if (row.vcpu_slot >= s.vcpus.size() || row.domain_slot >= s.domains.size() || !is_pcpu(s, row.pcpu)) {
      return damaged("a row names a vCPU, domain or pCPU that does not exist");
    }
  }
  for (const xenmon_io_row& row : s.sample->io_rows) {
    if (row.domain_slot >= s.domains.size() || !is_pcpu(s, row.pcpu)) {
      return damaged("an I/O row names a domain or pCPU that does not exist");
    }
  }
  for (const xenmon_domain_row& row : s.sample->domain_rows) {
    if (row.domain_slot >= s.domains.size())
      return damaged("a domain row names a domain that does not exist");
  }
  return ok();
}

} // namespace

SnapshotSize size_of(const Snapshot& s) {
  return {s.pcpus.size(),
          s.domains.size(),
          s.vcpus.size(),
          s.sample ? s.sample->rows.size() : 0,
          s.sample ? s.sample->io_rows.size() : 0,
          s.sample ? s.sample->domain_rows.size() : 0,
          s.waits.size() + s.waits_left_out,
          s.io_kinds,
          s.carries ? s.carries->size() : 0};
}

Status check(const Snapshot& snapshot) {
  if (Status sizes = check_sizes(snapshot); !sizes) return sizes;
  if (Status tables = check_tables(snapshot); !tables) return tables;
  return check_sample(snapshot);
}

} // namespace xenmon
