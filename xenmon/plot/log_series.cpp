// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/log_series.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "text.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

constexpr std::size_t kLongestName = 40; // in a label

// One log, from any files.
struct Log {
  std::vector<LogPart> parts;
  std::vector<LogInterval> intervals; // of all parts, ascending
  std::map<LogDomainKey, LogDomain> domains;
};

double begin_of(const LogPart& part) {
  return part.intervals.front().end_s;
}
double end_of(const LogPart& part) {
  return part.intervals.back().end_s;
}

// Whether both are parts of one log, as far as names and times show. Files of -n overlap if they are about
// different domains.
bool go_together(const LogPart& one, const LogPart& other) {
  if (one.one_of_many != other.one_of_many || one.log != other.log) return false;
  if (end_of(one) < begin_of(other) || end_of(other) < begin_of(one)) return true;
  if (!one.one_of_many) return false;
  return std::none_of(one.domains.begin(), one.domains.end(), [&other](const auto& domain) {
    const auto same = other.domains.lower_bound({domain.first.domid, 0});
    return same != other.domains.end() && same->first.domid == domain.first.domid;
  });
}

// The length of an interval of -n if the log does not give it: the distance that at least half of the
// intervals do not exceed. The last interval does not count, because it ends with the log.
double usual_length(const std::vector<LogInterval>& intervals) {
  std::vector<double> distances;
  for (std::size_t i = 1; i + 1 < intervals.size(); ++i)
    distances.push_back(intervals[i].end_s - intervals[i - 1].end_s);
  if (distances.empty())
    return std::max(intervals.front().end_s, intervals.back().end_s - intervals.front().end_s);
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>((distances.size() - 1) / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle;
}

// Lengths for intervals that have none. An interval that is missing in between, because none of our domains
// did anything, is inserted; but not where samples were missed.
void give_lengths(std::vector<LogInterval>& intervals) {
  constexpr double kTooLong = 1.75; // samples do not end where intervals do, so these vary
  const double usual = usual_length(intervals);
  std::vector<LogInterval> filled;
  // A log starts at 0; the rest of one that was rotated does not.
  const double first = intervals.front().end_s;
  double before = first > kTooLong * usual ? first - usual : 0;
  for (LogInterval& interval : intervals) {
    if (interval.length_s == 0) {
      interval.length_s = interval.end_s - before;
      if (interval.length_s > kTooLong * usual) {
        interval.length_s = usual;
        const double silence = interval.end_s - usual - before;
        if (!interval.has_missed_samples && !interval.has_losses)
          filled.push_back({before + silence, silence, false, false});
      }
    }
    before = interval.end_s;
    filled.push_back(interval);
  }
  intervals = std::move(filled);
}

void merge_intervals(Log& log) {
  std::map<double, LogInterval> by_end;
  for (const LogPart& part : log.parts) {
    for (const LogInterval& interval : part.intervals) {
      LogInterval& merged = by_end.try_emplace(interval.end_s, interval).first->second;
      merged.length_s = std::max(merged.length_s, interval.length_s);
      merged.has_losses |= interval.has_losses;
      merged.has_missed_samples |= interval.has_missed_samples;
    }
  }
  for (const auto& [end_s, interval] : by_end) log.intervals.push_back(interval);
  give_lengths(log.intervals);
}

// The parts' domains, with the indices that their intervals have in the log. Parts are sorted by time.
void merge_domains(Log& log) {
  std::map<std::uint32_t, std::uint64_t> owners; // for -n: how many owners of a domid are in earlier parts
  for (LogPart& part : log.parts) {
    std::vector<std::size_t> places;
    std::size_t place = 0;
    for (const LogInterval& interval : part.intervals) {
      while (log.intervals[place].end_s < interval.end_s) ++place;
      places.push_back(place);
    }
    std::map<std::uint32_t, std::uint64_t> last;
    for (auto& [key, domain] : part.domains) {
      LogDomainKey as = key;
      if (part.one_of_many) {
        as.owner += owners[key.domid];
        last[key.domid] = as.owner;
      }
      LogDomain& merged = log.domains[as];
      if (!domain.name.empty()) merged.name = domain.name;
      for (auto& [index, rates] : domain.rates) merged.rates.emplace_back(places[index], rates);
    }
    for (const auto& [domid, owner] : last) owners[domid] = owner;
  }
}

std::vector<SeriesPoint> points_of(const Log& log, const LogDomain& domain) {
  const bool silence_is_rest = !log.parts.front().one_of_many;
  std::vector<SeriesPoint> points;
  auto next = domain.rates.begin();
  for (std::size_t i = next->first; next != domain.rates.end(); ++i) {
    const LogInterval& interval = log.intervals[i];
    SeriesPoint point = {interval.end_s - interval.length_s, interval.end_s, {}};
    point.start_s =
        std::max(0.0, i > 0 ? std::max(point.start_s, log.intervals[i - 1].end_s) : point.start_s);
    if (next->first == i) {
      point.rates = next->second;
      ++next;
    } else {
      if (interval.has_losses) continue;
      point.rates.other_time_known = silence_is_rest;
    }
    points.push_back(point);
  }
  return points;
}

std::string label_of(const Series& series) {
  if (series.domid == XENMON_DOMID_IDLE) return "Idle";
  const std::string id = std::to_string(series.domid);
  if (series.name.empty()) return "domain " + id;
  const std::u32string name = printable_characters(series.name);
  const bool is_long = columns_of(name) > kLongestName;
  return (is_long ? to_utf8(first_columns(name, kLongestName - 3)) + "..." : series.name) + " (" + id + ")";
}

std::string seconds(double s) {
  std::array<char, 64> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), s, std::chars_format::fixed, 1).ptr;
  return {text.data(), end};
}

