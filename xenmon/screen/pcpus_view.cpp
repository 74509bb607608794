// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <cmath>

#include "format.h"
#include "model/arrange.h"
#include "screen/table.h"
#include "screen/views.h"

namespace xenmon {
namespace {

Table make_table(const Scene& scene) {
  const ViewState& state = scene.state;
  const auto metrics = metrics_of(View::kPcpus);
  Table table;
  table.label_heading = "pCPU, domain";
  table.columns.assign(metrics.begin() + 1, metrics.end());
  table.groups = {{0, window_text(scene.model.nominal_ns[index_of(state.window)]) + ", % of pCPU"},
                  {2, "executions"}};
  mark_sorted(table, state);
  table.picture_heading = "busy";
  return table;
}

// A bar as long as the part of the time.
std::u32string bar(double part, std::size_t width, bool unicode) {
  const double cells = std::clamp(part, 0.0, 1.0) * static_cast<double>(width);
  const auto filled = static_cast<std::size_t>(std::lround(cells));
  return std::u32string(filled, unicode ? U'\u2588' : U'#') +
         std::u32string(width - filled, unicode ? U'\u00b7' : U'.');
}

} // namespace

void paint_pcpus_view(Grid& grid, Area area, const Scene& scene) {
  const Table table = make_table(scene);
  const std::size_t window = index_of(scene.state.window);
  const std::uint64_t length = scene.model.length_ns[window];
  const std::uint8_t fade = scene.model.current ? kPlain : kDim;

  const auto row_of = [&](const TableLine& line, std::size_t picture) {
    const PcpuModel& pcpu = scene.model.pcpus[line.parent];
    TableRow row;
    MetricSums f;
    bool idle = false;
    if (line.child) {
      const PcpuShareModel& share = pcpu.shares[*line.child];
      const DomainModel& domain = scene.model.domains[share.domain];
      idle = domain.idle();
      f = share.halves[window].sums;
      row.indent = 4;
      row.label = domain_label(domain) + (domain.ended ? " (ended)" : "");
      row.id = idle ? "" : "d" + std::to_string(domain.domid);
      row.style = {fade, idle ? Role::kIdle : Role::kName};
    } else {
      f = pcpu.busy[window].sums;
      row.label = row.id = "CPU " + std::to_string(pcpu.pcpu);
      row.label = (line.folded ? "+ " : "- ") + row.label;
      row.style = {static_cast<std::uint8_t>(fade | kBold), Role::kText};
    }
    row.picture = bar(quotient(f.running_ns, length), picture, scene.state.unicode);
    row.picture_style = {fade, idle ? Role::kIdle : Role::kRunning};
    for (const Metric metric : table.columns) {
      const bool empty = idle && metric == Metric::kWaited;
      row.cells.push_back({empty ? "" : metric_text(metric, f, length, Basis::kPcpu),
                           {fade, idle ? Role::kIdle : metric_role(metric, f)}});
    }
    return row;
  };
  paint_table(grid, area, table, scene, row_of);
}

ScrollLimits pcpus_view_limits(const Scene& scene, int width, Area area) {
  return table_limits(make_table(scene), width, area, scene.lines.size());
}

} // namespace xenmon
