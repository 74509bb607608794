// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keeps the raw records of a source in the format of `xentrace -D`, readable by xenalyze and by replay,
// and beside them what replay needs besides.
//
// Both files are there when finish() has put them there, and until then under other names (pending_file.h),
// so they are complete, or absent after a crash. A gap, of which Xen writes no record, is recorded as lost
// records of every pCPU that has been heard of: LOST_RECORDS with a count of 0 that names nobody. Between the
// last record and the gap's end a replay then knows as little as was known live.
//
// A disk that fills up ends the recording and not the daemon. What was written until then, whole passes,
// becomes FILE.partial, and it is said once, by take_error() or by finish().
#ifndef XENMON_XENBAKED_SOURCE_RECORDER_H
#define XENMON_XENBAKED_SOURCE_RECORDER_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "source/pending_file.h"
#include "source/recording_metadata.h"
#include "source/source.h"
#include "xenmon/result.h"

namespace xenmon {

class Recorder {
 public:
  // An existing regular file is replaced in the end; anything else of that name is refused.
  static Result<std::unique_ptr<Recorder>> create(const std::string& file, const Origin& origin);

  void write(const Pass& pass);
  // "" takes a name back.
  void name_domain(const DomidUse& domain, const std::string& name);
  // Puts the recording and the metadata in place. Called once, after the last pass; without it neither is
  // there.
  Status finish();

  // Why nothing is recorded any more; told to the first who asks.
  std::optional<Error> take_error() { return std::exchange(error_, std::nullopt); }
  // The recording is not complete, whoever has been told why.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Recorder(PendingFile file, const Origin& origin);
  void put(const void* bytes, std::size_t size);
  void put_window(std::uint32_t pcpu, std::size_t bytes);
  void put_gap(const Pass& pass);
  void note(const Pass& pass);
  void fail(const std::string& reason);

  PendingFile file_;
  RecordingMetadata metadata_;
  std::vector<std::byte> pass_;                     // as it is to be written
  std::map<std::uint32_t, std::uint64_t> last_tsc_; // of each pCPU that has been heard of
  bool failed_ = false;
  std::optional<Error> error_; // until somebody has taken it
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_RECORDER_H
