// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keeps the raw records of a source in the format of `xentrace -D`, readable by xenalyze and by replay,
// and beside them what replay needs besides.
//
// A disk that fills up ends the recording and not the daemon: what was written stays readable, and it is
// said once, by take_error() or by finish().
#ifndef XENMON_XENBAKED_SOURCE_RECORDER_H
#define XENMON_XENBAKED_SOURCE_RECORDER_H

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "source/recording_metadata.h"
#include "source/source.h"
#include "xenmon/result.h"

namespace xenmon {

class Recorder {
 public:
  // An existing file is replaced.
  static Result<std::unique_ptr<Recorder>> create(const std::string& file, const Origin& origin);

  void write(const Pass& pass);
  void name_domain(std::uint32_t domid, const std::string& name) { metadata_.names[domid] = name; }
  // Writes what is buffered and the metadata; called again, it does both again.
  Status finish();

  // Why nothing is recorded any more; told to the first who asks.
  std::optional<Error> take_error() { return std::exchange(error_, std::nullopt); }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  using File = std::unique_ptr<std::FILE, Close>;

  Recorder(std::string name, File file, const Origin& origin);
  void stop();

  std::string name_;
  File file_;
  RecordingMetadata metadata_;
  bool stopped_ = false;
  std::optional<Error> error_; // until somebody has taken it
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_RECORDER_H
