// SPDX-License-Identifier: GPL-2.0-or-later
#include "history.h"

#include <algorithm>

#include "attachment.h"

namespace xenmon {
namespace {

constexpr Figures kNothing;
constexpr std::size_t kFirstRing = 128;

} // namespace

void follow(Attachment& attachment, SampleFeed& feed, History& history) {
  // What the old region still holds comes before the look at a new one.
  if (attachment.still_readable()) feed.drain(*attachment.reader(), history);
  const Attachment::Change change = attachment.poll();
  const RegionReader* reader = attachment.reader();
  if (reader == nullptr) return;
  if (change == Attachment::Change::kNewDaemon) {
    history.clear();
    feed.start(*reader, SampleFeed::From::kOldest);
  } else if (change == Attachment::Change::kSuperseded) {
    feed.resume(*reader);
  }
  feed.drain(*reader, history);
}

void Figures::add(const xenmon_row& row) {
  running_ns += row.running_ns;
  waited_ns += std::uint64_t{row.waited_wake_ns} + row.waited_preempt_ns;
  blocked_ns += row.blocked_ns;
  offline_ns += row.offline_ns;
  unknown_ns += row.unknown_ns;
  executions += row.executions;
  slice_count += row.slice_count;
  slice_sum_ns += row.slice_sum_ns;
}

void Figures::add(const xenmon_io_row& row) {
  io += std::uint64_t{row.map} + row.unmap + row.transfer + row.copy;
}

void Figures::add(const Figures& other) {
  running_ns += other.running_ns;
  waited_ns += other.waited_ns;
  blocked_ns += other.blocked_ns;
  offline_ns += other.offline_ns;
  unknown_ns += other.unknown_ns;
  executions += other.executions;
  slice_count += other.slice_count;
  slice_sum_ns += other.slice_sum_ns;
  io += other.io;
}

void Figures::subtract(const Figures& other) {
  running_ns -= other.running_ns;
  waited_ns -= other.waited_ns;
  blocked_ns -= other.blocked_ns;
  offline_ns -= other.offline_ns;
  unknown_ns -= other.unknown_ns;
  executions -= other.executions;
  slice_count -= other.slice_count;
  slice_sum_ns -= other.slice_sum_ns;
  io -= other.io;
}

void SliceRange::add(const SliceRange& other) {
  if (other.max_ns == 0) return;
  min_ns = max_ns == 0 ? other.min_ns : std::min(min_ns, other.min_ns);
  max_ns = std::max(max_ns, other.max_ns);
}

void History::select(std::optional<std::uint32_t> pcpu) {
  pcpu_ = pcpu;
  clear();
}

void History::clear() {
  for (Window& window : windows_) {
    window.samples = 0;
    window.length_ns = window.lost_records = window.missed_samples = 0;
    std::fill(window.domains.begin(), window.domains.end(), Figures{});
  }
}

void History::add(const Sample& sample) {
  // The trace clock never goes back; a region that says so begins another story.
  const bool any = windows_[slot(WindowId::kLong)].samples > 0;
  if (any && sample.start_ns < at(0).end_ns) clear();

  Condensed& newest = next_element();
  condense(sample, newest);
  // Edges may lie a little beside their nominal place, so half a sample is let pass.
  const std::uint64_t tolerance = sample.length_ns() / 2;
  for (std::size_t i = 0; i < kWindows; ++i) {
    Window& window = windows_[i];
    enter(window, newest);
    ++window.samples;
    while (window.samples > 1 && newest.end_ns - at(window.samples - 1).start_ns > kWindowNs[i] + tolerance) {
      leave(window, at(window.samples - 1));
      --window.samples;
    }
  }
}

const History::Condensed& History::at(std::size_t age) const {
  return ring_[(newest_ + ring_.size() - age) % ring_.size()];
}

History::Condensed& History::next_element() {
  const std::size_t used = windows_[slot(WindowId::kLong)].samples;
  if (used == ring_.size()) {
    // Put the oldest first, so that the room for more is behind the newest.
    if (!ring_.empty()) {
      std::rotate(ring_.begin(), ring_.begin() + static_cast<std::ptrdiff_t>((newest_ + 1) % used),
                  ring_.end());
    }
    ring_.resize(std::max(kFirstRing, used * 2));
    newest_ = used == 0 ? ring_.size() - 1 : used - 1;
  }
  newest_ = (newest_ + 1) % ring_.size();
  return ring_[newest_];
}

Figures& History::share_of(DomainIndex domain, Condensed& condensed) {
  if (places_.size() <= domain) places_.resize(domain + 1);
  Place& place = places_[domain];
  if (place.stamp != stamp_) {
    place = {stamp_, static_cast<std::uint32_t>(condensed.shares.size()), UINT32_MAX};
    condensed.shares.push_back({domain, {}});
  }
  return condensed.shares[place.share].figures;
}

void History::condense(const Sample& sample, Condensed& condensed) {
  condensed.start_ns = sample.start_ns;
  condensed.end_ns = sample.end_ns;
  condensed.lost_records = sample.lost_records;
  condensed.missed_samples = sample.missed_before;
  condensed.shares.clear();
  condensed.slices.clear();
  ++stamp_;
  for (const xenmon_row& row : sample.rows) {
    if (pcpu_ && row.pcpu != *pcpu_) continue;
    share_of(row.domain_slot, condensed).add(row);
    if (row.slice_count == 0) continue;
    Place& place = places_[row.domain_slot];
    if (place.slices == UINT32_MAX) {
      place.slices = static_cast<std::uint32_t>(condensed.slices.size());
      condensed.slices.push_back({row.domain_slot, {}});
    }
    condensed.slices[place.slices].range.add({row.slice_min_ns, row.slice_max_ns});
  }
  for (const xenmon_io_row& row : sample.io_rows) {
    if (pcpu_ && row.pcpu != *pcpu_) continue;
    share_of(row.domain_slot, condensed).add(row);
  }
}

void History::enter(Window& window, const Condensed& condensed) {
  window.length_ns += condensed.end_ns - condensed.start_ns;
  window.lost_records += condensed.lost_records;
  window.missed_samples += condensed.missed_samples;
  if (window.domains.size() < places_.size()) window.domains.resize(places_.size());
  for (const DomainFigures& share : condensed.shares) window.domains[share.domain].add(share.figures);
}

void History::leave(Window& window, const Condensed& condensed) {
  window.length_ns -= condensed.end_ns - condensed.start_ns;
  window.lost_records -= condensed.lost_records;
  window.missed_samples -= condensed.missed_samples;
  for (const DomainFigures& share : condensed.shares) window.domains[share.domain].subtract(share.figures);
}

const Figures& History::figures(WindowId window, DomainIndex domain) const {
  const auto& domains = windows_[slot(window)].domains;
  return domain < domains.size() ? domains[domain] : kNothing;
}

void History::slice_ranges(WindowId window, std::vector<SliceRange>& ranges) const {
  ranges.assign(places_.size(), {});
  for (std::size_t age = 0; age < windows_[slot(window)].samples; ++age) {
    for (const DomainSlices& slices : at(age).slices) ranges[slices.domain].add(slices.range);
  }
}

} // namespace xenmon
