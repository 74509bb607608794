// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keeps a reader on the region at a path. Opens the path again when the region was superseded, when another
// daemon has put a new one there or when the file is gone, and knows what to report about it.
#ifndef XENMON_XENMON_CLIENT_ATTACHMENT_H
#define XENMON_XENMON_CLIENT_ATTACHMENT_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "client/region_reader.h"

namespace xenmon {

// boottime_ns(); tests provide their own.
using Clock = std::function<std::uint64_t()>;

// The state of the region, as of the last poll().
struct Health {
  enum class Kind {
    kNoRegion,      // there is no readable region; `problem` says why
    kWaiting,       // a daemon is there, no sample yet
    kLive,          // samples arrive from this host
    kRecording,     // samples arrive from a recording
    kRecordingOver, // the recording has been replayed to its end
    kEnded,         // the daemon exited normally
    kGone,          // the daemon no longer renews its heartbeat
  };
  Kind kind = Kind::kNoRegion;
  std::string recording;     // its file name
  std::string host;          // of a mirror of another host's region: its name; otherwise ""
  bool disconnected = false; // kGone: that host cannot be reached; whether its daemon is there is not known
  bool held = false;         // kRecording: it is held
  std::uint64_t position_ns = 0; // kRecording, kRecordingOver: the newest sample's end on the trace clock
  std::uint64_t quiet_ns = 0;    // kRecordingOver, kEnded, kGone: since the last heartbeat
  // Another daemon took over within the last ten seconds; not: the same one started a recording again.
  bool restarted = false;
  std::string problem;

  // True while samples may still arrive from the attached region.
  bool current() const { return kind == Kind::kWaiting || kind == Kind::kLive || kind == Kind::kRecording; }
};

// "live", "recording web.xentrace", "recording web.xentrace, held at 12.500 s", "data stopped 12 s ago:
// xenbaked is gone" ... A recording's name is cut to `name_limit` columns.
std::string health_text(const Health& health, std::size_t name_limit = SIZE_MAX);

class Attachment {
 public:
  enum class Change {
    kNone,
    kSuperseded, // another file of the same daemon: continue after the last sample
    kNewDaemon,  // another daemon, or the first: start again
  };

  explicit Attachment(std::string path, Clock clock = boottime_ns);

  // Checks the region and the path, and re-attaches if necessary. Drain the reader first: after a change it
  // is another one. After each call that leaves a reader, the file is known to have its full length.
  Change poll();

  // Null while nothing is attached. Valid until the next poll().
  const RegionReader* reader() const { return file_ ? &file_->reader() : nullptr; }
  // True if there is a reader whose file still has its full length. Ask before reading outside of the
  // moment after poll().
  bool still_readable() const { return file_ && file_->still_whole(); }
  const Health& health() const { return health_; }
  // Why the first poll() failed to attach; only while reader() is null.
  const Error& error() const { return error_; }

 private:
  bool should_look() const;
  Change try_open();
  void examine();

  std::string path_;
  Clock clock_;
  std::optional<RegionFile> file_;
  std::uint64_t daemon_start_ = 0; // of the last daemon attached to; 0 before the first
  std::uint32_t daemon_pid_ = 0;
  std::uint64_t restarted_at_ns_ = 0;
  bool was_restarted_ = false;
  Error error_;
  Health health_;
};

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_ATTACHMENT_H
