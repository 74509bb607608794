// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_source.h"

#include <cstring>
#include <utility>
#include <vector>

#include "flight/cycles.h"
#include "flight/flight_directory.h"
#include "flight/flight_recording.h"
#include "source/byte_supply.h"
#include "source/replay_source.h"

namespace xenmon {

namespace {

class FlightSupply final : public ByteSupply {
 public:
  FlightSupply(FlightRecording recording, std::size_t stretch)
      : recording_(std::move(recording)), stretch_(stretch) {
    begin();
  }

  std::size_t ensure(std::size_t upto) override {
    while (buffer_.size() < upto && !over_) {
      if (reader_->next(chunk_)) {
        buffer_.insert(buffer_.end(), chunk_.begin(), chunk_.end());
      } else {
        over_ = true;
      }
    }
    return buffer_.size();
  }
  [[nodiscard]] const std::byte* data() const override { return buffer_.data(); }
  void discard(std::size_t n) override {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(n));
  }
  [[nodiscard]] bool stable() const override { return false; }
  // A chunk that is damaged is a gap; the rest is read.
  [[nodiscard]] ByteReader::End end() const override {
    return over_ ? ByteReader::End::kOver : ByteReader::End::kNone;
  }
  Status rewind() override {
    begin();
    return ok();
  }

 private:
  void begin() {
    reader_.emplace(recording_, recording_.stretches()[stretch_], CaptureRange{});
    buffer_.clear();
    over_ = false;
  }

  FlightRecording recording_;
  std::size_t stretch_;
  std::optional<StretchReader> reader_;
  std::vector<std::byte> chunk_;
  std::vector<std::byte> buffer_;
  bool over_ = false;
};

} // namespace

Result<FlightReplay> open_flight(const std::string& directory, const std::optional<DayTime>& at,
                                 std::uint32_t cpu_khz) {
  const Result<FlightDirectory> opened = FlightDirectory::open_to_read(directory);
  if (!opened) return opened.error();
  Result<FlightRecording> recording = FlightRecording::open(*opened);
  if (!recording) return recording.error();
  const std::vector<FlightRecording::Stretch>& all = recording->stretches();
  std::size_t chosen = all.size() - 1;
  FlightReplay replay;
  if (at) {
    // The latest stretch that begins before it.
    const std::uint64_t wall_ns = at->at_or_before(all.back().last_wall_ns());
    while (chosen > 0 && all[chosen].first_wall_ns() > wall_ns) --chosen;
    const FlightRecording::Stretch& stretch = all[chosen];
    const std::optional<std::uint64_t> tsc = stretch.tsc_from(wall_ns);
    if (!tsc || wall_ns < stretch.first_wall_ns()) {
      return Error{"The flight recording has nothing of " + wall_text(wall_ns) + ": it is from " +
                       wall_text(all.front().first_wall_ns()) + " to " +
                       wall_text(all.back().last_wall_ns()) + ".",
                   ExitStatus::kFailed};
    }
    const std::uint32_t khz = cpu_khz != 0 ? cpu_khz : stretch.khz;
    replay.at_ns = cycles_to_ns(*tsc - std::min(*tsc, stretch.first_tsc()), khz);
  }
  RecordingMetadata metadata = recording->metadata(all[chosen], {});
  Result<std::unique_ptr<Source>> source = open_replay_of(
      std::make_unique<FlightSupply>(std::move(*recording), chosen), std::move(metadata), directory, cpu_khz);
  if (!source) return source.error();
  replay.source = std::move(*source);
  return replay;
}

} // namespace xenmon
