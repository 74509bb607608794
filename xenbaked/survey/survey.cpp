// SPDX-License-Identifier: GPL-2.0-or-later
#include "survey/survey.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
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
// No TSC is slower or faster than these, and few are slower than kUsualKhz.
constexpr double kLeastKhz = 1'000;
constexpr double kMostKhz = 10e6;
constexpr double kLeastWrappedKhz = 10'000; // slower clocks are rare, and too many words would fit
constexpr double kUsualKhz = 800'000;
// Clocks that differ by less count as equal: an estimate is off by up to 4 us, and waits are, too.
constexpr double kLeastSkewNs = 5'000;
// The same where records are missing, so that others contradict each other whatever the clocks say.
constexpr double kLeastSkewWithLossesNs = 50'000;
// No two clocks of a host differ by more.
constexpr double kMostSkewNs = 10'000'000;
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
// If clocks differ, fewer than one in so many contradictions are left when they are set right.
constexpr std::uint64_t kExplainedOneIn = 4;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

constexpr double kWord = 4294967296.0; // ns: where words of 32 bits start again

double ns_of(std::int64_t cycles, double khz) {
  return static_cast<double>(cycles) * 1e6 / khz;
}

// By how much a time is longer according to the records than Xen says, ns. Of a word of 32 bits the nearest
// value that it can stand for is taken.
double excess_ns(const Told& told, double khz) {
  const double ns = ns_of(told.cycles, khz);
  const double excess = ns - static_cast<double>(told.ns);
  return told.wraps && ns > kWord * 0.99 ? std::remainder(excess, kWord) : excess;
}

bool agrees(const Told& run, double khz) {
  const double tolerated = ns_of(run.cycles, khz) * kFrequencySpread;
  return tolerated < kWord / 16 && std::abs(excess_ns(run, khz)) <= tolerated;
}

// The frequencies at which a run's word stands for its cycles: one if the word is the whole time, more if it
// may have lost a part above 32 bits. In kHz, falling.
std::vector<double> possible_khz(const Told& run) {
  std::vector<double> all;
  for (double ns = static_cast<double>(run.ns);; ns += kWord) {
    const double khz = static_cast<double>(run.cycles) * 1e6 / ns;
    if (khz < (all.empty() ? kLeastKhz : kLeastWrappedKhz)) break;
    if (khz <= kMostKhz) all.push_back(khz);
    if (!run.wraps) break;
  }
  return all;
}

// The longest runs' cycles against their ns; 0 if they do not agree, or agree on more than one frequency.
std::uint32_t measure_khz(const std::vector<Told>& runs) {
  std::vector<Told> long_runs;
  for (const Told& run : runs) {
    if (run.ns >= kLeastRunNs && run.cycles > 0 && run.from_pcpu == run.to_pcpu) long_runs.push_back(run);
  }
  if (long_runs.size() < kLeastRuns) return 0;
  const std::size_t count = std::min(long_runs.size(), kMostRuns);
  std::partial_sort(long_runs.begin(), long_runs.begin() + static_cast<std::ptrdiff_t>(count),
                    long_runs.end(), [](const Told& a, const Told& b) { return a.ns > b.ns; });
  long_runs.resize(count);
  // Runs in the middle by their length are least likely to be odd; a shorter one has fewer possible values.
  std::sort(long_runs.begin(), long_runs.end(),
            [](const Told& a, const Told& b) { return a.cycles < b.cycles; });
  double best = 0;
  std::size_t most = 0;
  bool ambiguous = false;
  for (const std::size_t at : {std::size_t{0}, count / 4, count / 2}) {
    for (const double khz : possible_khz(long_runs[at])) {
      const auto near = static_cast<std::size_t>(std::count_if(
          long_runs.begin(), long_runs.end(), [&](const Told& run) { return agrees(run, khz); }));
      const bool another = best == 0 || std::abs(khz - best) > best * 4 * kFrequencySpread;
      if (near > most) {
        best = khz;
        most = near;
        ambiguous = false;
      } else if (near == most && another && khz >= kUsualKhz) {
        ambiguous = true;
      }
    }
  }
  if (ambiguous || most * 2 <= count) return 0;
  // Twice, as the first frequency is only one run's. The sums of those that agree lose the least.
  for (int i = 0; i < 2; ++i) {
    double cycles = 0;
    double ns = 0;
    for (const Told& run : long_runs) {
      if (!agrees(run, best)) continue;
      cycles += static_cast<double>(run.cycles);
      ns += ns_of(run.cycles, best) - excess_ns(run, best);
    }
    if (ns <= 0) return 0;
    best = cycles * 1e6 / ns;
  }
  return static_cast<std::uint32_t>(std::lround(best));
}

