// SPDX-License-Identifier: GPL-2.0-or-later
//
// What xenbaked gives up, and when: docs/design.md has the reasons. The parts are in confine/; here is what
// the options make of them. With --unconfined, and in a build without XENMON_CONFINED, nothing is given up.
#ifndef XENMON_XENBAKED_RIGHTS_H
#define XENMON_XENBAKED_RIGHTS_H

#include "base/result.h"
#include "options.h"

namespace xenmon {

// Before anything is opened, and before the first thread: root's capabilities, but for those that these
// options need to the end; of a replay also the user root, if another one may do what is asked for. Says on
// standard error if not.
Status give_up_root(const CommandOptions& options);

// When source, recorder and region are open: the system calls that are not needed any more.
Status give_up_system_calls(const CommandOptions& options);

} // namespace xenmon

#endif // XENMON_XENBAKED_RIGHTS_H
