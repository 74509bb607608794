// SPDX-License-Identifier: GPL-2.0-or-later
//
// MonitorWaits: long waits as they end, with the samples in which they do.
#ifndef XENMON_XENMON_SERVE_WAIT_STREAM_H
#define XENMON_XENMON_SERVE_WAIT_STREAM_H

#include <cstdint>
#include <string>

#include "client/wait_feed.h"
#include "log/wait_line.h"
#include "rpc/json_text.h"
#include "serve/region_stream.h"

namespace xenmon {

class WaitStream final : public RegionStream, private WaitSink {
 public:
  WaitStream(std::string region, std::uint64_t at_least_ns);

 private:
  void take_messages(std::string& out) override;
  std::string state_message(const char* state) override;
  void daemon_changed(const RegionReader& reader) override;
  void reading(const RegionReader& reader) override;
  void add(const Sample& sample) override;
  void add(const xenmon_wait& wait) override;

  std::uint64_t at_least_ns_;
  WaitFeed feed_;
  WaitLines lines_;
  const RegionReader* reader_ = nullptr; // while samples are handed on
  JsonArray records_;
  bool any_ = false; // is in records_
  WaitGap gap_;
  std::uint64_t told_missed_ = 0; // of the feed's
};

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_WAIT_STREAM_H
