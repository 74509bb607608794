// SPDX-License-Identifier: GPL-2.0-or-later
#include "client/known_pcpus.h"

#include <algorithm>

namespace xenmon {

std::vector<std::uint32_t> seen_pcpus(const TablesCopy& tables) {
  std::vector<std::uint32_t> seen;
  for (std::size_t id = 0; id < tables.pcpus.size(); ++id) {
    if (tables.pcpus[id].seen != 0) seen.push_back(static_cast<std::uint32_t>(id));
  }
  return seen;
}

std::string pcpu_list(std::span<const std::uint32_t> ascending) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < ascending.size();) {
    std::size_t last = i;
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    std::string run = std::to_string(ascending[i]);
    if (last > i) run += (last == i + 1 ? " and " : " to ") + std::to_string(ascending[last]);
    runs.push_back(std::move(run));
    i = last + 1;
  }
  std::string text = ascending.size() == 1 ? "CPU " : "CPUs ";
  for (std::size_t i = 0; i < runs.size(); ++i)
    text += (i == 0 ? "" : i + 1 == runs.size() ? " and " : ", ") + runs[i];
  return text;
}

Status check_pcpu(std::optional<std::uint32_t> pcpu, const TablesCopy& tables, std::uint64_t data_ns,
                  bool whole) {
  if (!pcpu || (!whole && !tables.all_pcpus && data_ns < kPcpusKnownAfterNs)) return ok();
  const std::vector<std::uint32_t> seen = seen_pcpus(tables);
  if (seen.empty() || std::binary_search(seen.begin(), seen.end(), *pcpu)) return ok();
  return Error{"there is no CPU " + std::to_string(*pcpu) + ": the trace has " + pcpu_list(seen) +
                   "; give --cpu one of them, or leave it out.",
               ExitStatus::kUsage};
}

} // namespace xenmon
