// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_XENMON_MODEL_ROLE_H
#define XENMON_XENMON_MODEL_ROLE_H

#include <cstdint>

namespace xenmon {

// What something on the screen is about; colours follow from this alone. Without colours nothing is lost:
// what a role says is also said in words, by its place, or by an attribute.
enum class Role : std::uint8_t {
  kText,
  kName,    // of a domain
  kRunning, // time on a CPU
  kWaiting, // time waiting for one
  kBlocked,
  kIdle,
  kNotable,  // above a threshold that is worth a look
  kAlarming, // above one that is worth a remedy
  kKey,      // something to press
};

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_ROLE_H
