// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hands on each long wait of a region exactly once, in the order in which they ended, checked.
#ifndef XENMON_XENMON_CLIENT_WAIT_FEED_H
#define XENMON_XENMON_CLIENT_WAIT_FEED_H

#include <cstdint>

#include "client/region_reader.h"

namespace xenmon {

class WaitSink {
 public:
  WaitSink() = default;
  WaitSink(const WaitSink&) = delete;
  WaitSink& operator=(const WaitSink&) = delete;
  virtual ~WaitSink() = default;
  // start_ns <= end_ns, and the region has the pCPUs.
  virtual void add(const xenmon_wait& wait) = 0;
};

class WaitFeed {
 public:
  enum class From {
    kBeginning, // waits that are no longer there were missed
    kOldest,    // everything that the region still holds
    kNow,       // only new waits
  };

  // Starts with a region of a daemon that was not read before. In another file of the same daemon the numbers
  // continue: nothing has to be done then.
  void start(const RegionReader& reader, From from);

  // All that are new since the last call and ended at `until_ns` or before.
  void drain(const RegionReader& reader, std::uint64_t until_ns, WaitSink& sink);

  // Since start(): overwritten before they were read, or never written because there was no room.
  std::uint64_t missed() const { return missed_; }
  // Since start(): made no sense and were skipped.
  std::uint64_t damaged() const { return damaged_; }

 private:
  std::uint64_t next_ = 1; // number of the first wait not yet handed on
  std::uint64_t missed_ = 0;
  std::uint64_t damaged_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_WAIT_FEED_H