// The same for a wait of which Xen's word may say more: then any value above the word's is possible.
double least_excess_ns(const Told& told, double khz) {
  const double excess = excess_ns(told, khz);
  if (!told.wraps || ns_of(told.cycles, khz) <= kWord * 0.99) return excess;
  return told.exact ? std::abs(excess) : 0;
}

double tolerance_ns(const Told& told, double khz) {
  return kToleranceNs + std::abs(static_cast<double>(told.cycles)) * 1e6 / khz / 256;
}

// What Xen's word says about a wait.
enum class Word : std::uint8_t { kAgrees, kShorter, kSaysNothing };

Word compare_wait(const Told& wait, double khz) {
  if (wait.exact || !wait.wraps) {
    const double excess = least_excess_ns(wait, khz);
    if (excess > kMissingNs + tolerance_ns(wait, khz)) return Word::kShorter;
    return wait.exact && excess >= -tolerance_ns(wait, khz) ? Word::kAgrees : Word::kSaysNothing;
  }
  // Since it left its pCPU 4.29 s or more may have passed, and then the word has started again.
  if (wait.left_cycles == 0) return Word::kSaysNothing;
  Told whole = wait;
  whole.cycles = wait.left_cycles;
  whole.exact = true;
  const double excess = least_excess_ns(whole, khz);
  if (std::abs(excess) <= tolerance_ns(whole, khz)) return Word::kAgrees;
  // It ran elsewhere in between; unless this Xen's word is about the wait alone.
  const bool of_the_wait = std::abs(excess_ns(wait, khz)) <= kMissingNs + tolerance_ns(wait, khz);
  return excess > kMissingNs + tolerance_ns(whole, khz) && !of_the_wait ? Word::kShorter : Word::kSaysNothing;
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
std::vector<std::int64_t> clocks_ahead(const std::map<Pair, double>& offsets, double least_ns) {
  std::map<std::uint32_t, std::vector<double>> by_pcpu;
  for (const auto& [pair, ns] : offsets) by_pcpu[pair.second].push_back(ns);
  std::vector<std::int64_t> out;
  for (const auto& [pcpu, ahead] : by_pcpu) {
    const bool one_of_two = by_pcpu.size() == 2 && pcpu == by_pcpu.rbegin()->first;
    if (ahead.size() < 2 && !one_of_two) continue;
    const double ns = middle_one(ahead);
    if (std::abs(ns) < least_ns || std::abs(ns) > kMostSkewNs) continue;
    out.resize(pcpu + 1);
    out[pcpu] = std::llround(ns);
  }
  return out;
}

// Follows the vCPUs through all of the preview.
Merge::Counts walk(const Preview& preview, std::span<const std::uint64_t> shift, VcpuTracks& tracks) {
  Merge merge;
  Pass pass;
  for (std::size_t i = 0; i < preview.rounds.size(); ++i) {
    pass.clear();
    pass.windows = preview.rounds[i];
    pass.stable = true;
    pass.last = preview.whole && i + 1 == preview.rounds.size();
    merge.append(pass, 0, shift);
    merge.drain(Merge::kNoLimit, tracks);
  }
  return merge.counts();
}

// Whether most contradictions are gone if the clocks are set right. If not, they have another cause, and so
// may have what looked like clocks that differ.
bool clocks_explain(const Preview& preview, const std::vector<std::int64_t>& ahead_ns, double khz,
                    std::uint64_t contradictions) {
  const std::int64_t most = std::max<std::int64_t>(*std::max_element(ahead_ns.begin(), ahead_ns.end()), 0);
  std::uint32_t pcpus = static_cast<std::uint32_t>(ahead_ns.size());
  for (const std::vector<Window>& round : preview.rounds) {
    for (const Window& window : round) pcpus = std::max(pcpus, window.pcpu + 1);
  }
  std::vector<std::uint64_t> shift(pcpus);
  for (std::uint32_t pcpu = 0; pcpu < pcpus; ++pcpu) {
    const std::int64_t ns = most - (pcpu < ahead_ns.size() ? ahead_ns[pcpu] : 0);
    shift[pcpu] = static_cast<std::uint64_t>(std::llround(static_cast<double>(ns) * khz / 1e6));
  }
  VcpuTracks tracks;
  walk(preview, shift, tracks);
  return tracks.contradictions() * kExplainedOneIn <= contradictions;
}

} // namespace

