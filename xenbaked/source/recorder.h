// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keeps the raw records of a source in the format of `xentrace -D`, readable by xenalyze and by replay, and
// in a second file what replay needs besides.
//
// Both files appear when finish() has put them in place; until then they have other names (pending_file.h).
// So they are complete, or absent after a crash. How passes and gaps are written is in pass_framing.h.
//
// A live host does not wait for a disk: its passes are written by a thread of their own (write_queue.h). When
// more than 64 MiB are waiting, passes are left out; where they are missing there is a gap, and it is said
// once. A recording of a recording is written as it is read.
//
// A full disk ends the recording but not the daemon. What was written until then, whole passes, becomes
// FILE.partial; take_error() or finish() reports this once.
#ifndef XENMON_XENBAKED_SOURCE_RECORDER_H
#define XENMON_XENBAKED_SOURCE_RECORDER_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "source/pass_framing.h"
#include "source/pending_file.h"
#include "source/record_keeper.h"
#include "source/recording_metadata.h"
#include "source/source.h"
#include "source/write_queue.h"

namespace xenmon {

// How much a slow disk may lag behind a live host.
struct RecorderDisk {
  std::size_t most_bytes = std::size_t{64} << 20;
  std::function<void()> before_write; // by the writing thread: a slow disk, for tests
};

class Recorder final : public RecordKeeper {
 public:
  // An existing regular file is replaced at the end; anything else with that name is refused.
  static Result<std::unique_ptr<Recorder>> create(const std::string& file, const Origin& origin,
                                                  const RecorderDisk& disk = {});

  void write(const Pass& pass) override;
  void name_domain(const DomidUse& domain, const std::string& name) override;
  void keep_settings(std::span<const xenmon_setting> settings) override {
    metadata_.settings.assign(settings.begin(), settings.end());
  }
  // Puts the recording and the metadata in place. Called once, after the last pass; without this call neither
  // appears.
  Status finish();

  // Nothing has been given to it yet, so finish() would leave an empty recording.
  [[nodiscard]] bool has_nothing() const { return has_nothing_; }

  // Why nothing is recorded any more, or not all; told to the first caller.
  std::optional<Error> take_error() override { return std::exchange(error_, std::nullopt); }
  // The recording is not complete, whether this was reported or not.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  Recorder(PendingFile file, const Origin& origin, const RecorderDisk& disk);
  void write_stable(const Pass& pass);
  void build(const Pass& pass, bool gap);
  void note(const Pass& pass);
  void fail(const std::string& reason);

  PendingFile file_;                  // the queue's, while there is one
  std::unique_ptr<WriteQueue> queue_; // null: not live
  RecordingMetadata metadata_;
  std::vector<std::byte> pass_; // as it is to be written
  PassFraming framing_;
  bool has_nothing_ = true;
  bool left_out_ = false; // the pass before, or several: there was no room
  bool said_left_out_ = false;
  bool failed_ = false;
  std::optional<Error> error_; // until take_error() has returned it
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_RECORDER_H
