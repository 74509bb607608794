// SPDX-License-Identifier: GPL-2.0-or-later
#include "session/published_pipeline.h"

#include "base/clock.h"
#include "session/message.h"
#include "session/trace_judge.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kBeatNs = kSecond / 4;
// Nobody says when a weight or a cap is changed.
constexpr std::uint64_t kSettingsNs = 10 * kSecond;
// The next round of a recording begins this long after the last record.
constexpr std::uint64_t kRoundPauseNs = 1'000'000;
// A recording that is played as fast as possible is thousands of times as fast as a host: 9 MiB.
constexpr std::uint32_t kFastWaitCapacity = 16 * RegionWriter::kWaitCapacity;

Baker::Options baker_options(const Origin& origin, const SessionOptions& options) {
  Baker::Options out = bake_options(origin);
  out.sample_ns = options.sample_ns;
  // A reader that is late by a second still finds what a remembered sample refers to.
  out.linger_ns = options.history_ns + 2 * kSecond;
  out.stock_records = options.stock_records;
  out.slow_wait_ns = options.slow_wait_ns;
  out.waits_per_sample = wait_capacity(origin, options);
  return out;
}

} // namespace

std::uint32_t wait_capacity(const Origin& origin, const SessionOptions& options) {
  const bool fast = origin.kind == XENMON_SOURCE_RECORDING &&
                    (options.speed <= 0 || options.held_at_ns || options.control_fd >= 0);
  return fast ? kFastWaitCapacity : RegionWriter::kWaitCapacity;
}

PublishedPipeline::PublishedPipeline(const SessionParts& parts, ControlChannel* control)
    : parts_(parts),
      sink_(parts.writer, pipeline_, names_, parts.source, parts.origin, parts.verdicts, parts.recorder,
            ReaderWait(parts.writer, control, parts.stop, [this] { beat(); })),
      pipeline_(parts.source, patience_with(parts.origin, true), baker_options(parts.origin, parts.options),
                &sink_, parts.recorder),
      names_(parts.source, pipeline_.baker(), parts.recorder) {}

void PublishedPipeline::housekeeping() {
  const std::uint64_t now = monotonic_ns();
  names_.update(now, pipeline_.passes());
  follow_settings(now);
  if (now - last_beat_ns_ < kBeatNs) return;
  last_beat_ns_ = now;
  if (parts_.recorder != nullptr) {
    if (const std::optional<Error> error = parts_.recorder->take_error())
      print_message(error->message, Priority::kError);
  }
  beat();
}

void PublishedPipeline::follow_settings(std::uint64_t now_ns) {
  SettingsService* const service = parts_.source.settings_service();
  if (service == nullptr) return;
  if (const auto settings = service->take()) {
    parts_.writer.set_settings(*settings);
    if (parts_.recorder != nullptr) parts_.recorder->keep_settings(*settings);
  }
  std::uint64_t domains = 0;
  for (const auto& domain : pipeline_.baker().domains())
    if (domain && !domain->ended) domains += domain->uid;
  if (last_settings_ns_ != 0 && domains == settings_of_ && now_ns - last_settings_ns_ < kSettingsNs) return;
  settings_of_ = domains;
  last_settings_ns_ = now_ns;
  service->ask();
}

void PublishedPipeline::beat() {
  if (parts_.service != nullptr) parts_.service->alive(monotonic_ns());
  parts_.writer.heartbeat(wakeups_, process_cpu_ns());
}

Status PublishedPipeline::begin_round() {
  if (Status begun = pipeline_.begin_round(kRoundPauseNs); !begun) return begun;
  names_.begin_round();
  return ok();
}

void PublishedPipeline::publish_end() {
  if (pipeline_.last() && parts_.origin.kind == XENMON_SOURCE_RECORDING)
    judge_length(pipeline_.merge().counts(), pipeline_.baker(), parts_.verdicts);
  publish_health();
  parts_.writer.set_state(XENMON_STATE_ENDED);
}

Status PublishedPipeline::finish(Status result) {
  if (result && error()) result = *error();
  pipeline_.finish();
  housekeeping();
  parts_.writer.set_held(false);
  publish_end();
  if (result && error()) result = *error();
  return result;
}

} // namespace xenmon
