// SPDX-License-Identifier: GPL-2.0-or-later
//
// Long waits on a mirror's stream: as what is unexpected in them, because a busy host has hundreds a second.
#ifndef XENMON_XENMON_MIRROR_WAITS_H
#define XENMON_XENMON_MIRROR_WAITS_H

#include <span>
#include <vector>

#include "mirror/wire.h"
#include "xenmon/region.h"

namespace xenmon {

// Their seq is not sent: it means nothing in another region.
void write_waits(std::span<const xenmon_wait> waits, WireWriter& out);
// False if the bytes make no sense. What the waits name may not exist.
bool read_waits(WireReader& in, std::vector<xenmon_wait>& waits);

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_WAITS_H
