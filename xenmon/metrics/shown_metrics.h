// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_METRICS_SHOWN_METRICS_H
#define XENMON_METRICS_SHOWN_METRICS_H

namespace xenmon {

// Which rows the screen shows for each domain; "gotten" is always shown.
struct Metrics {
  bool allocated = true;
  bool blocked = true;
  bool waited = true;
  bool excount = true;
  bool iocount = true;
};

} // namespace xenmon

#endif // XENMON_METRICS_SHOWN_METRICS_H