bool Survey::records_contradict() const {
  return contradictions >= kLeastContradictions && contradictions * kContradictionsOneIn >= runstates;
}

bool Survey::pcpus_missing() const {
  if (lost_records != 0 || bad_records != 0) return false;
  // One clock that differs makes records contradict each other as well.
  if (!clock_ahead_ns.empty()) return false;
  const bool all_recorded = unrecorded_after.empty() && contradicted_after.empty();
  if (waits_shorter > 0 && all_recorded && words_reliable()) return true;
  return records_contradict();
}

Survey survey(const Preview& preview, std::uint32_t cpu_khz) {
  VcpuTracks tracks;
  const Merge::Counts counts = walk(preview, {}, tracks);
  Survey out;
  out.whole = preview.whole;
  out.records = counts.records;
  out.runstates = tracks.runstates();
  out.has_dispatches = tracks.has_dispatches();
  out.has_page_counts = tracks.has_page_counts();
  out.lost_records = counts.lost_records;
  out.bad_records = counts.bad_records + preview.bad.total();
  out.pcpus.assign(tracks.pcpus().begin(), tracks.pcpus().end());
  const std::set<std::uint32_t> woken = tracks.woken_pcpus();
  std::set_difference(woken.begin(), woken.end(), out.pcpus.begin(), out.pcpus.end(),
                      std::back_inserter(out.named_pcpus));
  // Records that name no domain seen here are about something else.
  if (out.named_pcpus.size() == woken.size()) out.named_pcpus.clear();

  out.measured_khz = measure_khz(tracks.runs());
  const double khz = out.measured_khz != 0 ? out.measured_khz : cpu_khz != 0 ? cpu_khz : kAssumedKhz;
  out.contradictions = tracks.contradictions();
  if (out.lost_records == 0 && out.bad_records == 0) {
    for (const auto& [after, silence] : tracks.silences()) {
      if (!silence.certain) continue;
      out.contradicted_after.push_back(after);
      out.contradictions -= std::min(out.contradictions, silence.contradictions);
    }
  }
  for (const Told& wait : tracks.waits()) {
    switch (compare_wait(wait, khz)) {
      case Word::kShorter:
        ++out.waits_shorter;
        break;
      case Word::kAgrees:
        ++out.times_agree;
        break;
      case Word::kSaysNothing:
        break;
    }
  }
  // Clocks that differ show in records whose order makes no sense; but so do missing records.
  if (out.records_contradict() && out.waits_shorter == 0 && out.named_pcpus.empty())
    out.clock_ahead_ns =
        clocks_ahead(offsets_of(tracks, khz),
                     out.lost_records != 0 || out.bad_records != 0 ? kLeastSkewWithLossesNs : kLeastSkewNs);
  if (!out.clock_ahead_ns.empty() && !clocks_explain(preview, out.clock_ahead_ns, khz, out.contradictions))
    out.clock_ahead_ns.clear();
  for (const Told& run : tracks.runs()) {
    if (std::abs(least_excess_ns(run, khz)) <= tolerance_ns(run, khz)) ++out.times_agree;
    if (run.silent_to == 0) continue;
    const double silent = static_cast<double>(run.silent_to - run.silent_from) * 1e6 / khz;
    // What is missing is as long as the silence, or nearly so.
    const double whole_excess = ns_of(run.cycles, khz) - static_cast<double>(run.ns);
    if (least_excess_ns(run, khz) <= tolerance_ns(run, khz) || whole_excess < silent / 2) continue;
    const auto at =
        std::lower_bound(out.unrecorded_after.begin(), out.unrecorded_after.end(), run.silent_from);
    if (at != out.unrecorded_after.end() && *at == run.silent_from) continue;
    out.unrecorded_after.insert(at, run.silent_from);
  }
  return out;
}

} // namespace xenmon
