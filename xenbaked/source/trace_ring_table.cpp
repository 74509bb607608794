// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/trace_ring_table.h"

#include <xen/trace.h>

#include <cstring>
#include <string>
#include <utility>

namespace xenmon {
namespace {

constexpr std::size_t kOffsetsAt = offsetof(struct t_info, mfn_offset);
constexpr std::size_t kWordBytes = sizeof(std::uint32_t);

template <class Word>
Word read_at(std::span<const std::byte> bytes, std::size_t offset) {
  Word word;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

Error damaged(const std::string& what) {
  return Error{"Xen's table of trace buffers is damaged (" + what + "): restart the host to get a new one.",
               ExitStatus::kNoTracing};
}

} // namespace

Result<RingTable> parse_ring_table(std::span<const std::byte> t_info, std::uint32_t max_cpu_id) {
  const std::uint64_t head_bytes = kOffsetsAt + (std::uint64_t{max_cpu_id} + 1) * sizeof(std::uint16_t);
  if (head_bytes > t_info.size()) return damaged("it is too short for its CPUs");

  RingTable table;
  table.pages_per_ring = read_at<std::uint16_t>(t_info, offsetof(struct t_info, tbuf_size));
  if (table.pages_per_ring == 0) return damaged("its buffers have no pages");

  for (std::uint32_t pcpu = 0; pcpu <= max_cpu_id; ++pcpu) {
    const std::size_t list_at =
        kWordBytes * read_at<std::uint16_t>(t_info, kOffsetsAt + pcpu * sizeof(std::uint16_t));
    if (list_at == 0) continue;
    const std::size_t list_bytes = kWordBytes * table.pages_per_ring;
    if (list_at < head_bytes || list_at + list_bytes > t_info.size())
      return damaged("CPU " + std::to_string(pcpu) + "'s pages are outside it");

    RingPlace place;
    place.pcpu = pcpu;
    place.frames.reserve(table.pages_per_ring);
    for (std::size_t at = list_at; at < list_at + list_bytes; at += kWordBytes) {
      place.frames.push_back(read_at<std::uint32_t>(t_info, at));
      if (place.frames.back() == 0) return damaged("CPU " + std::to_string(pcpu) + " lacks a page");
    }
    table.rings.push_back(std::move(place));
  }
  if (table.rings.empty()) return damaged("no CPU has a buffer");
  return table;
}

} // namespace xenmon
