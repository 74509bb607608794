// SPDX-License-Identifier: GPL-2.0-or-later
//
// The directory of the flight recorder:
//
//   flight-SEQUENCE.zst    a complete segment (segment.h)
//   flight-SEQUENCE.part   the one that is being written, or that a killed process was writing
//   wait-TIME.xentrace.zst a recording that --flight-on-wait keeps, with its .json
//
// The writer holds a lock on the directory itself, so there is one, and a crash leaves no lock file. Readers
// need no lock: a segment is renamed when it is complete, and what is open can be read after it was removed.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_DIRECTORY_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_DIRECTORY_H

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "flight/descriptor.h"

namespace xenmon {

class FlightDirectory {
 public:
  struct Entry {
    std::uint64_t sequence = 0;
    bool complete = false;
    std::uint64_t bytes = 0;
  };
  struct Kept {
    std::string name; // of the recording
    std::uint64_t bytes = 0;
  };

  // For the one writer. Makes the directory if only the last part of its path is missing. kBusy: another
  // process writes there. Complete segments are made of what killed processes left; what is of no use is
  // removed.
  static Result<FlightDirectory> open_to_write(const std::string& path);
  // Errors: it does not exist, or may not be read.
  static Result<FlightDirectory> open_to_read(const std::string& path);

  [[nodiscard]] const std::string& path() const { return path_; }
  // Ascending. There may be none.
  [[nodiscard]] std::vector<Entry> segments() const;
  // The recordings that were kept, the oldest first.
  [[nodiscard]] std::vector<Kept> kept() const;

  // Not valid: it has been removed or renamed since, or may not be read.
  [[nodiscard]] OwnedDescriptor open_segment(const Entry& entry) const;
  // The segment that is being written; the errno is kept.
  [[nodiscard]] OwnedDescriptor make_part(std::uint64_t sequence) const;
  // It is complete. 0, or the system's reason.
  [[nodiscard]] int complete(std::uint64_t sequence) const;
  void remove(const Entry& entry) const;
  void remove(const Kept& kept) const;

 private:
  FlightDirectory(std::string path, OwnedDescriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  [[nodiscard]] std::vector<std::string> names() const;
  void recover() const;

  std::string path_;
  OwnedDescriptor directory_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_DIRECTORY_H
