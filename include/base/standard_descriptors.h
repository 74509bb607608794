// SPDX-License-Identifier: MIT
//
// A program may be started with its standard input, output or error closed. The next files that it opens
// would get these numbers, and what is meant for a terminal would go to them.
#ifndef XENMON_BASE_STANDARD_DESCRIPTORS_H
#define XENMON_BASE_STANDARD_DESCRIPTORS_H

namespace xenmon {

// Puts something in the place of each that is closed, which fails with EBADF when it is used. Called once,
// from main, before anything is opened.
void occupy_standard_descriptors();

} // namespace xenmon

#endif // XENMON_BASE_STANDARD_DESCRIPTORS_H
