// SPDX-License-Identifier: GPL-2.0-or-later
//
// For programs that others may talk to and that need nothing but to read the region: gives up every right
// that such a program does not use, so that whoever takes it over can do no more with it.
#ifndef XENMON_XENMON_SANDBOX_READER_SANDBOX_H
#define XENMON_XENMON_SANDBOX_READER_SANDBOX_H

#include "base/result.h"

namespace xenmon {

// From here on, and for ever: files can be opened for reading only, no program can be started, no socket
// made, no memory made executable; of the descriptors that the process has all can be read, written and
// accepted from. What is not allowed fails with EPERM. Call it after all threads and sockets are there. An
// Error if the kernel refuses.
Status enter_reader_sandbox();

} // namespace xenmon

#endif // XENMON_XENMON_SANDBOX_READER_SANDBOX_H
