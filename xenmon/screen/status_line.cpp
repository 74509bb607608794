// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <cstdio>

#include "base/counted.h"
#include "base/seconds_text.h"
#include "format.h"
#include "model/screen_model.h"
#include "screen/screen.h"
#include "text.h"

namespace xenmon {
namespace {

constexpr std::string_view kSeparator = " | ";

// One statement, in full and as short as possible. A part with a short form of "" may be left out.
struct Part {
  std::string full;
  std::string brief;
};

Part io_part(std::uint32_t kinds, bool patched) {
  const std::string xen = patched ? "patched Xen" : "stock Xen";
  if (kinds == 0) return {xen + ", I/O: not traced", "no I/O"};
  std::string list;
  const auto name = [&](std::uint32_t kind, const char* text) {
    if ((kinds & kind) != 0) list += std::string(list.empty() ? "" : "/") + text;
  };
  name(XENMON_IO_MAP, "map");
  name(XENMON_IO_UNMAP, "unmap");
  name(XENMON_IO_TRANSFER, "transfer");
  name(XENMON_IO_COPY, "copy");
  if ((kinds & XENMON_IO_COPY) != 0) return {xen + ", I/O: grant " + list, ""};
  return {xen + ", I/O: grant " + list + " without copies", "I/O without copies"};
}

// One at a time, because there is room for at most one. The view of the host has all of them.
Part verdict_part(const ScreenModel& model) {
  const std::size_t count = model.verdicts.size();
  const std::size_t at = model.verdict_turn % count;
  const std::string which =
      count == 1 ? "" : " (" + std::to_string(at + 1) + " of " + std::to_string(count) + ")";
  return {model.verdicts[at] + which, counted(count, "verdict") + ", key 5"};
}

std::vector<Part> parts(const ScreenModel& model) {
  std::vector<Part> list;
  if (!model.notice.empty()) list.push_back({model.notice, model.notice}); // the answer to a key comes first
  list.push_back({model.health, model.health_brief});
  if (!model.position.empty()) list.push_back({model.position, model.position});
  if (!model.last_words.empty()) list.push_back({model.last_words, model.last_words});
  if (model.lost_records > 0) {
    const std::string lost = counted(model.lost_records, "record") + " lost";
    list.push_back({lost + " in the last " + window_text(model.nominal_ns[kLongWindow]), lost});
  }
  if (model.missed_samples > 0) {
    const std::string missed = counted(model.missed_samples, "sample") + " missed";
    list.push_back({missed + " in the last " + window_text(model.nominal_ns[kLongWindow]), missed});
  }
  if (model.damaged > 0) {
    const std::string damaged = counted(model.damaged, "damaged row");
    list.push_back({damaged + " of the region skipped", damaged});
  }
  const std::uint64_t length = model.length_ns[kLongWindow];
  if (length > 0 && model.unknown_ns > 0) {
    const std::string time = short_time_text(static_cast<double>(model.unknown_ns));
    list.push_back({"state unknown for " + time + " of vCPU time", time + " unknown"});
  }
  // A window that is short by less than a sample is not worth mentioning.
  if (model.current && length > 0 && length < model.nominal_ns[kLongWindow] / 100 * 98) {
    const std::string seconds = seconds_text(length, 1) + " s";
    list.push_back({window_text(model.nominal_ns[kLongWindow]) + " window holds " + seconds + " so far",
                    "holds " + seconds});
  }
  if (!model.verdicts.empty()) list.push_back(verdict_part(model));
  if (model.khz_assumed) list.push_back({"TSC frequency assumed: times may be off", "TSC frequency assumed"});
  if (model.io_known) list.push_back(io_part(model.io_kinds, model.patched));
  return list;
}

std::string join(const std::vector<Part>& list, std::size_t in_full, std::size_t used) {
  std::string text;
  for (std::size_t i = 0; i < used; ++i) {
    const std::string& part = i < in_full ? list[i].full : list[i].brief;
    if (part.empty()) continue;
    if (!text.empty()) text += kSeparator;
    text += part;
  }
  return text;
}

} // namespace

std::string status_text(const ScreenModel& model, std::size_t width) {
  std::vector<Part> list = parts(model);
  for (Part& part : list) part = {printable(part.full), printable(part.brief)};
  std::string text;
  for (std::size_t in_full = list.size() + 1; in_full-- > 0;) {
    text = join(list, in_full, list.size());
    if (columns_of(text) <= width) return text;
  }
  // It still does not fit: leave out parts from the end, and show that something is missing.
  for (std::size_t used = list.size(); used-- > 1;) {
    text = join(list, 0, used);
    if (columns_of(text) + 4 <= width) return text + " ...";
  }
  return shortened(list.front().full, width);
}

} // namespace xenmon
