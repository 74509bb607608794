// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/histogram_lines.h"

#include <bit>
#include <span>
#include <utility>

namespace xenmon {
namespace {

constexpr std::uint32_t kAllLines = (1U << kHistogramLines) - 1;

const std::uint32_t* line_of(const xenmon_histograms& histograms, std::uint32_t histogram,
                             std::uint32_t line) {
  const std::uint32_t* const all[] = {histograms.wake_wait, histograms.preempt_wait, histograms.run};
  return all[histogram] + std::size_t{line} * XENMON_HIST_LINE_BUCKETS;
}
std::uint32_t* line_of(xenmon_histograms& histograms, std::uint32_t histogram, std::uint32_t line) {
  return const_cast<std::uint32_t*>(line_of(std::as_const(histograms), histogram, line));
}

bool has_owner(const MirrorTables& tables, const xenmon_vcpu& vcpu) {
  return (vcpu.flags & XENMON_VCPU_IN_USE) != 0 && vcpu.domain_slot < tables.domains.size();
}

} // namespace

HistogramOwner histogram_owner(const MirrorTables& tables, const xenmon_vcpu& vcpu) {
  return {tables.domains[vcpu.domain_slot].uid, vcpu.vcpu_id};
}

// Of each slot that has something to say: how far it is from the one before; of each line with growth its
// place, from 1, which buckets have grown, and by how much; a 0.
void HistogramLines::write_slot(std::uint32_t number, Slot& slot, const xenmon_histograms& now,
                                WireWriter& out) {
  bool begun = false;
  auto counts = slot.counts.begin();
  for (std::uint32_t histogram = 0; histogram < kHistograms; ++histogram) {
    for (std::uint32_t lines = slot.lines[histogram]; lines != 0; lines &= lines - 1, ++counts) {
      const auto line = static_cast<std::uint32_t>(std::countr_zero(lines));
      const std::uint32_t* after = line_of(now, histogram, line);
      std::uint32_t grown = 0;
      for (std::uint32_t i = 0; i < XENMON_HIST_LINE_BUCKETS; ++i)
        if (after[i] != (*counts)[i]) grown |= 1U << i;
      if (grown == 0) continue;
      if (!std::exchange(begun, true)) {
        out.number(number - next_ + 1);
        next_ = number + 1;
      }
      out.number(histogram * kHistogramLines + line + 1);
      out.number(grown);
      for (; grown != 0; grown &= grown - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(grown));
        out.number(after[i] - (*counts)[i]);
        (*counts)[i] = after[i];
      }
    }
  }
  if (begun) out.number(0);
}

void HistogramLines::write_growth(const RegionReader& reader, const MirrorTables& tables, WireWriter& out) {
  next_ = 0;
  slots_.resize(tables.vcpus.size());
  xenmon_histograms now; // only the lines that are in use
  for (std::uint32_t number = 0; number < tables.vcpus.size(); ++number) {
    const xenmon_vcpu& vcpu = tables.vcpus[number];
    if (!has_owner(tables, vcpu)) continue;
    Slot& slot = slots_[number];
    const HistogramOwner owner = histogram_owner(tables, vcpu);
    if (slot.owner != owner) slot = {.owner = owner, .lines = {}, .counts = {}};
    // Lines that are new are put in their places among the others.
    auto place = slot.counts.begin();
    for (std::uint32_t histogram = 0; histogram < kHistograms; ++histogram) {
      for (std::uint32_t lines = (vcpu.hist_lines[histogram] | slot.lines[histogram]) & kAllLines; lines != 0;
           lines &= lines - 1) {
        const std::uint32_t bit = lines & (~lines + 1);
        if ((slot.lines[histogram] & bit) == 0) place = slot.counts.insert(place, Line{});
        slot.lines[histogram] |= bit;
        ++place;
      }
    }
    const std::span<const std::uint32_t, kHistograms> lines(slot.lines);
    if (!slot.counts.empty() && reader.read_histograms(number, lines, now))
      write_slot(number, slot, now, out);
  }
  out.number(0);
}

bool MirroredHistograms::read_growth(WireReader& in, const MirrorTables& tables) {
  changes_.clear();
  if (slots_.size() < tables.vcpus.size()) slots_.resize(tables.vcpus.size());
  std::uint64_t next = 0;
  while (const std::uint64_t gap = in.number()) {
    if (gap > tables.vcpus.size() - next) return false;
    const std::uint64_t number = next + gap - 1;
    next = number + 1;
    const xenmon_vcpu& vcpu = tables.vcpus[number];
    if (!has_owner(tables, vcpu)) return false;
    std::unique_ptr<Slot>& slot = slots_[number];
    const HistogramOwner owner = histogram_owner(tables, vcpu);
    if (!slot || slot->owner != owner) slot = std::make_unique<Slot>(Slot{owner, {}});
    HistogramChange& change = changes_.emplace_back();
    change.vcpu_slot = static_cast<std::uint32_t>(number);
    change.counts = {slot->counts.wake_wait, slot->counts.preempt_wait, slot->counts.run};
    while (const std::uint64_t place = in.number()) {
      if (place > std::uint64_t{kHistograms} * kHistogramLines) return false;
      const auto histogram = static_cast<std::uint32_t>((place - 1) / kHistogramLines);
      const auto line = static_cast<std::uint32_t>((place - 1) % kHistogramLines);
      const std::uint64_t grown = in.number();
      if ((grown >> XENMON_HIST_LINE_BUCKETS) != 0) return false;
      std::uint32_t* counts = line_of(slot->counts, histogram, line);
      for (std::uint64_t left = grown; left != 0; left &= left - 1)
        counts[std::countr_zero(left)] += in.number32();
      change.lines[histogram] |= 1U << line;
    }
  }
  return in.ok();
}

} // namespace xenmon
