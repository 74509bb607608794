// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey/survey.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "merge/merge.h"
#include "survey/vcpu_tracks.h"

namespace xenmon {

namespace {

using Told = VcpuTracks::Told;

// A shorter time gives the frequency too coarsely: the two clocks are read some 100 ns apart.
constexpr std::uint64_t kLeastRunNs = 100'000;
constexpr std::size_t kLeastRuns = 3;
constexpr std::size_t kMostRuns = 256;
// Half of the runs must agree with each other to this part, or the words mean something else.
constexpr double kFrequencySpread = 0.005;
// Clocks that differ by less count as equal: waits of vCPUs have an error of this size anyway.
constexpr double kLeastSkewNs = 50'000;
// What Xen says and what is recorded may differ by this much and still be the same.
constexpr double kToleranceNs = 20'000;
// Xen reads its clock before it decides and writes the records afterwards. In an emulated machine a pCPU may
// stand still in between, for 6 ms at most in all recordings seen; on a real one it is some us. What is
// missing when a vCPU has run elsewhere is as long as that.
constexpr double kMissingNs = 10'000'000;
constexpr double kAssumedKhz = 2'400'000;
// Clocks of one host that differ by a microsecond make a contradiction now and then; a pCPU that is missing
// makes many.
constexpr std::uint64_t kLeastContradictions = 2;
constexpr std::uint64_t kContradictionsOneIn = 1000;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The longest runs' cycles against their ns; 0 if they do not agree.
std::uint32_t measure_khz(const std::vector<Told>& runs) {
  std::vector<Told> long_runs;
  for (const Told& run : runs) {
    if (run.ns >= kLeastRunNs && run.cycles > 0 && run.from_pcpu == run.to_pcpu) long_runs.push_back(run);
  }
  if (long_runs.size() < kLeastRuns) return 0;
  const std::size_t count = std::min(long_runs.size(), kMostRuns);
  std::partial_sort(long_runs.begin(), long_runs.begin() + static_cast<std::ptrdiff_t>(count),
                    long_runs.end(), [](const Told& a, const Told& b) { return a.ns > b.ns; });
  std::vector<double> khz;
  for (std::size_t i = 0; i < count; ++i)
    khz.push_back(static_cast<double>(long_runs[i].cycles) * 1e6 / static_cast<double>(long_runs[i].ns));
  const double middle = median(khz);
  const auto near = std::count_if(khz.begin(), khz.end(), [&](double each) {
    return std::abs(each - middle) <= middle * kFrequencySpread;
  });
  if (static_cast<std::size_t>(near) * 2 <= count || middle < 1'000 || middle > 100e6) return 0;
  // The sums of those that agree, which lose the least.
  double cycles = 0;
  double ns = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::abs(khz[i] - middle) > middle * kFrequencySpread) continue;
    cycles += static_cast<double>(long_runs[i].cycles);
    ns += static_cast<double>(long_runs[i].ns);
  }
  return static_cast<std::uint32_t>(std::lround(cycles * 1e6 / ns));
}

// By how much a time is longer according to the records than Xen says, ns.
double excess_ns(const Told& told, double khz) {
  return static_cast<double>(told.cycles) * 1e6 / khz - static_cast<double>(told.ns);
}

// The same if Xen's word has only the low 32 bits: the smallest possible value.
double least_excess_ns(const Told& told, double khz) {
  constexpr double kWord = 4294967296.0;
  const double excess = excess_ns(told, khz);
  if (!told.wraps || static_cast<double>(told.cycles) * 1e6 / khz < kWord) return excess;
  if (!told.exact) return 0; // any value is possible
  const double rest = std::fmod(excess, kWord);
  return std::min(rest, kWord - rest);
}

double tolerance_ns(const Told& told, double khz) {
  return kToleranceNs + std::abs(static_cast<double>(told.cycles)) * 1e6 / khz / 256;
}

using Pair = std::pair<std::uint32_t, std::uint32_t>;

// By how many ns the clock of the second of two pCPUs seems to be ahead of the first one's. Both orders are
// there.
std::map<Pair, double> offsets_of(const VcpuTracks& tracks, double khz) {
  // An interval that started by one clock and ended by the other is too long by this much.
  std::map<Pair, std::vector<double>> told;
  for (const Told& wait : tracks.waits()) {
    if (wait.from_pcpu != wait.to_pcpu && wait.exact)
      told[{wait.from_pcpu, wait.to_pcpu}].push_back(excess_ns(wait, khz));
  }
  // Xen does not say how long wakes took. The quickest wake in one direction takes about as long as in the
  // other.
  std::map<Pair, double> quickest;
  for (const VcpuTracks::Crossing& crossing : tracks.crossings()) {
    const double ns = static_cast<double>(crossing.cycles) * 1e6 / khz;
    const auto [at, fresh] = quickest.try_emplace({crossing.from_pcpu, crossing.to_pcpu}, ns);
    if (!fresh) at->second = std::min(at->second, ns);
  }
  std::vector<double> ways;
  ways.reserve(quickest.size());
  for (const auto& [pair, ns] : quickest) ways.push_back(ns);
  const double usual = ways.size() < 3 ? 0 : std::max(median(ways), 0.0);

  std::map<Pair, std::vector<double>> estimates;
  const auto estimate = [&](const Pair& pair, double ahead) {
    estimates[pair].push_back(ahead);
    estimates[{pair.second, pair.first}].push_back(-ahead);
  };
  for (const auto& [pair, excesses] : told) estimate(pair, median(excesses));
  for (const auto& [pair, ns] : quickest) estimate(pair, ns - usual);
  std::map<Pair, double> offsets;
  for (const auto& [pair, of] : estimates) offsets[pair] = median(of);
  return offsets;
}

// Of two in the middle the smaller one: half of the others may be wrong, but not more.
double middle_one(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double upper = values[values.size() / 2];
  const double lower = values[(values.size() - 1) / 2];
  return std::abs(lower) < std::abs(upper) ? lower : upper;
}

// Compares each pCPU's clock with those of most others. Of two that differ from each other the second is
// wrong.
std::vector<std::int64_t> clocks_ahead(const std::map<Pair, double>& offsets) {
  std::map<std::uint32_t, std::vector<double>> by_pcpu;
  for (const auto& [pair, ns] : offsets) by_pcpu[pair.second].push_back(ns);
  std::vector<std::int64_t> out;
  for (const auto& [pcpu, ahead] : by_pcpu) {
    const bool one_of_two = by_pcpu.size() == 2 && pcpu == by_pcpu.rbegin()->first;
    if (ahead.size() < 2 && !one_of_two) continue;
    const double ns = middle_one(ahead);
    if (std::abs(ns) < kLeastSkewNs) continue;
    out.resize(pcpu + 1);
    out[pcpu] = std::llround(ns);
  }
  return out;
}

} // namespace

