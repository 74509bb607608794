// SPDX-License-Identifier: GPL-2.0-or-later
//
// A log from its first sample to its end: what all kinds of log have in common, whatever they write. A kind
// of log derives from it, has the output, and says which samples of a daemon it wants.
#ifndef XENMON_XENMON_RUN_LOG_SESSION_H
#define XENMON_XENMON_RUN_LOG_SESSION_H

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "client/region_follower.h"
#include "command_line/options.h"
#include "daemon/publisher.h"
#include "log/log_output.h"
#include "log/verdict_log.h"
#include "run/data_end.h"

namespace xenmon {

class LogSession : protected FollowSink {
 public:
  // Until the time is over, no more data comes, writing fails or a signal comes. At the end, whatever that
  // is, it prints on standard error what is wrong with the region and with the trace.
  Status run();

 protected:
  // poll: how long to wait between two looks at a live daemon.
  LogSession(const Options& options, Publisher& publisher, RegionFollower::Settings settings,
             std::chrono::nanoseconds poll);

  // The same object each time; not called before the derived object is complete.
  virtual LogOutput& output() = 0;
  void add(const Sample& sample) override { output().add(sample); }

  [[nodiscard]] const Publisher& publisher() const { return publisher_; }
  [[nodiscard]] const RegionFollower& follower() const { return follower_; }
  // A daemon of ours, or one that replaced the daemon before: its data is wanted from its start.
  [[nodiscard]] bool is_wanted_whole() const {
    return follower_.has_begun() || publisher_.daemon.has_value();
  }
  // A region that holds less than that is looked at more often.
  void poll_at_least_every(std::chrono::nanoseconds time);

 private:
  Status write();
  Status take_new_data();
  void take_verdicts(const RegionReader& reader);
  [[nodiscard]] Status check_selected(bool whole);

  Publisher& publisher_;
  VerdictLog verdicts_;
  Status failed_ = ok(); // to write a verdict
  DataEnd end_;
  std::optional<std::uint32_t> pcpu_;
  std::chrono::nanoseconds poll_live_;
  RegionFollower follower_;
};

} // namespace xenmon

#endif // XENMON_XENMON_RUN_LOG_SESSION_H
