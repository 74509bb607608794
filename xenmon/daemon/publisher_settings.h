// SPDX-License-Identifier: GPL-2.0-or-later
#ifndef XENMON_XENMON_DAEMON_PUBLISHER_SETTINGS_H
#define XENMON_XENMON_DAEMON_PUBLISHER_SETTINGS_H

#include <cstdint>
#include <optional>
#include <string>

#include "xenmon/region.h"

namespace xenmon {

// Another host, and how it is reached: by ssh, or by a command of the user's own.
struct OtherHost {
  std::string host;    // [user@]HOST; one of the two is ""
  std::string connect; // a command that leads to xenmon serve there

  bool operator==(const OtherHost&) const = default;
  // What it is called; as the user wrote it.
  const std::string& name() const { return host.empty() ? connect : host; }
};

// Which region is wanted, and how the xenbaked is started that publishes it where none does yet.
struct PublisherSettings {
  // What for. It decides who steers the replay of a recording.
  enum class Use {
    kScreen, // the user
    kTable,  // nobody, unless it is to be held
    kLog,    // nobody; it waits until the log has read what it overwrites
  };
  Use use = Use::kScreen;
  std::string region = XENMON_DEFAULT_REGION;
  std::optional<OtherHost> other; // of which a mirror is kept; none: ours
  // "": the one beside this program or in sbin beside its directory, else the one in PATH
  std::string xenbaked;
  std::uint64_t ms_per_sample = 100;
  bool ms_per_sample_given = false;          // somebody cares
  std::optional<std::uint64_t> slow_wait_ns; // none: xenbaked's default
  bool allocated = true;                     // time slices are traced, too

  std::string replay; // a recording; "-": standard input; "": none, and what follows means nothing
  std::optional<std::uint64_t> cpu_khz;
  std::string speed; // as xenbaked takes it; "": its default
  bool loop = false;
  bool follow = false; // the recording still grows
  std::string at;      // hold the replay at that time, see base/trace_time.h; "": play it
};

} // namespace xenmon

#endif // XENMON_XENMON_DAEMON_PUBLISHER_SETTINGS_H
