// SPDX-License-Identifier: GPL-2.0-or-later
//
// The verdicts of the daemons that a log is about: what is new of them, and at the end all of it. A verdict
// may be replaced by a better one while it has not been told.
#ifndef XENMON_XENMON_LOG_VERDICT_LOG_H
#define XENMON_XENMON_LOG_VERDICT_LOG_H

#include <cstdint>
#include <string>
#include <vector>

#include "client/region_reader.h"

namespace xenmon {

class VerdictLog {
 public:
  // Takes in what is known by now.
  void look(const RegionReader& reader);
  // The sentences that take() has not given yet, each of them once.
  std::vector<std::string> take();
  // All that were ever taken in and not replaced, said on standard error.
  void say_all() const;

 private:
  std::uint64_t daemon_start_ = 0;
  std::vector<std::string> present_; // the present daemon's
  std::vector<std::string> past_;    // those of the ones before it
  std::vector<std::string> told_;
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_VERDICT_LOG_H
