// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which lines a view has, and in which order: filter, sorting and folding.
#ifndef XENMON_XENMON_MODEL_ARRANGE_H
#define XENMON_XENMON_MODEL_ARRANGE_H

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/screen_model.h"
#include "model/view_metrics.h"
#include "model/view_state.h"

namespace xenmon {

// What the view is sorted by.
Metric sorted_by(const ViewState& state);

// Whether a domain's name contains the pattern, in any case, or its id or "d<id>" is the pattern. An empty
// pattern matches all.
bool matches(const DomainModel& domain, const std::string& pattern);

// Whether a host's name contains the pattern, in any case.
bool matches(const HostLineModel& host, const std::string& pattern);

// Whether the view of latency shows everything since the start; also before there is anything recent.
bool shows_since_start(const ScreenModel& model, const ViewState& state);

// Positions in model.domains: those that pass the filter, sorted. The idle domain, which competes with no
// other, is last.
std::vector<std::size_t> domain_order(const ScreenModel& model, const ViewState& state);

struct TableLine {
  LineId id;
  std::size_t parent = 0;           // position in model.domains, or model.pcpus or model.hosts in their views
  std::optional<std::size_t> child; // position in its vcpus, or its shares
  bool folded = false;              // it has children that are not shown
};
// The lines of the views of vCPUs, pCPUs, latency and hosts; empty for the other views.
std::vector<TableLine> table_lines(const ScreenModel& model, const ViewState& state);

// The line that is selected in this view, or the first if that line no longer exists.
std::size_t selected_position(const std::vector<TableLine>& lines, const ViewState& state);

// The next matching domain after position `from` of the order, wrapping to the beginning; nullopt if none
// matches.
std::optional<std::size_t> find_domain(const ScreenModel& model, const std::vector<std::size_t>& order,
                                       std::size_t from, const std::string& pattern);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_ARRANGE_H
