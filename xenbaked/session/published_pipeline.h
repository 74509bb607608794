// SPDX-License-Identifier: GPL-2.0-or-later
//
// A pipeline whose samples are published, and what must be done for readers all the time: names, the
// heartbeat, the end. What both kinds of session have in common.
#ifndef XENMON_XENBAKED_SESSION_PUBLISHED_PIPELINE_H
#define XENMON_XENBAKED_SESSION_PUBLISHED_PIPELINE_H

#include <cstdint>
#include <optional>

#include "publish/region_writer.h"
#include "session/control_channel.h"
#include "session/domain_names.h"
#include "session/pipeline.h"
#include "session/region_sink.h"
#include "session/service_manager.h"
#include "session/session_options.h"
#include "session/stop_flag.h"
#include "source/record_keeper.h"
#include "source/source.h"
#include "source/verdict.h"

namespace xenmon {

// What a session works with. All of it outlives the session.
struct SessionParts {
  Source& source;
  const Origin& origin; // what is known of the trace, with what the survey found
  Verdicts& verdicts;
  const SessionOptions& options;
  RegionWriter& writer;
  StopFlag& stop;
  RecordKeeper* recorder = nullptr;  // null: nothing is recorded
  ServiceManager* service = nullptr; // null: nobody wants to know that the loop goes round
};

// How many waits the region must have room for.
std::uint32_t wait_capacity(const Origin& origin, const SessionOptions& options);

class PublishedPipeline {
 public:
  // `control` may be null: nobody steers.
  PublishedPipeline(const SessionParts& parts, ControlChannel* control);
  PublishedPipeline(const PublishedPipeline&) = delete;
  PublishedPipeline& operator=(const PublishedPipeline&) = delete;

  [[nodiscard]] Pipeline& pipeline() { return pipeline_; }
  [[nodiscard]] RegionWriter& writer() { return parts_.writer; }

  // Trace time up to which everything is published.
  [[nodiscard]] std::uint64_t end_ns() const { return sink_.end_ns(); }
  // Why nothing is published any more.
  [[nodiscard]] const std::optional<Error>& error() const { return sink_.error(); }

  // Call at least once a second: names, what the recorder has to report, and four times a second at most the
  // heartbeat.
  void housekeeping();
  // The session has slept and was woken.
  void count_wakeup() { ++wakeups_; }
  // The recording begins again: Pipeline::begin_round().
  Status begin_round();
  // What has been found out about the trace; samples bring it with them.
  void publish_health() { sink_.publish_health(); }
  // There is nothing more for now: what is true of the trace, and the region says that it has ended.
  void publish_end();
  // Ends the last sample, and the region. The first failure of all, with `result` being the session's own.
  Status finish(Status result);

 private:
  void beat();
  // Settings are read at the start, when a domain comes or goes, and now and then.
  void follow_settings(std::uint64_t now_ns);

  SessionParts parts_;
  RegionSink sink_; // refers to the pipeline and the names, which come after it
  Pipeline pipeline_;
  DomainNames names_;
  std::uint64_t wakeups_ = 0;
  std::uint64_t last_beat_ns_ = 0;
  std::uint64_t last_settings_ns_ = 0; // when they were asked for; 0: not yet
  std::uint64_t settings_of_ = 0;      // for which domains: the sum of those that were there
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_PUBLISHED_PIPELINE_H
