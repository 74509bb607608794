// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen_model.h"

#include <algorithm>
#include <tuple>

namespace xenmon {
namespace {

constexpr std::size_t kBriefName = 15;

} // namespace

std::vector<std::uint32_t> seen_pcpus(const TablesCopy& tables) {
  std::vector<std::uint32_t> seen;
  for (std::size_t id = 0; id < tables.pcpus.size(); ++id) {
    if (tables.pcpus[id].seen != 0) seen.push_back(static_cast<std::uint32_t>(id));
  }
  return seen;
}

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
                               std::optional<std::uint32_t> pcpu) {
  constexpr WindowId kIds[] = {WindowId::kLong, WindowId::kShort};
  ScreenModel model;
  model.pcpu = pcpu;
  model.pcpu_count = pcpu ? 1 : seen_pcpus(feed.tables()).size();
  model.health = health_text(attachment.health());
  model.health_brief = health_text(attachment.health(), kBriefName);
  model.current = attachment.health().current();
  model.lost_records = history.lost_records(WindowId::kLong);
  model.missed_samples = history.missed_samples(WindowId::kLong);
  if (const RegionReader* reader = attachment.reader()) {
    model.io_known = true;
    model.io_kinds = reader->header().io_kinds;
    model.patched = (reader->flags() & XENMON_FLAG_PATCHED_XEN) != 0;
    model.khz_assumed = (reader->flags() & XENMON_FLAG_KHZ_ASSUMED) != 0;
    model.allocation_traced = (reader->flags() & XENMON_FLAG_NO_ALLOCATION) == 0;
  }

  std::array<std::vector<SliceRange>, kWindows> ranges;
  for (std::size_t half = 0; half < kWindows; ++half) {
    model.length_ns[half] = history.length_ns(kIds[half]);
    history.slice_ranges(kIds[half], ranges[half]);
  }
  const DomainDirectory& directory = feed.directory();
  for (DomainIndex index = 0; index < directory.size(); ++index) {
    const DomainEntry& entry = directory[index];
    const Figures& recent = history.figures(WindowId::kLong, index);
    model.unknown_ns += recent.unknown_ns;
    // A live domain that did nothing at all, such as a paused one, has its place among all CPUs.
    const bool idles_here = !pcpu && !entry.ended && (recent.offline_ns | recent.unknown_ns) != 0;
    if (!recent.active() && !idles_here) continue;
    DomainModel domain;
    domain.domid = entry.domid;
    domain.uid = entry.uid;
    domain.name = entry.name;
    domain.ended = entry.ended;
    for (std::size_t half = 0; half < kWindows; ++half) {
      domain.halves[half].figures = history.figures(kIds[half], index);
      if (index < ranges[half].size()) domain.halves[half].slices = ranges[half][index];
    }
    model.domains.push_back(std::move(domain));
  }
  // DOMID_IDLE is above all others, and so comes last by itself.
  std::sort(model.domains.begin(), model.domains.end(), [](const DomainModel& a, const DomainModel& b) {
    return std::tie(a.domid, a.uid) < std::tie(b.domid, b.uid);
  });
  return model;
}

} // namespace xenmon
