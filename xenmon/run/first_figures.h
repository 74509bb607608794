// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a run needs that shows figures once and exits: it waits until there are enough of them.
#ifndef XENMON_XENMON_RUN_FIRST_FIGURES_H
#define XENMON_XENMON_RUN_FIRST_FIGURES_H

#include <cstdint>

#include "base/result.h"
#include "client/history.h"
#include "client/region_follower.h"
#include "command_line/options.h"
#include "daemon/publisher.h"

namespace xenmon {

// Waits until the long window has enough_ns; of a recording until its end, or until it is held where that was
// asked for. If the data end earlier, whatever there is counts.
Status await_figures(const Options& options, Publisher& publisher, RegionFollower& follower, History& history,
                     std::uint64_t enough_ns);

// After the figures have been shown: whether what was read was whole. `what` names what has been shown.
Status end_after_figures(Publisher& publisher, const Attachment& attachment, const char* what);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_FIRST_FIGURES_H
