// SPDX-License-Identifier: GPL-2.0-or-later
//
// The views: each paints its part of the grid, and says how far it can be scrolled. One file each.
#ifndef XENMON_XENMON_SCREEN_VIEWS_H
#define XENMON_XENMON_SCREEN_VIEWS_H

#include "screen/screen.h"

namespace xenmon {

// The classic two halves: six metrics of every domain in the last ten seconds and in the last second. From
// 106 columns on the layout is wide, like the original's. Below that it is compact, and below 76 columns the
// compact layout's figures scroll sideways, a whole column at a time, beside the domain and the metric. A
// column's place does not depend on the figures, and no figure is ever cut.
void paint_domains_view(Grid& grid, Area area, const Scene& scene);
ScrollLimits domains_view_limits(const Scene& scene, int width, Area area);
// The first row of the domain at a position of domain_order().
std::size_t domains_view_row(const ViewState& state, std::size_t position);

// Domains with their vCPUs.
void paint_vcpus_view(Grid& grid, Area area, const Scene& scene);
ScrollLimits vcpus_view_limits(const Scene& scene, int width, Area area);

// Physical CPUs with the domains' shares of their time, idle included.
void paint_pcpus_view(Grid& grid, Area area, const Scene& scene);
ScrollLimits pcpus_view_limits(const Scene& scene, int width, Area area);

// How long waits and executions take: percentiles of all domains and vCPUs, and if there is room histograms
// of the selected line.
void paint_latency_view(Grid& grid, Area area, const Scene& scene);
ScrollLimits latency_view_limits(const Scene& scene, int width, Area area);

// The host as a whole.
void paint_host_view(Grid& grid, Area area, const Scene& scene);
ScrollLimits host_view_limits(const Scene& scene, int width, Area area);

// Several hosts, a line each. A host without figures has the reason in their place.
void paint_hosts_view(Grid& grid, Area area, const Scene& scene);
ScrollLimits hosts_view_limits(const Scene& scene, int width, Area area);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_VIEWS_H
