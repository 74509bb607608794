// SPDX-License-Identifier: GPL-2.0-or-later
//
// Derives from what is known of a trace how to bake it, and from the result the verdicts.
#ifndef XENMON_XENBAKED_SESSION_TRACE_JUDGE_H
#define XENMON_XENBAKED_SESSION_TRACE_JUDGE_H

#include <cstdint>

#include "bake/baker.h"
#include "merge/merge.h"
#include "source/source.h"
#include "source/verdict.h"

namespace xenmon {

// The options that follow from the trace.
Baker::Options bake_options(const Origin& origin);

// How far accounting stays behind what has been read, so that a loss is known before its place has passed. If
// somebody watches a recording that is being written, not by more than kLookAheadNs.
inline constexpr std::uint64_t kLookAheadNs = 2'000'000'000;
inline constexpr std::uint64_t kLookAheadBytes = std::uint64_t{8} << 20; // some 250,000 records
Merge::Patience patience_with(const Origin& origin, bool watched);

// Says on standard error if the TSC's frequency is a guess.
void warn_of_frequency(const Origin& origin);

// After a trace has been baked: its records contradict each other as if some pCPU's were missing, which was
// not known from the start.
bool pcpus_seem_missing(const Merge::Counts& merged, const Baker& baker, const Origin& origin);
void say_pcpus_missing(Verdicts& verdicts);

// pCPUs that have records, or that are known to exist.
std::uint32_t known_pcpus(const Merge& merge, const Origin& origin);

void say_damaged(Verdicts& verdicts);

// After all of a recording: if no time passed in it, why there are no figures.
void judge_length(const Merge::Counts& merged, const Baker& baker, Verdicts& verdicts);

// What has been found out so far. Costs a few comparisons if there is nothing new.
void judge_trace(const Merge::Counts& merged, const Baker& baker, const Origin& origin, Verdicts& verdicts);

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_TRACE_JUDGE_H
