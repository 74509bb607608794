// SPDX-License-Identifier: GPL-2.0-or-later
//
// A trace of which Xen could not store everything: records vanish in runs, and where there is room again a
// LOST_RECORDS says how many, since when, and who runs to Xen's mind at that moment. In the middle of a
// switch that is still the vCPU that leaves.
#ifndef XENMON_TESTS_MODEL_LOSSES_H
#define XENMON_TESTS_MODEL_LOSSES_H

#include <cstdint>

#include "recording.h"
#include "world.h"

namespace xenmon::model {

// A pCPU's first and last record stay. The facts are what they were.
void lose_records(Trace& trace, std::uint64_t seed);

// The same on a live host whose buffers are emptied by that schedule: what is lost is the last that was
// written before a buffer was emptied, and there was something in it.
void lose_records(Trace& trace, const Schedule& schedule, std::uint64_t seed);

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_LOSSES_H
