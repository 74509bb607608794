// SPDX-License-Identifier: GPL-2.0-or-later
//
// The flight recorder: keeps the last minutes of raw records in a directory, so that somebody can look at
// them when something has been slow (docs/operation.md).
//
// The daemon's thread only copies each pass. On a live host another thread compresses and writes it
// (flight_writer.h), and is at most 64 MiB late; what comes after that is left out, as a gap, and is reported
// once. A replayed recording waits for the disk instead.
#ifndef XENMON_XENBAKED_FLIGHT_FLIGHT_RECORDER_H
#define XENMON_XENBAKED_FLIGHT_FLIGHT_RECORDER_H

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flight/flight_domains.h"
#include "flight/flight_settings.h"
#include "flight/flight_writer.h"
#include "source/record_keeper.h"
#include "source/source.h"
#include "source/write_queue.h"

namespace xenmon {

class FlightRecorder final : public RecordKeeper {
 public:
  // Takes over the directory, with what is in it. Errors: it cannot be used, or another xenbaked writes
  // there.
  static Result<std::unique_ptr<FlightRecorder>> create(const FlightSettings& settings, const Origin& origin,
                                                        FlightWorld world = {});

  void write(const Pass& pass) override;
  void name_domain(const DomidUse& domain, const std::string& name) override;
  void see_domain(const DomidUse& domain, std::uint64_t since_ns, std::uint64_t earlier_until_ns) override;
  void see_wait(std::uint64_t start_ns, std::uint64_t end_ns) override;
  std::optional<Error> take_error() override;

  // Waits until everything has been written. Called once, after the last pass; without this call the newest
  // second is missing.
  void finish();

 private:
  FlightRecorder(FlightDirectory directory, const FlightSettings& settings, const Origin& origin,
                 FlightWorld world);
  bool hand_over(std::vector<std::byte> item);

  FlightSettings settings_;
  FlightWorld world_;
  bool is_live_;
  bool wall_is_recorded_;
  FlightDomains domains_;
  FlightWriter writer_;               // the queue's, while there is one
  std::unique_ptr<WriteQueue> queue_; // null: not live
  bool left_out_ = false;             // the pass before, or several: there was no room
  bool said_left_out_ = false;
  std::uint64_t handed_over_at_ = 0; // on the monotonic clock
  std::deque<std::uint64_t> keeps_;  // when in the last hour, in trace time
  std::uint64_t kept_until_ns_ = 0;
  std::optional<Error> error_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_FLIGHT_FLIGHT_RECORDER_H
