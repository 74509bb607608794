// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/history.h"

#include <algorithm>
#include <functional>

namespace xenmon {
namespace {

constexpr std::size_t kFirstRing = 128;

} // namespace

Result<SampleFeed::From> History::begin(const RegionReader& /*reader*/) {
  clear();
  return SampleFeed::From::kOldest;
}

void History::set_windows(const WindowLengths& lengths_ns) {
  lengths_ns_ = lengths_ns;
  clear();
}

void History::clear() {
  for (Window& window : windows_) {
    window.samples = 0;
    window.length_ns = window.lost_records = window.missed_samples = 0;
    window.accounts.clear();
  }
  accounts_.clear();
  holders_.clear();
  free_.clear();
  by_account_.clear();
  row_places_.clear();
  io_places_.clear();
  domain_places_.clear();
}

std::uint64_t History::end_ns() const {
  return windows_[kLongWindow].samples > 0 ? at(0).end_ns : 0;
}

void History::add(const Sample& sample) {
  // The trace clock never goes back; a region where it does is of another trace.
  const bool any = windows_[kLongWindow].samples > 0;
  if (any && sample.start_ns < at(0).end_ns) clear();

  Condensed& newest = next_element();
  condense(sample, newest);
  // Edges may be slightly off their nominal place, so allow half a sample.
  const std::uint64_t tolerance = sample.length_ns() / 2;
  // The short window first: what leaves the long window has left the short one by then, and its accounts are
  // released.
  for (std::size_t i = kWindows; i-- > 0;) {
    Window& window = windows_[i];
    enter(window, newest);
    ++window.samples;
    while (window.samples > 1 &&
           newest.end_ns - at(window.samples - 1).start_ns > lengths_ns_[i] + tolerance) {
      const Condensed& oldest = at(window.samples - 1);
      leave(window, oldest);
      --window.samples;
      if (i != kLongWindow) continue;
      for (const Share& share : oldest.shares) release(share.account);
      for (const IoShare& share : oldest.io_shares) release(share.account);
      for (const DomainShare& share : oldest.domain_shares) release(share.account);
    }
  }
}

const History::Condensed& History::at(std::size_t age) const {
  return ring_[(newest_ + ring_.size() - age) % ring_.size()];
}

History::Condensed& History::next_element() {
  const std::size_t used = windows_[kLongWindow].samples;
  if (used == ring_.size()) {
    // Put the oldest first, so that there is room for more after the newest.
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

std::size_t History::AccountHash::operator()(const Account& account) const {
  const std::uint64_t low = (std::uint64_t{account.domain} << 32) | account.vcpu;
  return std::hash<std::uint64_t>()((low ^ (std::uint64_t{account.pcpu} << 20)) * 0x9e3779b97f4a7c15U);
}

AccountIndex History::open(const Account& account) {
  const auto [found, fresh] = by_account_.try_emplace(account, 0);
  if (!fresh) return found->second;
  if (free_.empty()) {
    found->second = static_cast<AccountIndex>(accounts_.size());
    accounts_.push_back(account);
    holders_.push_back(0);
    for (Window& window : windows_) window.accounts.emplace_back();
  } else {
    found->second = free_.back();
    free_.pop_back();
    accounts_[found->second] = account;
  }
  return found->second;
}

AccountIndex History::hold(const Account& account, std::vector<AccountIndex>& places, std::size_t place) {
  if (place >= places.size()) places.resize(place + 1, 0);
  AccountIndex& index = places[place];
  if (index >= accounts_.size() || accounts_[index] != account) index = open(account);
  ++holders_[index];
  return index;
}

void History::release(AccountIndex account) {
  if (--holders_[account] > 0) return;
  by_account_.erase(accounts_[account]);
  accounts_[account] = {};
  free_.push_back(account);
}

void History::condense(const Sample& sample, Condensed& condensed) {
  condensed.start_ns = sample.start_ns;
  condensed.end_ns = sample.end_ns;
  condensed.lost_records = sample.lost_records;
  condensed.missed_samples = sample.missed_before;
  condensed.shares.clear();
  condensed.io_shares.clear();
  condensed.domain_shares.clear();
  condensed.slices.clear();
  for (std::size_t i = 0; i < sample.rows.size(); ++i) {
    const xenmon_row& row = sample.rows[i];
    const AccountIndex account = hold({row.domain_slot, row.vcpu_slot, row.pcpu}, row_places_, i);
    condensed.shares.push_back({account, RowValues::of(row)});
    if (row.slice_count > 0) condensed.slices.push_back({account, {row.slice_min_ns, row.slice_max_ns}});
  }
  for (std::size_t i = 0; i < sample.io_rows.size(); ++i) {
    const xenmon_io_row& row = sample.io_rows[i];
    const AccountIndex account = hold({row.domain_slot, kNoVcpu, row.pcpu}, io_places_, i);
    condensed.io_shares.push_back({account, row});
  }
  for (std::size_t i = 0; i < sample.domain_rows.size(); ++i) {
    const xenmon_domain_row& row = sample.domain_rows[i];
    const AccountIndex account = hold({row.domain_slot, kNoVcpu, XENMON_NO_PCPU}, domain_places_, i);
    condensed.domain_shares.push_back({account, row});
  }
}

void History::enter(Window& window, const Condensed& condensed) {
  window.length_ns += condensed.end_ns - condensed.start_ns;
  window.lost_records += condensed.lost_records;
  window.missed_samples += condensed.missed_samples;
  for (const Share& share : condensed.shares) share.values.add_to(window.accounts[share.account]);
  for (const IoShare& share : condensed.io_shares) window.accounts[share.account].add(share.row);
  for (const DomainShare& share : condensed.domain_shares) window.accounts[share.account].add(share.row);
}

void History::leave(Window& window, const Condensed& condensed) {
  window.length_ns -= condensed.end_ns - condensed.start_ns;
  window.lost_records -= condensed.lost_records;
  window.missed_samples -= condensed.missed_samples;
  for (const Share& share : condensed.shares) share.values.subtract_from(window.accounts[share.account]);
  for (const IoShare& share : condensed.io_shares) window.accounts[share.account].subtract(share.row);
  for (const DomainShare& share : condensed.domain_shares) window.accounts[share.account].subtract(share.row);
}

void History::slice_ranges(std::array<std::vector<SliceRange>, kWindows>& ranges) const {
  const std::size_t in_short = windows_[kShortWindow].samples;
  auto& [of_long, of_short] = ranges;
  for (std::vector<SliceRange>& list : ranges) list.assign(accounts_.size(), {});
  for (std::size_t age = 0; age < windows_[kLongWindow].samples; ++age) {
    for (const AccountSlices& slices : at(age).slices) {
      of_long[slices.account].add(slices.range);
      if (age < in_short) of_short[slices.account].add(slices.range);
    }
  }
}

MetricSums History::of_domain(WindowId window, DomainIndex domain, std::optional<std::uint32_t> pcpu) const {
  MetricSums sum;
  for (AccountIndex i = 0; i < accounts_.size(); ++i) {
    if (accounts_[i].domain == domain && (!pcpu || accounts_[i].pcpu == *pcpu)) sum.add(sums(window, i));
  }
  return sum;
}

} // namespace xenmon
