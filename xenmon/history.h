// SPDX-License-Identifier: GPL-2.0-or-later
//
// The last second and the last ten seconds of every domain, on all pCPUs or on one of them.
//
// Each sample is taken once, condensed to one share per domain, added to both windows and taken out
// again when it has left them, so that a refresh costs what is new and not what is remembered.
#ifndef XENMON_XENMON_HISTORY_H
#define XENMON_XENMON_HISTORY_H

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "domain_directory.h"
#include "sample_feed.h"

namespace xenmon {

// What one domain did in some stretch of time: sums over its vCPUs. Times in ns.
struct Figures {
  std::uint64_t running_ns = 0;
  std::uint64_t waited_ns = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t offline_ns = 0;
  std::uint64_t unknown_ns = 0;
  std::uint64_t executions = 0;
  std::uint64_t slice_count = 0; // slices granted that had a limit
  std::uint64_t slice_sum_ns = 0;
  std::uint64_t io = 0; // page exchanges of all kinds

  void add(const xenmon_row& row);
  void add(const xenmon_io_row& row);
  void add(const Figures& other);
  void subtract(const Figures& other);
  // True when it ran, waited, was blocked, was dispatched or did I/O.
  bool active() const { return (running_ns | waited_ns | blocked_ns | executions | io) != 0; }
};

// Shortest and longest slice granted; both 0 when there was none.
struct SliceRange {
  std::uint32_t min_ns = 0;
  std::uint32_t max_ns = 0;

  void add(const SliceRange& other);
};

enum class WindowId { kLong = 0, kShort = 1 };
inline constexpr std::size_t kWindows = 2;
// Nominal lengths, by WindowId.
inline constexpr std::array<std::uint64_t, kWindows> kWindowNs = {10'000'000'000, 1'000'000'000};

class Attachment;
class History;

// Looks at what is published, and brings a history of it up to date. A new daemon begins a new one.
void follow(Attachment& attachment, SampleFeed& feed, History& history);

class History final : public SampleSink {
 public:
  // Counts all pCPUs, or only the one given.
  void select(std::optional<std::uint32_t> pcpu);
  void clear();
  void add(const Sample& sample) override;

  // Of a window. length_ns is the sum of its samples' lengths, the denominator of every rate; it is
  // short of the nominal length at the start and when samples were missed.
  std::uint64_t length_ns(WindowId window) const { return windows_[slot(window)].length_ns; }
  const Figures& figures(WindowId window, DomainIndex domain) const;
  std::uint64_t lost_records(WindowId window) const { return windows_[slot(window)].lost_records; }
  std::uint64_t missed_samples(WindowId window) const { return windows_[slot(window)].missed_samples; }
  // Indexed by DomainIndex, possibly too short. Walks over all samples of the window.
  void slice_ranges(WindowId window, std::vector<SliceRange>& ranges) const;

 private:
  struct DomainFigures {
    DomainIndex domain;
    Figures figures;
  };
  struct DomainSlices {
    DomainIndex domain;
    SliceRange range;
  };
  struct Condensed {
    std::uint64_t start_ns = 0;
    std::uint64_t end_ns = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t missed_samples = 0;
    std::vector<DomainFigures> shares;
    std::vector<DomainSlices> slices;
  };
  struct Window {
    std::size_t samples = 0; // the newest so many of the ring
    std::uint64_t length_ns = 0;
    std::uint64_t lost_records = 0;
    std::uint64_t missed_samples = 0;
    std::vector<Figures> domains; // by DomainIndex
  };

  static std::size_t slot(WindowId window) { return static_cast<std::size_t>(window); }
  // The sample that is `age` samples older than the newest.
  const Condensed& at(std::size_t age) const;
  Condensed& next_element();
  void condense(const Sample& sample, Condensed& condensed);
  Figures& share_of(DomainIndex domain, Condensed& condensed);
  void enter(Window& window, const Condensed& condensed);
  void leave(Window& window, const Condensed& condensed);

  std::optional<std::uint32_t> pcpu_;
  std::array<Window, kWindows> windows_;
  // A ring of condensed samples whose vectors are used again and again; newest at newest_.
  std::vector<Condensed> ring_;
  std::size_t newest_ = 0;
  // Where a domain's share of the sample being condensed is; valid if the stamp is this sample's.
  struct Place {
    std::uint64_t stamp = 0;
    std::uint32_t share = 0;
    std::uint32_t slices = UINT32_MAX;
  };
  std::vector<Place> places_;
  std::uint64_t stamp_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_HISTORY_H
