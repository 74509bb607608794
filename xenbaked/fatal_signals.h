// SPDX-License-Identifier: GPL-2.0-or-later
//
// A mapped recording that is truncated while it is being read causes a SIGBUS, which no return value can
// report. This gives it a sentence and an exit status all the same.
#ifndef XENMON_XENBAKED_FATAL_SIGNALS_H
#define XENMON_XENBAKED_FATAL_SIGNALS_H

namespace xenmon {

// For a program that plays a recording: nothing has to be restored then. Called once, from main.
void explain_bus_errors();

} // namespace xenmon

#endif // XENMON_XENBAKED_FATAL_SIGNALS_H