bool Survey::records_contradict() const {
  return contradictions >= kLeastContradictions && contradictions * kContradictionsOneIn >= runstates;
}

bool Survey::pcpus_missing() const {
  if (lost_records != 0 || bad_records != 0) return false;
  // One clock that differs makes records contradict each other as well.
  if (!clock_ahead_ns.empty()) return false;
  if (waits_shorter > 0 && unrecorded_after.empty() && words_reliable()) return true;
  return records_contradict();
}

Survey survey(const Preview& preview, std::uint32_t cpu_khz) {
  Merge merge;
  VcpuTracks tracks;
  Pass pass;
  for (std::size_t i = 0; i < preview.rounds.size(); ++i) {
    pass.clear();
    pass.windows = preview.rounds[i];
    pass.stable = true;
    pass.last = preview.whole && i + 1 == preview.rounds.size();
    merge.append(pass);
    merge.drain(Merge::kNoLimit, tracks);
  }
  const Merge::Counts counts = merge.counts();
  Survey out;
  out.whole = preview.whole;
  out.records = counts.records;
  out.runstates = tracks.runstates();
  out.has_dispatches = tracks.has_dispatches();
  out.has_page_counts = tracks.has_page_counts();
  out.lost_records = counts.lost_records;
  out.bad_records = counts.bad_records;
  out.pcpus.assign(tracks.pcpus().begin(), tracks.pcpus().end());
  const std::set<std::uint32_t> woken = tracks.woken_pcpus();
  std::set_difference(woken.begin(), woken.end(), out.pcpus.begin(), out.pcpus.end(),
                      std::back_inserter(out.named_pcpus));
  // Records that name no domain seen here are about something else.
  if (out.named_pcpus.size() == woken.size()) out.named_pcpus.clear();

  out.measured_khz = measure_khz(tracks.runs());
  const double khz = out.measured_khz != 0 ? out.measured_khz : cpu_khz != 0 ? cpu_khz : kAssumedKhz;
  out.contradictions = tracks.contradictions();
  for (const Told& wait : tracks.waits()) {
    const double excess = least_excess_ns(wait, khz);
    if (excess > kMissingNs + tolerance_ns(wait, khz)) {
      ++out.waits_shorter;
    } else if (wait.exact && excess >= -tolerance_ns(wait, khz)) {
      ++out.times_agree;
    }
  }
  // Clocks that differ show in records whose order makes no sense; but so do missing records.
  if (out.records_contradict() && out.waits_shorter == 0 && out.named_pcpus.empty())
    out.clock_ahead_ns = clocks_ahead(offsets_of(tracks, khz));
  for (const Told& run : tracks.runs()) {
    if (std::abs(least_excess_ns(run, khz)) <= tolerance_ns(run, khz)) ++out.times_agree;
    if (run.silent_to == 0) continue;
    const double silent = static_cast<double>(run.silent_to - run.silent_from) * 1e6 / khz;
    // What is missing is as long as the silence, or nearly so.
    if (least_excess_ns(run, khz) <= tolerance_ns(run, khz) || excess_ns(run, khz) < silent / 2) continue;
    const auto at =
        std::lower_bound(out.unrecorded_after.begin(), out.unrecorded_after.end(), run.silent_from);
    if (at != out.unrecorded_after.end() && *at == run.silent_from) continue;
    out.unrecorded_after.insert(at, run.silent_from);
  }
  return out;
}

} // namespace xenmon
