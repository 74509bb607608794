// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the user of the screen has chosen: the view, and what it shows and how. Data only.
#ifndef XENMON_XENMON_MODEL_VIEW_STATE_H
#define XENMON_XENMON_MODEL_VIEW_STATE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "client/history.h"
#include "metric.h"

namespace xenmon {

enum class View { kDomains, kVcpus, kPcpus, kLatency, kHost, kHosts };
inline constexpr std::size_t kViews = 6;

// What a percentage is of.
enum class Basis {
  kPcpu,  // of one physical CPU's time; a domain of two vCPUs can reach 200 %
  kVcpus, // of the time of the domain's own vCPUs that are online; 100 % at most
};

// What a view's lines are sorted by: a number in its list of metrics, see view_metrics.h and host_lines.h.
struct Sort {
  std::size_t key = 0;
  bool reversed = false;
};

// A line of a table: a domain, a pCPU or a host, and what is below it. Stays the same when lines are sorted
// again.
struct LineId {
  std::uint64_t parent = 0;           // a domain's uid, a pCPU, or a host's position among those given
  std::optional<std::uint64_t> child; // a vCPU's number, or a domain's uid

  auto operator<=>(const LineId&) const = default;
};

struct ScrollPosition {
  std::size_t row = 0;
  std::size_t column = 0;
};

struct ViewState {
  View view = View::kDomains;
  MetricSet rows = all_domain_rows(); // of the domains' view
  Basis basis = Basis::kPcpu;
  WindowId window = WindowId::kLong; // of the tables; the domains' view has both
  bool latency_since_start = false;  // else for the long window
  std::array<Sort, kViews> sorts = {};
  std::string filter;      // domains whose name contains this, or whose id it is; "": all
  std::string host_filter; // hosts whose name contains this
  std::array<ScrollPosition, kViews> scroll = {};
  std::optional<LineId> selected_domain; // in the views of vCPUs and latency
  std::optional<LineId> selected_pcpu;
  std::optional<LineId> selected_host;
  std::set<std::uint64_t> folded_domains; // uids
  std::set<std::uint64_t> folded_pcpus;
  bool unicode = true; // the terminal can show more than ASCII

  const Sort& sort() const { return sorts[static_cast<std::size_t>(view)]; }
  Sort& sort() { return sorts[static_cast<std::size_t>(view)]; }
  const std::string& shown_filter() const { return view == View::kHosts ? host_filter : filter; }
  std::string& shown_filter() { return view == View::kHosts ? host_filter : filter; }
  const ScrollPosition& position() const { return scroll[static_cast<std::size_t>(view)]; }
  ScrollPosition& position() { return scroll[static_cast<std::size_t>(view)]; }
};

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_VIEW_STATE_H
