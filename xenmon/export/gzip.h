// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_XENMON_EXPORT_GZIP_H
#define XENMON_XENMON_EXPORT_GZIP_H

#include <optional>
#include <string>
#include <string_view>

namespace xenmon {

// The text as a gzip file, compressed as fast as zlib can: that is a seventh of an exposition already.
// Nothing if there is no memory for it; then it is sent as it is.
std::optional<std::string> gzip(std::string_view text);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_GZIP_H
