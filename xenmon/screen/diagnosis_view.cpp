// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <string>
#include <vector>

#include "base/counted.h"
#include "base/seconds_text.h"
#include "diagnose/finding_text.h"
#include "screen/views.h"

namespace xenmon {
namespace {

constexpr int kValueColumn = 12;
constexpr int kNarrowest = 20;
// From here on a finding is as loud as a wait that is as long.
constexpr double kAlarmingNsPerS = 200e6;

struct Line {
  const char* name;
  std::string text;
  int column;
  Style style;
};

Role role_of(const Finding& finding) {
  if (!is_trouble(finding)) return Role::kText;
  return finding.cost_ns_per_s.value_or(0) >= kAlarmingNsPerS ? Role::kAlarming : Role::kNotable;
}

Style style_of(const FindingLine& line, const Finding& finding, std::uint8_t fade) {
  switch (line.part) {
    case FindingPart::kSentence:
      return {static_cast<std::uint8_t>(fade | kBold), role_of(finding)};
    case FindingPart::kCommand:
      return {static_cast<std::uint8_t>(fade | kBold), Role::kKey};
    default:
      return {fade, Role::kText};
  }
}

std::string heading(const DiagnosisModel& diagnosis) {
  const std::uint64_t length_ns = diagnosis.end_ns - std::min(diagnosis.end_ns, diagnosis.start_ns);
  return "The last " + seconds_text(length_ns, 1) + " s: " +
         (diagnosis.findings.empty() ? "nothing to say" : counted(diagnosis.findings.size(), "finding"));
}

std::vector<Line> make_lines(const ScreenModel& model, int width) {
  const std::uint8_t fade = model.current ? kPlain : kDim;
  const DiagnosisModel& diagnosis = model.diagnosis;
  if (!diagnosis.known) return {{"", "There are no figures yet.", 1, {fade}}};
  std::vector<Line> lines;
  lines.push_back({"", heading(diagnosis), 1, {fade}});
  for (const Finding& finding : diagnosis.findings) {
    lines.push_back({"", "", 1, {}});
    for (const FindingLine& part : finding_lines(finding, diagnosis.end_ns)) {
      const int column = part.part == FindingPart::kSentence ? 1 : kValueColumn;
      const auto room = static_cast<std::size_t>(std::max(kNarrowest, width - column - 1));
      const char* name = part.name;
      for (const std::string& piece : wrapped(part.text, room)) {
        lines.push_back({name, piece, column, style_of(part, finding, fade)});
        name = "";
      }
    }
  }
  return lines;
}

} // namespace

void paint_diagnosis_view(Grid& grid, Area area, const Scene& scene) {
  const std::vector<Line> lines = make_lines(scene.model, grid.width());
  const ScrollLimits limits = diagnosis_view_limits(scene, grid.width(), area);
  int y = area.top;
  for (std::size_t i = std::min(scene.state.position().row, limits.row);
       i < lines.size() && y < area.top + area.height; ++i, ++y) {
    grid.put(y, 1, lines[i].name, kBold);
    grid.put(y, lines[i].column, lines[i].text, lines[i].style);
  }
}

ScrollLimits diagnosis_view_limits(const Scene& scene, int width, Area area) {
  const std::size_t lines = make_lines(scene.model, width).size();
  const auto page = static_cast<std::size_t>(std::max(1, area.height));
  return {lines > page ? lines - page : 0, 0, page};
}

} // namespace xenmon
