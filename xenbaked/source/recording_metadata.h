// SPDX-License-Identifier: GPL-2.0-or-later
//
// What replay needs and a recording does not contain: the JSON file beside it.
#ifndef XENMON_XENBAKED_SOURCE_RECORDING_METADATA_H
#define XENMON_XENBAKED_SOURCE_RECORDING_METADATA_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "source/pending_file.h"
#include "xenmon/region.h"

namespace xenmon {

struct RecordingMetadata {
  std::uint32_t cpu_khz = 0; // 0: not given
  std::string xen_version;
  std::string scheduler;
  std::uint32_t event_mask = 0;
  std::uint64_t wall_epoch_ns = 0;
  // By domid and use (DomidUse). Use 0 is what stands in older files: the last domain of that number.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> names;
  std::vector<std::uint32_t> pcpus;     // were traced, ascending; empty: not said
  std::vector<xenmon_setting> settings; // as they were at its end; empty: not known
};

// The metadata of a recording, from FILE.json or from FILE without .xz/.zst/.gz, plus .json; nullopt if
// there is neither.
Result<std::optional<RecordingMetadata>> load_metadata(const std::string& recording);

// FILE.json, complete; to be placed together with the recording.
Result<PendingFile> write_metadata(const std::string& recording, const RecordingMetadata& metadata);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_RECORDING_METADATA_H
