// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether a physical CPU that the user asked for exists.
#ifndef XENMON_XENMON_CLIENT_KNOWN_PCPUS_H
#define XENMON_XENMON_CLIENT_KNOWN_PCPUS_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/region_reader.h"

namespace xenmon {

// Ids of those pCPUs that have produced records, or of which something says that they exist, ascending.
std::vector<std::uint32_t> seen_pcpus(const TablesCopy& tables);

// "CPUs 0 to 3 and 8", "CPU 0".
std::string pcpu_list(std::span<const std::uint32_t> ascending);

// Where nothing says which pCPUs exist, it is known after this much of a trace: by then idle ones have
// records, too. A live Xen says it, and so does the file beside a recording (TablesCopy::all_pcpus).
inline constexpr std::uint64_t kPcpusKnownAfterNs = 3'000'000'000;

// An Error if `pcpu` is not one of those seen. data_ns: how much of the trace has been read; whole: there is
// no more.
Status check_pcpu(std::optional<std::uint32_t> pcpu, const TablesCopy& tables, std::uint64_t data_ns,
                  bool whole);

} // namespace xenmon

#endif // XENMON_XENMON_CLIENT_KNOWN_PCPUS_H
