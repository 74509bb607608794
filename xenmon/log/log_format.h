// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_XENMON_LOG_LOG_FORMAT_H
#define XENMON_XENMON_LOG_LOG_FORMAT_H

namespace xenmon {

// What a log is: the original's files, one for each domain, or one stream.
enum class LogFormat { kFiles, kCsv, kJsonLines };

} // namespace xenmon

#endif // XENMON_XENMON_LOG_LOG_FORMAT_H
