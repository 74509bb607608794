// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of xenmon --once for several hosts: a line for each, in the order in which they were given.
#ifndef XENMON_XENMON_LOG_HOSTS_TABLE_H
#define XENMON_XENMON_LOG_HOSTS_TABLE_H

#include <string>

#include "model/screen_model.h"

namespace xenmon {

// Of a model for the view of hosts. A host without figures has the reason instead.
std::string hosts_table(const ScreenModel& model);

} // namespace xenmon

#endif // XENMON_XENMON_LOG_HOSTS_TABLE_H
