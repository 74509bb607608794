// SPDX-License-Identifier: GPL-2.0-or-later
//
// The sending side of a mirror: a region as a stream of messages, from what the receiver has already.
//
// Every sample and every wait is sent once, those that the region still holds when a session begins as well.
// What is overwritten before the receiver has taken what it got before is left out, and shows as a gap in the
// numbers.
#ifndef XENMON_XENMON_MIRROR_MIRROR_SENDER_H
#define XENMON_XENMON_MIRROR_MIRROR_SENDER_H

#include <cstdint>
#include <string>
#include <vector>

#include "client/attachment.h"
#include "client/region_reader.h"
#include "mirror/compression.h"
#include "mirror/histogram_lines.h"
#include "mirror/mirror_progress.h"
#include "mirror/tables.h"
#include "mirror/wire.h"
#include "rpc/service.h"

namespace xenmon {

class MirrorSender final : public Stream {
 public:
  MirrorSender(std::string region, const MirrorProgress& progress, Clock clock = boottime_ns);

  void next(std::string& out) override;

 private:
  void begin(const RegionReader& reader);
  // True if there is more.
  bool send_update(const RegionReader& reader);
  void write_samples(const RegionReader& reader, std::uint64_t last, MirrorTables& expected);
  void send_waits(const RegionReader& reader);
  void send_carries(const RegionReader& reader);
  void send_beat();
  void send(MirrorMessage kind);

  Attachment attachment_;
  Clock clock_;
  MirrorProgress progress_;
  MirrorTables known_;         // what the receiver has
  std::uint64_t known_at_ = 0; // as of the end of this sample
  HistogramLines histograms_;
  std::vector<xenmon_carry> carries_; // of the region, without free entries, as of tables_
  std::vector<xenmon_carry> known_carries_;
  MessageCompressor compressor_;
  WireWriter body_;
  TablesCopy tables_;
  SampleCopy sample_;
  std::uint64_t last_beat_ns_ = 0;
  std::uint64_t last_state_ = UINT64_MAX; // that was sent
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_MIRROR_SENDER_H
