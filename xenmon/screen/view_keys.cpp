// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/view_keys.h"

#include <algorithm>

#include "model/arrange.h"
#include "model/view_metrics.h"
#include "screen/views.h"

namespace xenmon {
namespace {

bool is_table(View view) {
  return view == View::kVcpus || view == View::kPcpus || view == View::kLatency || view == View::kHosts;
}

std::optional<LineId>& selection(ViewState& state) {
  return state.view == View::kPcpus   ? state.selected_pcpu
         : state.view == View::kHosts ? state.selected_host
                                      : state.selected_domain;
}

// Moves the selection, or in views without a selection the lines.
void move(ViewState& state, const ScreenModel& model, std::ptrdiff_t by) {
  const auto moved = [by](std::size_t from, std::size_t last) {
    const std::size_t far = static_cast<std::size_t>(by < 0 ? -by : by);
    return by < 0 ? from - std::min(from, far) : far > last - std::min(from, last) ? last : from + far;
  };
  if (!is_table(state.view)) {
    state.position().row = moved(state.position().row, SIZE_MAX);
    return;
  }
  const std::vector<TableLine> lines = table_lines(model, state);
  if (lines.empty()) return;
  selection(state) = lines[moved(selected_position(lines, state), lines.size() - 1)].id;
}

// The view of domains scrolls by whole domains, if there is room for one: from within a domain to its first
// row, or to that of the next.
void scroll_by_one(ViewState& state, const ScreenModel& model, std::size_t page, bool down) {
  const std::size_t rows = domains_view_row(state, 1);
  if (state.view != View::kDomains || page < rows) return move(state, model, down ? 1 : -1);
  std::size_t& row = state.position().row;
  row = down ? (row / rows + 1) * rows : (row - std::min<std::size_t>(row, 1)) / rows * rows;
}

void sort_by_next(ViewState& state, std::size_t step) {
  const std::size_t count = sort_names(state.view).size();
  state.sort() = {(state.sort().key + step) % count, false};
}

void fold(ViewState& state, const ScreenModel& model) {
  const std::vector<TableLine> lines = table_lines(model, state);
  if (lines.empty() || state.view == View::kHosts) return;
  const LineId id = lines[selected_position(lines, state)].id;
  auto& folded = state.view == View::kPcpus ? state.folded_pcpus : state.folded_domains;
  if (folded.erase(id.parent) == 0) folded.insert(id.parent);
  selection(state) = {id.parent, {}};
}

void fold_all(ViewState& state, const ScreenModel& model) {
  if (state.view == View::kHosts) return;
  auto& folded = state.view == View::kPcpus ? state.folded_pcpus : state.folded_domains;
  if (!folded.empty()) {
    folded.clear();
  } else if (state.view == View::kPcpus) {
    for (const PcpuModel& pcpu : model.pcpus) folded.insert(pcpu.pcpu);
  } else {
    for (const DomainModel& domain : model.domains) folded.insert(domain.uid);
  }
}

void change_span(ViewState& state) {
  if (state.view == View::kLatency) {
    state.latency_since_start = !state.latency_since_start;
  } else {
    state.window = state.window == WindowId::kLong ? WindowId::kShort : WindowId::kLong;
  }
}

} // namespace

bool handle_view_key(Key key, ViewState& state, const ScreenModel& model, std::size_t page) {
  const auto lines = static_cast<std::ptrdiff_t>(page);
  switch (key) {
    case Key::kAllocated:
      state.rows.flip(Metric::kAllocated);
      return true;
    case Key::kBlocked:
      state.rows.flip(Metric::kBlocked);
      return true;
    case Key::kWaited:
      state.rows.flip(Metric::kWaited);
      return true;
    case Key::kExecutions:
      state.rows.flip(Metric::kExecutions);
      return true;
    case Key::kIo:
      state.rows.flip(Metric::kIo);
      return true;
    case Key::kSortNext:
      sort_by_next(state, 1);
      return true;
    case Key::kSortPrevious:
      sort_by_next(state, sort_names(state.view).size() - 1);
      return true;
    case Key::kReverse:
      state.sort().reversed = !state.sort().reversed;
      return true;
    case Key::kClear:
      state.shown_filter().clear();
      return true;
    case Key::kBasis:
      state.basis = state.basis == Basis::kPcpu ? Basis::kVcpus : Basis::kPcpu;
      return true;
    case Key::kSpan:
      change_span(state);
      return true;
    case Key::kFold:
      fold(state, model);
      return true;
    case Key::kFoldAll:
      fold_all(state, model);
      return true;
    case Key::kUp:
      scroll_by_one(state, model, page, false);
      return true;
    case Key::kDown:
      scroll_by_one(state, model, page, true);
      return true;
    case Key::kPageUp:
      move(state, model, -lines);
      return true;
    case Key::kPageDown:
      move(state, model, lines);
      return true;
    case Key::kHome:
      move(state, model, PTRDIFF_MIN + 1);
      return true;
    case Key::kEnd:
      move(state, model, PTRDIFF_MAX);
      return true;
    case Key::kLeft:
      state.position().column -= std::min<std::size_t>(state.position().column, 1);
      return true;
    case Key::kRight:
      ++state.position().column;
      return true;
    default:
      return false;
  }
}

bool is_for_one_host(Key key) {
  switch (key) {
    case Key::kNext:
    case Key::kPrevious:
    case Key::kAllocated:
    case Key::kBlocked:
    case Key::kWaited:
    case Key::kExecutions:
    case Key::kIo:
    case Key::kBasis:
    case Key::kSpan:
    case Key::kFoldAll:
    case Key::kBack:
    case Key::kForward:
    case Key::kFarBack:
    case Key::kFarForward:
    case Key::kGoTo:
      return true;
    default:
      return false;
  }
}

bool go_to_domain(const std::string& pattern, bool next, ViewState& state, const ScreenModel& model) {
  if (state.view == View::kHost) state.view = View::kDomains;
  if (state.view == View::kDomains) {
    const std::vector<std::size_t> order = domain_order(model, state);
    const std::size_t rows = domains_view_row(state, 1);
    const std::size_t here = state.position().row / rows;
    const auto found = find_domain(model, order, here + (next ? 1 : 0), pattern);
    if (found) state.position().row = domains_view_row(state, *found);
    return found.has_value();
  }
  const std::vector<TableLine> lines = table_lines(model, state);
  if (lines.empty()) return false;
  const std::size_t here = selected_position(lines, state);
  for (std::size_t i = next ? 1 : 0; i < lines.size() + (next ? 1 : 0); ++i) {
    const TableLine& line = lines[(here + i) % lines.size()];
    const bool of_pcpu = state.view == View::kPcpus;
    if (state.view == View::kHosts) {
      if (!matches(model.hosts[line.parent], pattern)) continue;
      selection(state) = line.id;
      return true;
    }
    if (of_pcpu ? !line.child : line.child.has_value()) continue; // not a domain's line
    const std::size_t domain = of_pcpu ? model.pcpus[line.parent].shares[*line.child].domain : line.parent;
    if (!matches(model.domains[domain], pattern)) continue;
    selection(state) = line.id;
    return true;
  }
  return false;
}

void keep_visible(ViewState& state, const Scene& scene, const ScrollLimits& limits) {
  ScrollPosition& position = state.position();
  position.column = std::min(position.column, limits.column);
  if (is_table(state.view)) {
    const std::size_t selected = selected_position(scene.lines, state);
    position.row = std::min(position.row, selected);
    if (selected >= position.row + limits.page) position.row = selected - limits.page + 1;
  }
  position.row = std::min(position.row, limits.row);
}

} // namespace xenmon
