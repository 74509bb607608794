// SPDX-License-Identifier: GPL-2.0-or-later
//
// A recording: what `xentrace -D FILE` or `xenbaked --record FILE` wrote.
//
// The file is runs of one pCPU's records, each introduced by CPU_CHANGE (pCPU, bytes that follow). A plain
// file is mapped and is one stable pass. Anything else (standard input, .xz, .zst, .gz, a file that is
// followed) is read as it arrives (byte_reader.h), one pass per round of the tracing tool over the pCPUs, so
// memory does not grow with the recording. Where the framing is broken the source looks for the next
// CPU_CHANGE that makes sense, and counts a bad record. Where the file is cut off or cannot be decompressed
// any further, everything before that is used, and damage() says so.
//
// Beside FILE there may be FILE.json, also for a compressed FILE under its name without the suffix:
//   {"cpu_khz": N, "xen_version": "...", "scheduler": "...", "event_mask": N, "wall_epoch_ns": N,
//    "domains": [{"domid": N, "use": N, "name": "..."}]}
// Every key may be missing. Of the domains of one domid the first has use 1; without it a name is the last
// one's.
#ifndef XENMON_XENBAKED_SOURCE_REPLAY_SOURCE_H
#define XENMON_XENBAKED_SOURCE_REPLAY_SOURCE_H

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "source/byte_supply.h"
#include "source/recording_metadata.h"
#include "source/source.h"

namespace xenmon {

// What xenalyze assumes if the frequency is not given.
inline constexpr std::uint32_t kAssumedCpuKhz = 2'400'000;

struct ReplayOptions {
  std::string file;          // "-" is standard input
  std::uint32_t cpu_khz = 0; // overrides what is beside the file; 0: not given
  int stop_fd = -1;          // see ByteReaderOptions
  bool follow = false;       // the recording still grows: a pass may be empty, and none is the last
  bool in_rounds = false;    // a plain file too: it is read as it is played, not as one pass
};

// Errors: the file cannot be opened or is not a recording; what is beside it cannot be understood.
Result<std::unique_ptr<Source>> open_replay(const ReplayOptions& options);

// A recording that is put together from elsewhere: its bytes, what is known of it, and the name that
// sentences have for it.
Result<std::unique_ptr<Source>> open_replay_of(std::unique_ptr<ByteSupply> supply, RecordingMetadata metadata,
                                               const std::string& name, std::uint32_t cpu_khz);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_REPLAY_SOURCE_H
