// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_XENMON_MODEL_ROLE_H
#define XENMON_XENMON_MODEL_ROLE_H

#include <cstdint>

namespace xenmon {

// What something on the screen means; colours follow from this alone. Without colours nothing is lost: a
// word, a place or an attribute says the same as a role.
enum class Role : std::uint8_t {
  kText,
  kName,    // of a domain
  kRunning, // time on a CPU
  kWaiting, // time waiting for one
  kBlocked,
  kIdle,
  kNotable,  // above the threshold for a look
  kAlarming, // above the threshold for a remedy
  kKey,      // a key to press
};

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_ROLE_H
