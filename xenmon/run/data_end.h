// SPDX-License-Identifier: GPL-2.0-or-later
//
// Decides when a log is over because no more data will come.
#ifndef XENMON_XENMON_RUN_DATA_END_H
#define XENMON_XENMON_RUN_DATA_END_H

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "client/attachment.h"
#include "daemon/publisher.h"

namespace xenmon {

class DataEnd {
 public:
  // endless: wait for ever for a daemon that is gone to come back.
  DataEnd(const Publisher& publisher, bool endless) : publisher_(publisher), endless_(endless) {}

  // Whether no more data will come; an Error if that is not as it should be, as when a recording is damaged.
  // Call for as long as there is something to wait for, with the daemon polled. A daemon of our own is waited
  // for until it has ended.
  Result<bool> reached(const Attachment& attachment);

 private:
  const Publisher& publisher_;
  bool endless_;
  std::chrono::steady_clock::time_point quiet_since_ = std::chrono::steady_clock::now();
};

// That another's recording is damaged, if its region says so; `what` has as much of it as could be read.
Status check_whole(const Attachment& attachment, const std::string& what);

// The sentence at a log's end about samples, rows and waits of the region that made no sense.
std::string damaged_sentence(std::uint64_t count);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_DATA_END_H
