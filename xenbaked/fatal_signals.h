// SPDX-License-Identifier: GPL-2.0-or-later
//
// A mapped recording that is cut shorter while it is read is a SIGBUS, which no value can tell. It gets a
// sentence and an exit status all the same.
#ifndef XENMON_XENBAKED_FATAL_SIGNALS_H
#define XENMON_XENBAKED_FATAL_SIGNALS_H

namespace xenmon {

// For a program that plays a recording: nothing has to be put back then. Called once, from main.
void explain_bus_errors();

} // namespace xenmon

#endif // XENMON_XENBAKED_FATAL_SIGNALS_H
