// SPDX-License-Identifier: GPL-2.0-or-later
//
// From the screen: a timeline of the second around a wait, which a xenbaked of its own makes of the records
// that a recording or a flight recorder has kept. The screen goes on meanwhile.
#ifndef XENMON_XENMON_RUN_WAIT_TIMELINE_H
#define XENMON_XENMON_RUN_WAIT_TIMELINE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/daemon_process.h"

namespace xenmon {

// Where the records of what is shown are.
struct KeptRecords {
  std::string recording;           // a file, or the directory of a flight recorder
  bool is_directory = false;       // of a flight recorder, in which a time is a time of day
  std::uint64_t wall_epoch_ns = 0; // CLOCK_REALTIME of trace time 0; 0: not known
  std::optional<std::uint64_t> cpu_khz = std::nullopt;
};

// On the trace's clock.
struct WaitToShow {
  std::string of; // whose wait, as a part of a file's name: "d1v0"
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
};

// The words for xenbaked, the program first, and the file that it makes, in the current directory. The wait
// is in the middle of a second, or of as much more as it was longer. An Error: times of day are needed and
// not known.
struct TimelineCommand {
  std::vector<std::string> words;
  std::string file;
};
Result<TimelineCommand> timeline_command(const std::string& xenbaked, const KeptRecords& records,
                                         const WaitToShow& wait);

class WaitTimeline {
 public:
  // Replaces the one that is being made. An Error: it cannot be started.
  Status start(const std::string& xenbaked, const KeptRecords& records, const WaitToShow& wait);
  [[nodiscard]] bool runs() const { return maker_.has_value(); }
  // Once it is made, or cannot be: a sentence about that. Does not wait.
  std::optional<std::string> take_outcome();

 private:
  std::optional<DaemonProcess> maker_;
  std::string file_;
};

} // namespace xenmon

#endif // XENMON_XENMON_RUN_WAIT_TIMELINE_H
