// SPDX-License-Identifier: GPL-2.0-or-later
//
// Restores the terminal without curses, for signal handlers: the program may have been blocked, or have
// failed, in curses itself.
#ifndef XENMON_XENMON_SCREEN_TERMINAL_RESCUE_H
#define XENMON_XENMON_SCREEN_TERMINAL_RESCUE_H

#include <termios.h>

namespace xenmon {

// The modes of standard output before curses changed them. False if it is not a terminal.
bool read_terminal_modes(termios& modes);

// From here on a signal that ends the program at once restores these modes, and leaves what curses has
// entered: the other screen, attributes, the keypad's mode, the hidden cursor. Call it after newterm(), which
// provides the terminal's sequences for these.
void arm_terminal_rescue(const termios& before);
// Once curses itself has restored the terminal.
void disarm_terminal_rescue();

// Abandons output that the terminal does not accept: starts the terminal again if it was stopped (Ctrl-S),
// and discards unread output.
void unblock_terminal();

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_TERMINAL_RESCUE_H
