// SPDX-License-Identifier: GPL-2.0-or-later
//
// How far a mirror has got, so that the next session goes on there and nothing comes twice.
#ifndef XENMON_XENMON_MIRROR_MIRROR_PROGRESS_H
#define XENMON_XENMON_MIRROR_MIRROR_PROGRESS_H

#include <cstdint>

namespace xenmon {

struct MirrorProgress {
  std::uint64_t daemon_start = 0; // 0: nothing has been received
  std::uint64_t sample = 0;       // numbers of the newest, as the other host has them
  std::uint64_t wait = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_MIRROR_PROGRESS_H
