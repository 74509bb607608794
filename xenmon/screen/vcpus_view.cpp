// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>

#include "model/arrange.h"
#include "screen/table.h"
#include "screen/views.h"

namespace xenmon {
namespace {

Table make_table(const Scene& scene) {
  const ViewState& state = scene.state;
  const auto metrics = metrics_of(View::kVcpus);
  Table table;
  table.label_heading = "domain, vCPU";
  table.columns.assign(metrics.begin() + 2, metrics.end()); // the label has id and name
  const std::string of = state.basis == Basis::kPcpu ? "% of pCPU" : "% of vCPUs";
  table.groups = {{0, window_text(scene.model.nominal_ns[index_of(state.window)]) + ", " + of},
                  {6, "executions, I/O"},
                  {10, "other CPUs"},
                  {12, "domain as a whole, % of time"}};
  table.spare_columns = table.columns.size() - 10;
  mark_sorted(table, state);
  table.picture_heading = "gotten recently";
  return table;
}

} // namespace

void paint_vcpus_view(Grid& grid, Area area, const Scene& scene) {
  const Table table = make_table(scene);
  const std::size_t window = index_of(scene.state.window);
  const std::uint64_t length = scene.model.length_ns[window];
  const std::uint8_t fade = scene.model.current ? kPlain : kDim;

  const auto row_of = [&](const TableLine& line, std::size_t picture) {
    const DomainModel& domain = scene.model.domains[line.parent];
    const MetricSums& f =
        line.child ? domain.vcpus[*line.child].halves[window].sums : domain.halves[window].sums;
    TableRow row = domain_row(scene, line);
    if (!line.child) {
      row.picture =
          trend_row(scene.trend.domain(domain.uid), TrendPart::kRunning, picture, 0, 1, scene.state.unicode);
      row.picture_style = {fade, Role::kRunning};
    }
    for (const Metric metric : table.columns) {
      // Only the domain of a page exchange is known, some figures are of domains only, and idle vCPUs do not
      // wait.
      const bool no_io =
          line.child && (metric == Metric::kIo || info_of(metric).kind == MetricKind::kDomainTime);
      const bool idle = domain.idle() && metric != Metric::kGotten && metric != Metric::kExecutions &&
                        metric != Metric::kGottenPerExecution;
      row.cells.push_back({no_io || idle ? "" : metric_text(metric, f, length, scene.state.basis),
                           {fade, domain.idle() ? Role::kIdle : metric_role(metric, f)}});
    }
    return row;
  };
  paint_table(grid, area, table, scene, row_of);
}

ScrollLimits vcpus_view_limits(const Scene& scene, int width, Area area) {
  return table_limits(make_table(scene), width, area, scene.lines.size());
}

} // namespace xenmon
