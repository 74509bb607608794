// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the program ends when it cannot go on: the terminal is put back, and what can be said is said in one
// sentence.
//
// A region that is cut short under its reader, memory that is used up and a terminal that never comes back
// are no faults of ours: a sentence and status 1. What is a fault of ours ends with the signal's usual
// effect, so that there is a core to look at. A xenbaked of our own is ended by the kernel then
// (PR_SET_PDEATHSIG), and its private directory is removed by the next start.
#ifndef XENMON_XENMON_PROCESS_LAST_WORDS_H
#define XENMON_XENMON_PROCESS_LAST_WORDS_H

#include <string_view>

namespace xenmon {

// Catches the signals by which a program fails. Those that somebody has already (a sanitizer) are left to
// him.
void catch_failures();

// Keeps some memory aside, without which nothing could be put in order once there is no more. From then on
// operator new that fails throws std::bad_alloc, as ever, and the reserve is free again.
void keep_a_reserve();

// What is said when there is no memory.
inline constexpr std::string_view kNoMemory =
    "xenmon: there is not enough memory; end other programs, or raise the limit (ulimit -v).\n";

// Ends the program with status 1, and in a handler if need be. The sentence has its end of line.
[[noreturn]] void end_at_once(std::string_view sentence);

// Ends the program by a signal, with its usual effect.
[[noreturn]] void die_of(int signal);

} // namespace xenmon

#endif // XENMON_XENMON_PROCESS_LAST_WORDS_H
