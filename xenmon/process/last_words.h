// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the program exits when it cannot continue: it restores the terminal, and prints one sentence if it can.
//
// A region that is truncated while it is read, memory that is used up, and a terminal that never comes back
// are no faults of ours: a sentence and status 1. A fault of ours ends with the signal's usual effect, so
// that there is a core to look at. The kernel then ends a xenbaked of our own (PR_SET_PDEATHSIG), and the
// next start removes its private directory.
#ifndef XENMON_XENMON_PROCESS_LAST_WORDS_H
#define XENMON_XENMON_PROCESS_LAST_WORDS_H

#include <string_view>

namespace xenmon {

// Catches the signals that report a failure of the program. Signals that already have a handler (a
// sanitizer's) are left alone.
void catch_failures();

// Reserves some memory for an orderly exit when no more is available. From then on operator new that fails
// throws std::bad_alloc, as always, and the reserve is free again.
void keep_a_reserve();

// The sentence for when there is no memory.
inline constexpr std::string_view kNoMemory =
    "xenmon: there is not enough memory; stop other programs, or raise the limit (ulimit -v).\n";

// Ends the program with status 1, even in a handler. The sentence includes its end of line.
[[noreturn]] void end_at_once(std::string_view sentence);

// Ends the program by a signal, with its usual effect.
[[noreturn]] void die_of(int signal);

} // namespace xenmon

#endif // XENMON_XENMON_PROCESS_LAST_WORDS_H
