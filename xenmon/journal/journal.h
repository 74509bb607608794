// SPDX-License-Identifier: GPL-2.0-or-later
//
// A program's sentences on standard error, with a priority where the journal reads it.
//
// systemd sets JOURNAL_STREAM to the device and inode of the stream that it connects to the journal. If
// standard error is that stream, each line starts with the priority as in sd-daemon(3): "<4>xenbaked: ...".
// On a terminal, in a file and through a pipe there is none.
#ifndef XENMON_XENMON_JOURNAL_JOURNAL_H
#define XENMON_XENMON_JOURNAL_JOURNAL_H

#include <string>
#include <string_view>

namespace xenmon {

// As syslog(3) numbers them.
enum class Priority { kError = 3, kWarning = 4, kNotice = 5, kInformation = 6 };

// Whether standard error is the journal's stream. Asked once; later calls return the same, and may be made in
// a signal handler.
bool journal_reads_standard_error();

// "<3>" where the journal reads standard error, else nothing. May be called in a signal handler once
// journal_reads_standard_error() has been called.
std::string_view priority_prefix(Priority priority);

// The text with "PROGRAM: " before its first line and the priority before each line; ends with a newline. The
// caller has made the text safe for a terminal.
std::string message_lines(std::string_view program, Priority priority, std::string_view text);

} // namespace xenmon

#endif // XENMON_XENMON_JOURNAL_JOURNAL_H
