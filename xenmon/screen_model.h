// SPDX-License-Identifier: GPL-2.0-or-later
//
// From the history and the state of the attachment to what the screen shows.
#ifndef XENMON_XENMON_SCREEN_MODEL_H
#define XENMON_XENMON_SCREEN_MODEL_H

#include <cstdint>
#include <optional>
#include <vector>

#include "attachment.h"
#include "history.h"
#include "sample_feed.h"
#include "screen.h"

namespace xenmon {

// The ids of the pCPUs that have been seen, in order; they may have gaps.
std::vector<std::uint32_t> seen_pcpus(const TablesCopy& tables);

// The CPU shown after (or before) this one: all of them come first, then each one seen, and round.
// One that is not among them counts as where it would be.
std::optional<std::uint32_t> next_pcpu(const std::vector<std::uint32_t>& seen,
                                       std::optional<std::uint32_t> pcpu);
std::optional<std::uint32_t> previous_pcpu(const std::vector<std::uint32_t>& seen,
                                           std::optional<std::uint32_t> pcpu);

// Everything but last_words.
ScreenModel build_screen_model(const History& history, const SampleFeed& feed, const Attachment& attachment,
                               std::optional<std::uint32_t> pcpu);

} // namespace xenmon

#endif // XENMON_XENMON_SCREEN_MODEL_H
