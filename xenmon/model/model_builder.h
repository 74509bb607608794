// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes what the screen shows from the history and the state of the attachment.
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

// The CPU shown after (or before) this one. All together come first, then each CPU seen, in a circle. A CPU
// that is not among them counts as its place in the order.
std::optional<std::uint32_t> next_pcpu(const std::vector<std::uint32_t>& seen,
                                       std::optional<std::uint32_t> pcpu);
std::optional<std::uint32_t> previous_pcpu(const std::vector<std::uint32_t>& seen,
                                           std::optional<std::uint32_t> pcpu);

// What a view needs, and everything that does not depend on the view. The feed resolves vCPUs if the view is
// the one of vCPUs. Without last_words, notice, paused and the recent part of the host.
ScreenModel build_screen_model(const History& history, const SampleFeed& feed, const Attachment& attachment,
                               std::optional<std::uint32_t> pcpu, View view = View::kDomains);

// Adds the distribution by which the view is sorted, if it is sorted by one: for every vCPU of the model, and
// for every domain the sum. The one since the start if it is asked for or if there is nothing recent, else
// the recent one.
void add_latency(ScreenModel& model, const LatencyHistory& latency, const SampleFeed& feed,
                 const ViewState& state);
// Adds the others, for lines of such a model. Separate, because with many vCPUs, of which few are visible, it
// is a third of the work.
void complete_latency(ScreenModel& model, const LatencyHistory& latency, std::span<const TableLine> lines,
                      const ViewState& state);

// All distributions of one domain or vCPU of such a model, for a picture of them.
Distributions selected_latency(const ScreenModel& model, const LatencyHistory& latency, const TableLine& line,
                               bool since_start);

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_MODEL_BUILDER_H
