// SPDX-License-Identifier: GPL-2.0-or-later
//
// A process that keeps a mirror of another host's region: connects, receives, says when the connection is
// lost, and connects again. xenmon starts it as it starts a xenbaked, and reads what it writes as it reads a
// xenbaked's region.
#ifndef XENMON_XENMON_FAR_FAR_MIRROR_H
#define XENMON_XENMON_FAR_FAR_MIRROR_H

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"
#include "far/far_link.h"
#include "mirror/compression.h"
#include "mirror/mirror_receiver.h"

namespace xenmon {

class FarMirror {
 public:
  // Nothing has arrived for so long: readers are told, and with the refresh of a screen users know it within
  // three seconds. Something comes twice a second from a host that is there.
  static constexpr std::chrono::milliseconds kQuiet{1500};
  // The connection is given up, and another one is tried; longer if the first one took longer to be made.
  static constexpr std::chrono::milliseconds kLost{4000};
  // What is said when there is a connection again.
  static constexpr std::string_view kConnected = "connected";
  // Between the end of a connection and the next try.
  static constexpr std::chrono::milliseconds kPause{1000};

  struct Settings {
    FarHost far;
    std::string region; // where the mirror is to be
    int ready = -1;     // gets a byte when the mirror is complete; -1: none
    // Goes on trying from the start, and asks the user nothing. `say` is told why there is no connection, in
    // one sentence without the host's name, and not twice in a row the same.
    bool keep = false;
    std::function<void(const std::string&)> say = {};
  };

  explicit FarMirror(Settings settings);

  // Returns only if the first connection fails, with the reason; never if it is kept.
  Error run();

 private:
  using Clock = std::chrono::steady_clock;

  // One connection, from its start to its end. The Error says why it ended.
  Error session();
  // Takes what has arrived. An Error ends the session.
  Status receive(FarLink& link);
  Status take_reply(std::string_view& bytes);
  Status take_message(MirrorMessage kind, std::string_view body);
  // From another host's words, a sentence; it names the host unless the mirror is kept.
  Error failure(const std::string& what) const;
  void say(const std::string& reason);

  Settings settings_;
  MirrorReceiver receiver_;
  bool was_complete_ = false; // once, so that xenmon has started
  std::string said_;          // since there was a connection

  // Of a session.
  std::optional<MessageDecompressor> decompressor_;
  std::string reply_;   // to the call, as far as it has arrived
  bool called_ = false; // the reply is there
  Clock::time_point begun_;
  Clock::time_point heard_; // when something arrived
  std::chrono::milliseconds lost_ = kLost;
};

} // namespace xenmon

#endif // XENMON_XENMON_FAR_FAR_MIRROR_H
