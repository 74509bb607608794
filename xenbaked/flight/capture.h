// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes ordinary recordings of parts of the flight recording.
#ifndef XENMON_XENBAKED_FLIGHT_CAPTURE_H
#define XENMON_XENBAKED_FLIGHT_CAPTURE_H

#include <cstdint>
#include <optional>
#include <string>

#include "base/day_time.h"
#include "base/result.h"
#include "flight/flight_directory.h"
#include "flight/flight_recording.h"

namespace xenmon {

struct CaptureOptions {
  std::string directory;
  std::string file; // compressed if its name ends with .zst
  // Times of day; without them from the oldest record, and up to the newest.
  std::optional<DayTime> since;
  std::optional<DayTime> until;
  std::optional<std::uint64_t> last_ns; // instead: that long up to the newest record
};

// Which part of which stretch that is.
struct CapturePart {
  std::size_t stretch = 0;
  CaptureRange range;
  std::string notice; // a sentence about what is not there of it; "": all is
};
// Errors: there is nothing of that time, or a restart of the host is in it.
Result<CapturePart> find_part(const FlightRecording& recording, const CaptureOptions& options);

// FILE and FILE.json, both or neither. Returns sentences about what is in it.
Result<std::string> capture(const CaptureOptions& options);

// By the recorder itself: of the newest stretch, as wait-TIME.xentrace.zst in its directory. Returns the
// number of records.
Result<std::uint64_t> keep_recording(const FlightDirectory& directory, const CaptureRange& range);

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_CAPTURE_H
