// SPDX-License-Identifier: GPL-2.0-or-later
#include "diagnose/finding_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/counted.h"
#include "base/seconds_text.h"
#include "format.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::size_t kNameColumns = 10;

std::string value_text(double value) {
  std::array<char, 64> text;
  const bool whole = value >= 1000 || value == std::floor(value);
  std::snprintf(text.data(), text.size(), whole ? "%.0f" : value < 1 ? "%.2f" : "%.1f", value);
  return text.data();
}

std::string figure_text(const Figure& figure) {
  const std::string unit = *figure.unit == '\0' ? "" : " " + std::string(figure.unit);
  return std::string(figure.text) + " " + value_text(figure.value) + unit + " (" +
         (figure.at_least ? "at least " : "at most ") + value_text(figure.threshold) + ")";
}

std::string since_text(const Finding& finding, std::uint64_t end_ns) {
  const std::uint64_t ago = end_ns - std::min(end_ns, finding.since_ns);
  return seconds_text(finding.since_ns, 1) + " s of the trace" +
         (finding.since_or_earlier ? " or earlier" : "") + ", " + seconds_text(ago, 1) + " s ago";
}

} // namespace

std::vector<FindingLine> finding_lines(const Finding& finding, std::uint64_t end_ns) {
  std::vector<FindingLine> lines;
  lines.push_back({FindingPart::kSentence, "", finding.sentence});
  std::string figures;
  for (const Figure& figure : finding.figures) figures += (figures.empty() ? "" : "; ") + figure_text(figure);
  if (!figures.empty()) lines.push_back({FindingPart::kFigures, "figures", figures});
  if (is_trouble(finding)) {
    std::string since = since_text(finding, end_ns);
    if (finding.cost_ns_per_s)
      since += "; costs " + short_time_text(*finding.cost_ns_per_s) + " of every second";
    lines.push_back({FindingPart::kSince, "since", since});
  }
  if (!finding.remedy.empty()) lines.push_back({FindingPart::kRemedy, "try", finding.remedy});
  if (!finding.command.empty()) lines.push_back({FindingPart::kCommand, "", finding.command});
  if (!finding.harm.empty()) lines.push_back({FindingPart::kHarm, "may harm", finding.harm});
  if (!finding.proof.empty()) lines.push_back({FindingPart::kProof, "it helped", finding.proof});
  return lines;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t columns) {
  std::vector<std::string> pieces;
  const std::u32string cells = printable_characters(text);
  const std::size_t room = std::max<std::size_t>(columns, 1);
  for (std::size_t at = 0; at < cells.size();) {
    const std::u32string_view rest = std::u32string_view(cells).substr(at);
    std::size_t length = std::max<std::size_t>(first_columns(rest, room).size(), 1);
    if (length < rest.size()) {
      const std::size_t space = rest.rfind(U' ', length);
      if (space != std::u32string_view::npos && space > 0) length = space;
    }
    pieces.push_back(to_utf8(rest.substr(0, length)));
    at += length;
    if (at < cells.size() && cells[at] == U' ') ++at;
  }
  if (pieces.empty()) pieces.emplace_back();
  return pieces;
}

std::string findings_text(std::span<const Finding> findings, std::uint64_t start_ns, std::uint64_t end_ns,
                          std::size_t width) {
  std::string text = "The " + seconds_text(end_ns - std::min(end_ns, start_ns), 1) + " s that end at " +
                     seconds_text(end_ns, 1) + " s of the trace: " +
                     (findings.empty() ? "nothing to say.\n" : counted(findings.size(), "finding") + ".\n");
  std::size_t number = 0;
  for (const Finding& finding : findings) {
    text += "\n";
    const std::string title = std::to_string(++number) + ". ";
    for (const FindingLine& line : finding_lines(finding, end_ns)) {
      const bool sentence = line.part == FindingPart::kSentence;
      const std::size_t indent = sentence ? title.size() : title.size() + kNameColumns;
      // A command stays in one piece, so that it can be copied.
      const std::vector<std::string> pieces =
          line.part == FindingPart::kCommand ? std::vector<std::string>{line.text}
                                             : wrapped(line.text, width > indent + 20 ? width - indent : 20);
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        std::string head = i > 0 ? "" : sentence ? title : std::string(title.size(), ' ') + line.name;
        head.resize(std::max(head.size(), indent), ' ');
        text += head + pieces[i] + "\n";
      }
    }
  }
  return text;
}

} // namespace xenmon
