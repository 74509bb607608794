// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/trend.h"

#include <algorithm>
#include <cmath>

#include "format.h"

namespace xenmon {
namespace {

// Cells of growing height: an eighth more each, or the ASCII characters for it.
constexpr std::u32string_view kBlocks = U" \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
constexpr std::u32string_view kAscii = U" .:-=+*%#";
constexpr int kLevels = 8;

void append(std::vector<TrendPoint>& points, TrendPoint point) {
  if (points.size() == Trend::kPoints) points.erase(points.begin());
  points.push_back(point);
}

} // namespace

void Trend::add(std::span<const Lately> domains, std::uint64_t pcpu_ns) {
  ++round_;
  MetricSums all;
  for (const Lately& domain : domains) {
    const MetricSums& f = domain.sums;
    all.add(f);
    OfDomain& of = domains_[domain.uid];
    of.round = round_;
    append(of.points, {static_cast<float>(quotient(f.running_ns, f.online_ns())),
                       static_cast<float>(quotient(f.waited_ns(), f.online_ns()))});
  }
  append(host_, {static_cast<float>(quotient(all.running_ns, pcpu_ns)),
                 static_cast<float>(quotient(all.waited_ns(), all.online_ns()))});
  std::erase_if(domains_, [this](const auto& entry) { return entry.second.round != round_; });
}

void Trend::clear() {
  host_.clear();
  domains_.clear();
}

std::span<const TrendPoint> Trend::domain(std::uint64_t uid) const {
  const auto found = domains_.find(uid);
  if (found == domains_.end()) return {};
  return found->second.points;
}

char32_t bar_cell(double fraction, int row, int height, bool unicode) {
  const double clamped = std::clamp(std::isfinite(fraction) ? fraction : 0.0, 0.0, 1.0);
  int level = static_cast<int>(std::lround(clamped * height * kLevels));
  if (level == 0 && clamped > 0) level = 1; // a small value is not zero
  const int here = std::clamp(level - (height - 1 - row) * kLevels, 0, kLevels);
  return (unicode ? kBlocks : kAscii)[static_cast<std::size_t>(here)];
}

std::u32string trend_row(std::span<const TrendPoint> points, TrendPart part, std::size_t width, int row,
                         int height, bool unicode) {
  std::u32string text(width, U' ');
  const std::size_t shown = std::min(width, points.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const TrendPoint& point = points[points.size() - shown + i];
    text[width - shown + i] =
        bar_cell(part == TrendPart::kRunning ? point.running : point.waiting, row, height, unicode);
  }
  return text;
}

} // namespace xenmon
