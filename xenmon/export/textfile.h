// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_XENMON_EXPORT_TEXTFILE_H
#define XENMON_XENMON_EXPORT_TEXTFILE_H

#include <string>
#include <string_view>

#include "base/result.h"

namespace xenmon {

// Replaces a file as a whole, for node_exporter's textfile collector: a reader finds the old text or the new
// one, never a part. The file beside it that is renamed does not end in .prom, so that nobody takes it for
// one. Mode 0644. When it fails, the old file is still there.
Status write_textfile(const std::string& path, std::string_view text);

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_TEXTFILE_H
