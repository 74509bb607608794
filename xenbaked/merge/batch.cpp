// SPDX-License-Identifier: GPL-2.0-or-later
#include "merge/batch.h"

namespace xenmon {

namespace {

constexpr unsigned kDigitBits = 11;
constexpr std::uint32_t kDigits = 1U << kDigitBits;

// So few within one digit are put in order by hand.
constexpr std::uint32_t kFew = 16;

} // namespace

// One digit leaves nearly everything in its place. Only if many are close together the others are looked at,
// too.
std::span<const Batch::Entry> Batch::sort() {
  std::uint32_t latest = 0;
  for (const Entry& entry : entries_) latest = std::max(latest, entry.after_base);
  const auto bits = static_cast<unsigned>(std::bit_width(latest));
  sorted_.resize(entries_.size());
  if (bits <= kDigitBits || sort_by_digit(bits - kDigitBits) > kFew) {
    for (unsigned shift = 0; shift < bits; shift += kDigitBits) sort_by_digit(shift);
    return entries_;
  }
  for (std::size_t i = 1; i < entries_.size(); ++i) {
    if (entries_[i].after_base >= entries_[i - 1].after_base) continue;
    const Entry moving = entries_[i];
    std::size_t to = i;
    for (; to > 0 && moving.after_base < entries_[to - 1].after_base; --to) entries_[to] = entries_[to - 1];
    entries_[to] = moving;
  }
  return entries_;
}

// Returns how many have the most frequent digit.
std::uint32_t Batch::sort_by_digit(unsigned shift) {
  std::array<std::uint32_t, kDigits> place{};
  for (const Entry& entry : entries_) ++place[(entry.after_base >> shift) % kDigits];
  std::uint32_t sum = 0;
  std::uint32_t most = 0;
  for (std::uint32_t& at : place) {
    most = std::max(most, at);
    sum += std::exchange(at, sum);
  }
  for (const Entry& entry : entries_) sorted_[place[(entry.after_base >> shift) % kDigits]++] = entry;
  entries_.swap(sorted_);
  return most;
}

} // namespace xenmon