// Successive owners of a domid may have the same name, for example a guest that was restarted by hand.
void make_labels_unique(std::vector<Series>& all) {
  const auto append = [&all](const auto& what) {
    std::map<std::string, std::vector<std::size_t>> by_label;
    for (std::size_t i = 0; i < all.size(); ++i) by_label[all[i].label].push_back(i);
    for (const auto& [label, places] : by_label) {
      if (places.size() < 2) continue;
      for (const std::size_t i : places) all[i].label += what(i);
    }
  };
  append([&all](std::size_t i) { return " from " + seconds(all[i].points.front().start_s) + " s"; });
  append([](std::size_t i) { return ", line " + std::to_string(i + 1); });
}

// The mean of two neighbours.
SeriesPoint joined(const SeriesPoint& a, const SeriesPoint& b) {
  const double whole = b.end_s - a.start_s;
  const double share = whole > 0 ? (b.end_s - b.start_s) / whole : 0;
  SeriesPoint point = {a.start_s, b.end_s, {}};
  for (const RateInfo& info : kRateInfos) {
    const double of_a = a.rates.*info.rate;
    point.rates.*info.rate = of_a + (b.rates.*info.rate - of_a) * share;
  }
  point.rates.other_time_known = a.rates.other_time_known && b.rates.other_time_known;
  return point;
}

} // namespace

void condense(std::vector<Series>& all, std::size_t most) {
  if (all.empty()) return;
  std::size_t points = 0;
  double begin = all.front().points.front().start_s;
  double end = begin;
  for (const Series& series : all) {
    points = std::max(points, series.points.size());
    begin = std::min(begin, series.points.front().start_s);
    end = std::max(end, series.points.back().end_s);
  }
  if (points <= most || end <= begin) return;
  // The same periods of time for all.
  const double length = (end - begin) / static_cast<double>(most);
  const auto stretch = [&](const SeriesPoint& point) {
    return std::floor(((point.start_s + point.end_s) / 2 - begin) / length);
  };
  for (Series& series : all) {
    std::vector<SeriesPoint> condensed;
    double last = -1;
    for (const SeriesPoint& point : series.points) {
      const double present = stretch(point);
      if (present == last && point.start_s <= condensed.back().end_s + kSameTime) {
        condensed.back() = joined(condensed.back(), point);
      } else {
        condensed.push_back(point);
      }
      last = present;
    }
    series.points = std::move(condensed);
  }
}

LogSeries assemble(std::vector<LogPart> parts) {
  std::erase_if(parts, [](const LogPart& part) { return part.intervals.empty(); });
  std::stable_sort(parts.begin(), parts.end(),
                   [](const LogPart& a, const LogPart& b) { return begin_of(a) < begin_of(b); });
  std::vector<Log> logs;
  for (LogPart& part : parts) {
    const auto home = std::find_if(logs.begin(), logs.end(), [&part](const Log& log) {
      return std::all_of(log.parts.begin(), log.parts.end(),
                         [&part](const LogPart& other) { return go_together(other, part); });
    });
    Log& log = home == logs.end() ? logs.emplace_back() : *home;
    log.parts.push_back(std::move(part));
  }

  LogSeries all;
  for (Log& log : logs) {
    merge_intervals(log);
    merge_domains(log);
    all.intervals += log.intervals.size();
    all.intervals_with_losses += static_cast<std::uint64_t>(std::count_if(
        log.intervals.begin(), log.intervals.end(), [](const auto& i) { return i.has_losses; }));
  }
  std::map<std::string, std::size_t> owners_of_name;
  for (const Log& log : logs) ++owners_of_name[log.parts.front().name];
  for (const Log& log : logs) {
    const LogPart& part = log.parts.front();
    std::string where;
    if (logs.size() > 1) where = " in " + (owners_of_name[part.name] > 1 ? printable(part.log) : part.name);
    for (const auto& [key, domain] : log.domains) {
      Series series;
      series.domid = key.domid;
      series.name = domain.name;
      series.points = points_of(log, domain);
      series.label = label_of(series) + where;
      all.series.push_back(std::move(series));
    }
  }
  std::stable_sort(all.series.begin(), all.series.end(),
                   [](const Series& a, const Series& b) { return a.domid < b.domid; });
  make_labels_unique(all.series);
  return all;
}

} // namespace xenmon
