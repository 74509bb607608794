// SPDX-License-Identifier: GPL-2.0-or-later
//
// The verdicts of the daemons that a log is about: each new one, and all of them at the end. A verdict may be
// replaced by a better one while it has not been reported. That a recording is damaged counts only when the
// log has come to the recording's end: before that it is chance whether the daemon has read so far.
#ifndef XENMON_XENMON_LOG_VERDICT_LOG_H
#define XENMON_XENMON_LOG_VERDICT_LOG_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/region_reader.h"

namespace xenmon {

class VerdictLog {
 public:
  // Takes over what is known so far.
  void look(const RegionReader& reader);
  // The log has all of the recording.
  void reach_end();
  // The sentences that take() has not returned yet, each of them once.
  std::vector<std::string> take();
  // Prints all that were ever taken and not replaced on standard error.
  void say_all() const;

 private:
  std::uint64_t daemon_start_ = 0;
  std::optional<std::string> damage_; // of the current daemon's recording
  std::vector<std::string> present_;  // the current daemon's
  std::vector<std::string> past_;     // those of earlier daemons
  std::vector<std::string> told_;
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_VERDICT_LOG_H
