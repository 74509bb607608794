// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/run_session.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "base/descriptor.h"
#include "publish/region_writer.h"
#include "session/control_channel.h"
#include "session/live_session.h"
#include "session/published_pipeline.h"
#include "session/replay_session.h"
#include "session/trace_judge.h"
#include "survey/learn_trace.h"

namespace xenmon {

namespace {

Result<std::unique_ptr<RegionWriter>> make_region(const Origin& origin, const SessionOptions& options) {
  RegionWriter::Options region;
  region.place.path = options.region;
  region.place.world_readable = options.world_readable;
  region.sample_ns = options.sample_ns;
  region.history_ns = options.history_ns;
  region.heartbeat_period_ns = std::max(region.heartbeat_period_ns, options.poll_ns);
  region.slow_wait_ns = options.slow_wait_ns;
  region.wait_capacity = wait_capacity(origin, options);
  Result<std::unique_ptr<RegionWriter>> writer = RegionWriter::create(region, origin);
  if (!writer) return writer;
  std::vector<std::uint32_t> present = origin.facts.pcpus;
  present.insert(present.end(), origin.facts.untraced_pcpus.begin(), origin.facts.untraced_pcpus.end());
  (*writer)->set_present_pcpus(present);
  return writer;
}

void report_ready(int fd) {
  const Descriptor starter(fd);
  // The one that started us may be gone; then nobody needs to know.
  [[maybe_unused]] const ssize_t written = write(starter.get(), "R", 1);
}

Status run_replay(const SessionParts& parts) {
  std::optional<ControlChannel> control;
  if (parts.options.control_fd >= 0) control.emplace(parts.options.control_fd);
  std::optional<std::uint64_t> seek_ns = parts.options.held_at_ns;
  for (;;) {
    // Large tables: not on the stack.
    const auto session = std::make_unique<ReplaySession>(parts, control ? &*control : nullptr, seek_ns);
    if (Status result = session->run(); !result || !session->restart_at()) return result;
    seek_ns = session->restart_at();
    if (Status begun = parts.writer.start_again(); !begun) return begun;
  }
}

} // namespace

Status run_session(Source& source, const SessionOptions& options, RecordKeeper* recorder, StopFlag& stop,
                   const SessionProcess& process) {
  Verdicts verdicts;
  const Origin origin = learn_trace(source, verdicts);
  warn_of_frequency(origin);
  const Result<std::unique_ptr<RegionWriter>> writer = make_region(origin, options);
  if (!writer) return writer.error();
  (*writer)->set_verdicts(verdicts.all());
  (*writer)->set_settings(origin.settings);
  if (process.confine) {
    if (Status confined = process.confine(); !confined) return confined;
  }
  if (options.ready_fd >= 0) report_ready(options.ready_fd);
  if (process.service != nullptr) process.service->ready();
  const SessionParts parts{source, origin, verdicts, options, **writer, stop, recorder, process.service};
  if (origin.kind == XENMON_SOURCE_RECORDING) return run_replay(parts);
  return std::make_unique<LiveSession>(parts)->run();
}

} // namespace xenmon
