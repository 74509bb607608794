// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/pass_framing.h"

#include <algorithm>
#include <array>

#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

namespace {

// A domain that does not exist: DOMID_INVALID (public/xen.h). xenalyze makes a vCPU of it all the same, has
// room for only so many of a domain, and lets none of them run on two pCPUs at once.
constexpr std::uint32_t kNobody = 0x7ff4;
constexpr std::uint32_t kXenalyzeVcpus = 256;

void append(const void* bytes, std::size_t size, std::vector<std::byte>& to) {
  const auto* from = static_cast<const std::byte*>(bytes);
  to.insert(to.end(), from, from + size);
}

} // namespace

WindowSpan span_of(const Window& window) {
  WindowSpan span;
  Record record;
  std::size_t overhang = 0;
  for (const std::span<const std::byte> part : {window.first, window.second}) {
    if (overhang > part.size()) break;
    const std::byte* at = part.data() + overhang;
    const std::byte* const end = part.data() + part.size();
    overhang = 0;
    for (; decode_record(at, end, record); at += record.bytes()) {
      if (!record.has_tsc() || record.event() == event::kWrapBuffer) continue;
      if (span.first == 0) span.first = record.tsc;
      span.last = record.tsc;
      ++span.records;
      if (record.event() == event::kLostRecords && record.extra_words() > 0) span.lost += record.word(0);
    }
    if (end - at >= 4) overhang = record.bytes() - static_cast<std::size_t>(end - at);
  }
  return span;
}

void append_frame(std::uint32_t pcpu, std::size_t bytes, std::vector<std::byte>& to) {
  const std::array<std::uint32_t, 3> frame{event::kCpuChange | (2U << 28), pcpu,
                                           static_cast<std::uint32_t>(bytes)};
  append(frame.data(), sizeof frame, to);
}

void append_window(const Window& window, std::vector<std::byte>& to) {
  append_frame(window.pcpu, window.first.size() + window.second.size(), to);
  append(window.first.data(), window.first.size(), to);
  append(window.second.data(), window.second.size(), to);
}

void PassFraming::append_gap(std::span<const Window> windows, std::vector<std::byte>& to) {
  std::uint64_t newest = 0;
  for (const auto& [pcpu, tsc] : last_tsc_) newest = std::max(newest, tsc);
  for (auto& [pcpu, last] : last_tsc_) {
    // From the newest record of all; but no pCPU's records go back in time.
    std::uint64_t next = newest + 1;
    for (const Window& window : windows) {
      if (window.pcpu != pcpu) continue;
      if (const std::uint64_t first = span_of(window).first; first != 0) next = std::min(next, first);
    }
    const std::uint64_t begin = std::max(last, std::min(newest, next - 1));
    // Its own TSC is a later one, which xenalyze asks for.
    last = std::max(last, std::min(begin + 1, next));
    const std::array<std::uint32_t, 7> lost{
        event::kLostRecords | (4U << 28) | kHasTsc, static_cast<std::uint32_t>(last),
        static_cast<std::uint32_t>(last >> 32),     0,
        kNobody | (pcpu % kXenalyzeVcpus) << 16,    static_cast<std::uint32_t>(begin),
        static_cast<std::uint32_t>(begin >> 32)};
    append_frame(pcpu, sizeof lost, to);
    append(lost.data(), sizeof lost, to);
  }
}

void PassFraming::note(std::uint32_t pcpu, const WindowSpan& span) {
  std::uint64_t& last = last_tsc_[pcpu];
  last = std::max(last, span.last);
}

} // namespace xenmon
