// SPDX-License-Identifier: GPL-2.0-or-later
//
// Puts the terminal back without curses, for handlers of signals: what the program was blocked in or fell
// over may have been curses itself.
#ifndef XENMON_XENMON_SCREEN_TERMINAL_RESCUE_H
#define XENMON_XENMON_SCREEN_TERMINAL_RESCUE_H

#include <termios.h>

namespace xenmon {

// What standard output was before curses changed it. False if it is no terminal.
bool read_terminal_modes(termios& modes);

// From here on a signal that ends the program at once puts these modes back, and leaves what curses has
// entered: the other screen, attributes, the keypad's mode, the hidden cursor. After newterm(), as the
// terminal's words for these come from there.
void arm_terminal_rescue(const termios& before);
// Once curses has put the terminal back itself.
void disarm_terminal_rescue();

// Lets go of output that the terminal does not take: it is started again if somebody has stopped it (Ctrl-S),
// and loses what nobody has read.
void unblock_terminal();

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_TERMINAL_RESCUE_H
