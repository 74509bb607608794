// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is known about a trace before it is baked: what its source says, and for a recording what a survey of
// its beginning finds. What a reader of the figures must know is reported as a verdict.
//
// Call once, after the source was opened and before its first pass is read.
#ifndef XENMON_XENBAKED_SURVEY_LEARN_TRACE_H
#define XENMON_XENBAKED_SURVEY_LEARN_TRACE_H

#include <cstdint>
#include <span>
#include <string>

#include "source/source.h"
#include "source/verdict.h"

namespace xenmon {

Origin learn_trace(Source& source, Verdicts& verdicts);

// "CPU 3", "CPUs 2 to 7", "CPUs 1, 3 and 5 to 7"; cut with "..." if there are very many pieces. Ascending.
std::string cpus_text(std::span<const std::uint32_t> pcpus);

} // namespace xenmon

#endif // XENMON_XENBAKED_SURVEY_LEARN_TRACE_H
