// SPDX-License-Identifier: GPL-2.0-or-later
#include "losses.h"

#include <algorithm>
#include <utility>

#include "trace/events.h"

namespace xenmon::model {

namespace {

bool creates_domain(const TraceRecord& record) {
  return record.event == event::kDomainAdd || record.event == event::kAcctDomainAdd ||
         record.event == event::kDispatchDomainAdd;
}

// Takes out the records from `first` to before `end`. What follows may be anything, also the second record of
// a switch. LOST_RECORDS is not written before `room`.
void lose(std::vector<TraceRecord>& records, std::size_t first, std::size_t end, std::uint64_t room,
          Random& random) {
  const std::uint64_t since = records[first].tsc;
  const std::uint64_t last = std::max(room, records[end - 1].tsc);
  const TraceRecord& next = records[end];
  TraceRecord lost;
  // With the next record, so at its time or a little before it.
  lost.tsc = std::max(last, next.tsc - std::min<std::uint64_t>(next.tsc, random.below(300)));
  lost.event = event::kLostRecords;
  lost.words = 4;
  // Its high half has the vCPU, unlike everywhere else.
  lost.word[0] = static_cast<std::uint32_t>(end - first);
  lost.word[1] = next.current << 16 | next.current >> 16;
  lost.word[2] = static_cast<std::uint32_t>(since);
  lost.word[3] = static_cast<std::uint32_t>(since >> 32);
  lost.current = next.current;
  const auto at = records.begin() + static_cast<std::ptrdiff_t>(first);
  records.erase(at, at + static_cast<std::ptrdiff_t>(end - first));
  records.insert(records.begin() + static_cast<std::ptrdiff_t>(first), lost);
}

} // namespace

void lose_records(Trace& trace, std::uint64_t seed) {
  Random random(seed ^ 0x1057);
  // When: of each pCPU for itself, or of several at once.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> together;
  std::uint64_t first_tsc = ~std::uint64_t{0};
  std::uint64_t last_tsc = 0;
  for (const std::vector<TraceRecord>& records : trace.records) {
    if (records.empty()) continue;
    first_tsc = std::min(first_tsc, records.front().tsc);
    last_tsc = std::max(last_tsc, records.back().tsc);
  }
  if (last_tsc == 0) return;
  if (random.chance(40)) {
    const std::uint64_t begin = random.between(first_tsc, last_tsc);
    together.emplace_back(begin, begin + random.below((last_tsc - begin) / 2 + 1));
  }
  for (std::vector<TraceRecord>& records : trace.records) {
    // From the end, so that positions stay the same.
    std::size_t end = records.size();
    while (end > 3) {
      const std::size_t stop = 2 + random.below(end - 2); // a run ends before this record, which stays
      if (stop >= end || !records[0].timed) break;
      std::size_t first =
          stop - std::min<std::size_t>(stop - 1, random.between(1, random.chance(30) ? 40 : 4));
      const TraceRecord& next = records[stop];
      for (const auto& [from, to] : together) {
        if (next.tsc < from || next.tsc > to || !random.chance(80)) continue;
        while (first > 1 && records[first - 1].tsc >= from) --first;
      }
      for (std::size_t at = first; at < stop; ++at) {
        if (creates_domain(records[at]) && random.chance(70))
          first = at + 1; // that is the last that was heard
      }
      if (next.timed && first < stop) {
        trace.lost += stop - first;
        lose(records, first, stop, 0, random);
      }
      end = first;
      if (random.chance(30)) break;
    }
  }
}

void lose_records(Trace& trace, const Schedule& schedule, std::uint64_t seed) {
  Random random(seed ^ 0x1057);
  const std::uint64_t likely = random.chance(50) ? 20 : 60;
  for (std::size_t i = 0; i < trace.records.size(); ++i) {
    std::vector<TraceRecord>& records = trace.records[i];
    // From the end, so that positions stay the same.
    for (std::size_t round = schedule.size(); round-- > 0;) {
      const std::uint64_t emptied = schedule[round][i];
      const std::uint64_t before = round == 0 ? 0 : schedule[round - 1][i];
      const auto after = [&](std::uint64_t tsc) {
        const auto at = std::find_if(records.begin(), records.end(),
                                     [&](const TraceRecord& record) { return record.tsc > tsc; });
        return static_cast<std::size_t>(at - records.begin());
      };
      const std::size_t begin = round == 0 ? 0 : after(before);
      const std::size_t end = after(emptied);
      if (end == records.size() || end - begin < 2 || !records[begin].timed || !random.chance(likely))
        continue;
      std::size_t first = std::max<std::size_t>(random.between(begin + 1, end - 1), 1);
      for (std::size_t at = first; at < end; ++at) {
        if (creates_domain(records[at]) && random.chance(70)) first = at + 1;
      }
      if (first >= end || !records[end].timed) continue;
      trace.lost += end - first;
      lose(records, first, end, emptied + 1, random);
    }
  }
}

} // namespace xenmon::model
