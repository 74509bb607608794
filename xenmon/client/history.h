// SPDX-License-Identifier: GPL-2.0-or-later
//
// What every vCPU did on every pCPU in two windows of time that end with the newest sample.
//
// Each sample is read once, added to both windows and subtracted when it has left them. So a refresh costs
// what is new, not what is remembered. Views sum the accounts up as they need them.
#ifndef XENMON_XENMON_CLIENT_HISTORY_H
#define XENMON_XENMON_CLIENT_HISTORY_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "client/domain_directory.h"
#include "client/region_follower.h"
#include "client/sample_feed.h"
#include "metric_sums.h"

namespace xenmon {

enum class WindowId { kLong = 0, kShort = 1 };
inline constexpr std::size_t kWindows = 2;
// By WindowId.
using WindowLengths = std::array<std::uint64_t, kWindows>;
// Lengths by default. A region holds a little more than the longer one.
inline constexpr std::uint64_t kLongWindowNs = 10'000'000'000;
inline constexpr std::uint64_t kShortWindowNs = 1'000'000'000;
inline constexpr WindowLengths kWindowNs = {kLongWindowNs, kShortWindowNs};

// Its place in WindowLengths, and in whatever else there is one of for each window.
constexpr std::size_t index_of(WindowId window) {
  return static_cast<std::size_t>(window);
}
inline constexpr std::size_t kLongWindow = index_of(WindowId::kLong);
inline constexpr std::size_t kShortWindow = index_of(WindowId::kShort);

// Whose sums: a vCPU's on one pCPU, or with kNoVcpu a domain's page exchanges there, of which no more is
// known; with XENMON_NO_PCPU also what the domain did as a whole. A pCPU may be XENMON_NO_PCPU. An account of
// kNoDomain is free: nobody's, and nothing is in it.
struct Account {
  DomainIndex domain = kNoDomain;
  std::uint32_t vcpu = 0;
  std::uint32_t pcpu = 0;

  bool operator==(const Account&) const = default;
};
inline constexpr std::uint32_t kNoVcpu = UINT32_MAX;
using AccountIndex = std::uint32_t;

// For a RegionFollower, or for a sink that hands its samples on. Another daemon begins another history.
class History final : public FollowSink {
 public:
  // The long window is not shorter than the short one. Forgets everything.
  void set_windows(const WindowLengths& lengths_ns);
  void clear();
  Result<SampleFeed::From> begin(const RegionReader& reader) override;
  void add(const Sample& sample) override;

  // About a window. length_ns is the sum of its samples' lengths, the denominator of every rate. It is less
  // than the nominal length at the start and when samples were missed.
  std::uint64_t nominal_ns(WindowId window) const { return lengths_ns_[index_of(window)]; }
  std::uint64_t length_ns(WindowId window) const { return windows_[index_of(window)].length_ns; }
  std::uint64_t lost_records(WindowId window) const { return windows_[index_of(window)].lost_records; }
  std::uint64_t missed_samples(WindowId window) const { return windows_[index_of(window)].missed_samples; }
  // Trace time of the newest sample's end; 0 without one.
  std::uint64_t end_ns() const;

  // All accounts of the long window; they include those of the short one.
  std::span<const Account> accounts() const { return accounts_; }
  const MetricSums& sums(WindowId window, AccountIndex account) const {
    return windows_[index_of(window)].accounts[account];
  }
  // Indexed by AccountIndex. Walks over all samples of the windows.
  void slice_ranges(std::array<std::vector<SliceRange>, kWindows>& ranges) const;
  // The sum over a domain's accounts, on one pCPU or on all. Walks over all accounts.
  MetricSums of_domain(WindowId window, DomainIndex domain, std::optional<std::uint32_t> pcpu = {}) const;

 private:
  // Rows of a sample, with their accounts.
  struct Share {
    AccountIndex account;
    RowValues values;
  };
  struct IoShare {
    AccountIndex account;
    xenmon_io_row row;
  };
  struct DomainShare {
    AccountIndex account;
    xenmon_domain_row row;
  };
  struct AccountSlices {
    AccountIndex account;
    SliceRange range;
  };
  struct Condensed {
    std::uint64_t start_ns = 0;
    std::uint64_t end_ns = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t missed_samples = 0;
    std::vector<Share> shares;
    std::vector<IoShare> io_shares;
    std::vector<DomainShare> domain_shares;
    std::vector<AccountSlices> slices;
  };
  struct Window {
    std::size_t samples = 0; // the newest samples of the ring that are in the window
    std::uint64_t length_ns = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t missed_samples = 0;
    std::vector<MetricSums> accounts; // by AccountIndex
  };
  struct AccountHash {
    std::size_t operator()(const Account& account) const;
  };

  // The sample that is `age` samples older than the newest.
  const Condensed& at(std::size_t age) const;
  Condensed& next_element();
  void condense(const Sample& sample, Condensed& condensed);
  // The account, with one more holder. `place` is the row's position: in the next sample the same account
  // will probably be there.
  AccountIndex hold(const Account& account, std::vector<AccountIndex>& places, std::size_t place);
  AccountIndex open(const Account& account);
  void release(AccountIndex account);
  void enter(Window& window, const Condensed& condensed);
  void leave(Window& window, const Condensed& condensed);

  WindowLengths lengths_ns_ = kWindowNs;
  std::array<Window, kWindows> windows_;
  // A ring of condensed samples whose vectors are reused; newest at newest_.
  std::vector<Condensed> ring_;
  std::size_t newest_ = 0;

  std::vector<Account> accounts_;
  std::vector<std::uint32_t> holders_; // number of rows in the long window that belong to this account
  std::vector<AccountIndex> free_;
  std::unordered_map<Account, AccountIndex, AccountHash> by_account_;
  std::vector<AccountIndex> row_places_;
  std::vector<AccountIndex> io_places_;
  std::vector<AccountIndex> domain_places_;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_HISTORY_H
