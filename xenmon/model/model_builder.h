// SPDX-License-Identifier: GPL-2.0-or-later
//
// From the history and the state of the attachment to what the screen shows.
#ifndef XENMON_XENMON_MODEL_MODEL_BUILDER_H
#define XENMON_XENMON_MODEL_MODEL_BUILDER_H

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/attachment.h"
#include "client/history.h"
#include "client/known_pcpus.h"
#include "client/latency.h"
#include "client/sample_feed.h"
#include "model/arrange.h"
#include "model/screen_model.h"
#include "model/view_state.h"

namespace xenmon {

// The CPU shown after (or before) this one: all of them come first, then each one seen, and round.
// One that is not among them counts as where it would be.
std::optional<std::uint32_t> next_pcpu(const std::vector<std::uint32_t>& seen,
                                       std::optional<std::uint32_t> pcpu);
std::optional<std::uint32_t> previous_pcpu(const std::vector<std::uint32_t>& seen,
                                           std::optional<std::uint32_t> pcpu);

// What a view needs, and of all else what does not depend on the view. The feed resolves vCPUs if the view
// is of them. Without last_words, notice, paused and the recent part of the host.
ScreenModel build_screen_model(const History& history, const SampleFeed& feed, const Attachment& attachment,
                               std::optional<std::uint32_t> pcpu, View view = View::kDomains);

// Adds the distribution by which the view is sorted, if it is one: of every vCPU of the model, and of every
// domain the sum. That since the start if it is asked for or if there is nothing recent, else the recent one.
void add_latency(ScreenModel& model, const LatencyHistory& latency, const SampleFeed& feed,
                 const ViewState& state);
// Adds the others, for lines of such a model. Apart, because it is a third of the work for many vCPUs of
// which few are in sight.
void complete_latency(ScreenModel& model, const LatencyHistory& latency, std::span<const TableLine> lines,
                      const ViewState& state);

// All distributions of one domain or vCPU of such a model, for a picture of them.
Distributions selected_latency(const ScreenModel& model, const LatencyHistory& latency, const TableLine& line,
                               bool since_start);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_MODEL_BUILDER_H
