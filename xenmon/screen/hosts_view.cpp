// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "model/arrange.h"
#include "model/host_lines.h"
#include "model/view_metrics.h"
#include "screen/views.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr int kHeaderRows = 2;
constexpr int kNarrowestName = 14;
constexpr int kWidestName = 32;

// Beside the name, which never scrolls sideways.
struct HostColumn {
  std::optional<HostKey> key; // none: the name of the worst domain, which is text
  const char* title;
  int width; // with the blanks before it
};
constexpr std::array kColumns = {
    HostColumn{HostKey::kPcpus, "CPUs", 5},      HostColumn{HostKey::kRunning, "running", 9},
    HostColumn{HostKey::kWaiting, "waiting", 9}, HostColumn{std::nullopt, "worst domain", 16},
    HostColumn{HostKey::kP99, "p99", 8},         HostColumn{HostKey::kLost, "lost", 7},
    HostColumn{HostKey::kAge, "age", 7},
};
// Over columns: the first one, and one after the last.
struct Group {
  std::size_t begin;
  std::size_t end;
  const char* title;
};
constexpr std::array kGroups = {Group{1, 3, "vCPUs"}, Group{3, 5, "wake-up waits"}};

// Where what fits is.
struct Places {
  int name_width = 0;
  std::size_t first = 0; // column
  std::size_t end = 0;

  int x(std::size_t column) const {
    int x = name_width;
    for (std::size_t i = first; i < column; ++i) x += kColumns[i].width;
    return x;
  }
};

Places places_for(int width, std::size_t first) {
  int all = 0;
  for (const HostColumn& column : kColumns) all += column.width;
  Places places;
  places.name_width = std::clamp(width - all, std::min(kNarrowestName, width), kWidestName);
  // From `from` on, how many fit.
  const auto end_from = [&](std::size_t from) {
    int left = width - places.name_width;
    std::size_t end = from;
    while (end < kColumns.size() && kColumns[end].width <= left) left -= kColumns[end++].width;
    return end;
  };
  while (places.first < first && end_from(places.first) < kColumns.size()) ++places.first;
  places.end = end_from(places.first);
  return places;
}

std::size_t page_rows(Area area) {
  return static_cast<std::size_t>(std::max(1, area.height - kHeaderRows));
}

Role cell_role(HostKey key, const HostLineModel& line) {
  switch (key) {
    case HostKey::kRunning:
      return Role::kRunning;
    case HostKey::kWaiting:
      return host_waiting_role(line);
    case HostKey::kP99:
      return wait_role(line.worst_p99_ns);
    case HostKey::kLost:
      return line.lost_records > 0 ? Role::kAlarming : Role::kText;
    default:
      return Role::kText;
  }
}

void paint_headings(Grid& grid, int top, const Places& places, const ViewState& state,
                    const std::string& window) {
  for (const Group& group : kGroups) {
    const std::size_t begin = std::max(group.begin, places.first);
    const std::size_t end = std::min(group.end, places.end);
    if (begin >= end) continue;
    const auto room = static_cast<std::size_t>(places.x(end) - places.x(begin)) - 2;
    std::string text = std::string(group.title) + ", " + window;
    if (text.size() > room) text.resize(room);
    if (text.size() + 1 < room) text += " " + std::string(room - text.size() - 1, '-');
    grid.put(top, places.x(begin) + 2, text, kBold);
  }
  const HostKey sorted = host_sorted_by(state);
  const char* const arrow = descending(sorted) == state.sort().reversed ? "^" : "v";
  const auto title = [&](std::optional<HostKey> key, const char* text) {
    return key == sorted ? std::string(text) + arrow : std::string(text);
  };
  const auto style = [&](std::optional<HostKey> key) -> Style {
    return key == sorted ? std::uint8_t{kBold | kStandout} : std::uint8_t{kBold};
  };
  grid.put(top + 1, 0, title(HostKey::kName, "host"), style(HostKey::kName));
  for (std::size_t i = places.first; i < places.end; ++i) {
    const std::string text = title(kColumns[i].key, kColumns[i].title);
    const int x = kColumns[i].key ? places.x(i + 1) - static_cast<int>(text.size()) : places.x(i) + 2;
    grid.put(top + 1, x, text, style(kColumns[i].key));
  }
}

void paint_line(Grid& grid, int y, const Places& places, const HostLineModel& line) {
  const std::uint8_t fade = line.current ? kPlain : kDim;
  grid.put(y, 0, shortened(line.name, static_cast<std::size_t>(places.name_width)),
           {static_cast<std::uint8_t>(fade | kBold), Role::kName});
  if (!line.trouble.empty()) {
    const int x = places.name_width + 2;
    if (x < grid.width()) {
      grid.put(y, x, shortened(line.trouble, static_cast<std::size_t>(grid.width() - x)),
               line.connecting ? Role::kNotable : Role::kAlarming);
    }
    return;
  }
  for (std::size_t i = places.first; i < places.end; ++i) {
    const HostColumn& column = kColumns[i];
    if (!column.key) {
      grid.put(y, places.x(i) + 2, shortened(line.worst_domain, static_cast<std::size_t>(column.width - 2)),
               {fade, Role::kName});
      continue;
    }
    const std::string text = host_text(*column.key, line);
    grid.put(y, places.x(i + 1) - static_cast<int>(text.size()), text, {fade, cell_role(*column.key, line)});
  }
}

} // namespace

void paint_hosts_view(Grid& grid, Area area, const Scene& scene) {
  if (area.height < kHeaderRows) return;
  const ViewState& state = scene.state;
  const Places places = places_for(grid.width(), state.position().column);
  paint_headings(grid, area.top, places, state, window_text(scene.model.nominal_ns[kLongWindow]));
  const std::size_t selected = selected_position(scene.lines, state);
  const std::size_t first = std::min(state.position().row, hosts_view_limits(scene, grid.width(), area).row);
  const std::size_t end =
      std::min(scene.lines.size(), first + static_cast<std::size_t>(area.height - kHeaderRows));
  for (std::size_t i = first; i < end; ++i) {
    const int y = area.top + kHeaderRows + static_cast<int>(i - first);
    paint_line(grid, y, places, scene.model.hosts[scene.lines[i].parent]);
    if (i == selected) grid.mark(y, 0, places.name_width, kStandout);
  }
}

ScrollLimits hosts_view_limits(const Scene& scene, int width, Area area) {
  const std::size_t page = page_rows(area);
  const std::size_t count = scene.lines.size();
  return {count > page ? count - page : 0, places_for(width, kColumns.size()).first, page};
}

} // namespace xenmon
