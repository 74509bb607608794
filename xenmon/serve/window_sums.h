// SPDX-License-Identifier: GPL-2.0-or-later
//
// Samples added up: the figures of each domain or vCPU, on all pCPUs together or on each.
#ifndef XENMON_XENMON_SERVE_WINDOW_SUMS_H
#define XENMON_XENMON_SERVE_WINDOW_SUMS_H

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "client/domain_directory.h"
#include "client/sample_feed.h"
#include "metric_sums.h"

namespace xenmon {

// Whose figures are wanted.
struct Grouping {
  bool vcpus = false; // then the feed must resolve vCPUs
  bool by_pcpu = false;
  std::optional<std::uint32_t> domid; // none: all
};

class WindowSums final : public SampleSink {
 public:
  static constexpr std::int64_t kNone = -1;
  // domid and uid, vCPU (-1: the domain), pCPU (-1: not known): the order of the figures.
  using Place = std::tuple<std::uint32_t, std::uint64_t, std::int64_t, std::int64_t>;
  struct Figures {
    DomainIndex domain = kNoDomain;
    MetricSums sums;
    SliceRange slices;
  };

  // `directory` is the feed's.
  WindowSums(const Grouping& grouping, const DomainDirectory& directory)
      : grouping_(grouping), directory_(directory) {}

  void add(const Sample& sample) override;
  void clear();

  const std::map<Place, Figures>& figures() const { return figures_; }
  // Of all samples together.
  std::uint64_t length_ns() const { return length_ns_; }
  std::uint64_t lost_records() const { return lost_records_; }
  std::uint64_t missed_samples() const { return missed_samples_; }
  std::uint64_t end_ns() const { return end_ns_; }

 private:
  Figures* of(DomainIndex domain, std::int64_t vcpu, std::uint32_t pcpu);

  Grouping grouping_;
  const DomainDirectory& directory_;
  std::map<Place, Figures> figures_;
  std::uint64_t length_ns_ = 0;
  std::uint64_t lost_records_ = 0;
  std::uint64_t missed_samples_ = 0;
  std::uint64_t end_ns_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_WINDOW_SUMS_H
