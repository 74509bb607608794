// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/wait_feed.h"

#include <algorithm>

namespace xenmon {
namespace {

// The lowest number that the ring can still hold.
std::uint64_t oldest_number(const RegionReader& reader) {
  const std::uint64_t newest = reader.newest_wait();
  const std::uint64_t capacity = reader.header().wait.capacity;
  return newest > capacity ? newest - capacity + 1 : 1;
}

bool believable(const xenmon_wait& wait, std::uint32_t pcpu_limit) {
  return wait.start_ns <= wait.end_ns && wait.pcpu < pcpu_limit &&
         (wait.pcpu_before == XENMON_NO_PCPU || wait.pcpu_before < pcpu_limit);
}

} // namespace

void WaitFeed::start(const RegionReader& reader, From from) {
  missed_ = damaged_ = 0;
  next_ = 1;
  if (!reader.has_waits()) return;
  if (from == From::kNow) next_ = reader.newest_wait() + 1;
  if (from == From::kOldest) next_ = oldest_number(reader);
}

void WaitFeed::drain(const RegionReader& reader, std::uint64_t until_ns, WaitSink& sink) {
  const std::uint64_t newest = reader.newest_wait();
  if (newest < next_) return;
  const std::uint64_t oldest = std::max(next_, oldest_number(reader));
  missed_ += oldest - next_;
  next_ = oldest;
  const std::uint32_t pcpu_limit = reader.header().pcpu.capacity;
  // Counted down: `newest` is what the region claims, and may be the largest possible number.
  xenmon_wait wait;
  for (std::uint64_t left = newest - oldest + 1; left > 0; --left, ++next_) {
    if (reader.read_wait(next_, wait) != ReadOutcome::kCopied) {
      ++missed_;
    } else if (wait.end_ns > until_ns) {
      return;
    } else if (!believable(wait, pcpu_limit)) {
      ++damaged_;
    } else {
      sink.add(wait);
    }
  }
}

} // namespace xenmon
