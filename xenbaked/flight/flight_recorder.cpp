// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/flight_recorder.h"

#include <time.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "source/pass_framing.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kHour = 3600 * kSecond;

// What the writing thread gets: this, and for a pass its windows.
struct Item {
  enum Kind : std::uint32_t { kPass, kKeep };
  std::uint32_t kind = kPass;
  std::uint32_t gap = 0;     // kPass
  std::uint64_t wall_ns = 0; // kPass
  std::uint64_t from_ns = 0; // kKeep
  std::uint64_t to_ns = 0;   // kKeep
};

void do_item(FlightWriter& writer, std::span<const std::byte> bytes) {
  Item item;
  std::memcpy(&item, bytes.data(), sizeof item);
  if (item.kind == Item::kKeep) {
    writer.keep(item.from_ns, item.to_ns);
  } else {
    writer.take_pass(bytes.subspan(sizeof item), item.gap != 0, item.wall_ns);
  }
}

std::vector<std::byte> bytes_of(const Item& item) {
  std::vector<std::byte> bytes(sizeof item);
  std::memcpy(bytes.data(), &item, sizeof item);
  return bytes;
}

std::uint64_t clock_ns(clockid_t clock) {
  struct timespec now {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kSecond + static_cast<std::uint64_t>(now.tv_nsec);
}

} // namespace

Result<std::unique_ptr<FlightRecorder>> FlightRecorder::create(const FlightSettings& settings,
                                                               const Origin& origin, FlightWorld world) {
  Result<FlightDirectory> directory = FlightDirectory::open_to_write(settings.directory);
  if (!directory) return directory.error();
  return std::unique_ptr<FlightRecorder>(
      new FlightRecorder(std::move(*directory), settings, origin, std::move(world)));
}

FlightRecorder::FlightRecorder(FlightDirectory directory, const FlightSettings& settings,
                               const Origin& origin, FlightWorld world)
    : settings_(settings),
      world_(std::move(world)),
      is_live_(origin.kind == XENMON_SOURCE_LIVE),
      wall_is_recorded_(!is_live_ && origin.wall_epoch_ns != 0),
      writer_(std::move(directory), settings, origin, world_, domains_) {
  if (!world_.wall_ns) world_.wall_ns = [] { return clock_ns(CLOCK_REALTIME); };
  if (!is_live_) return;
  queue_ = std::make_unique<WriteQueue>(
      [this](std::span<const std::byte> bytes) {
        do_item(writer_, bytes);
        return 0; // what fails is the writer's own matter: it goes on
      },
      world_.most_queued_bytes);
}

bool FlightRecorder::hand_over(std::vector<std::byte> item) {
  if (queue_) return queue_->put(std::move(item));
  do_item(writer_, item);
  return true;
}

void FlightRecorder::write(const Pass& pass) {
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  const bool gap = pass.gap || left_out_;
  // Now and then although nothing has come: what was collected must not wait for ever.
  if (pass.windows.empty() && !gap && now - handed_over_at_ < kSecond) return;
  handed_over_at_ = now;
  Item item;
  item.gap = gap ? 1 : 0;
  item.wall_ns = wall_is_recorded_ ? 0 : world_.wall_ns();
  std::vector<std::byte> bytes;
  std::size_t size = sizeof item;
  constexpr std::size_t kFrameBytes = 12;
  for (const Window& window : pass.windows) size += kFrameBytes + window.first.size() + window.second.size();
  bytes.reserve(size);
  bytes.resize(sizeof item);
  std::memcpy(bytes.data(), &item, sizeof item);
  for (const Window& window : pass.windows) {
    if (!window.first.empty() || !window.second.empty()) append_window(window, bytes);
  }
  left_out_ = !hand_over(std::move(bytes));
  if (!left_out_ || said_left_out_) return;
  said_left_out_ = true;
  error_ =
      Error{"The disk of " + settings_.directory +
                " is too slow for the flight recorder: some of the trace is missing in it; choose another "
                "--flight-dir.",
            ExitStatus::kFailed};
}

void FlightRecorder::name_domain(const DomidUse& domain, const std::string& name) {
  domains_.name(domain, name);
}

void FlightRecorder::see_domain(const DomidUse& domain, std::uint64_t since_ns,
                                std::uint64_t earlier_until_ns) {
  domains_.see(domain, since_ns, earlier_until_ns);
}

void FlightRecorder::see_wait(std::uint64_t start_ns, std::uint64_t end_ns) {
  if (!settings_.keep_wait_ns || end_ns - start_ns < *settings_.keep_wait_ns) return;
  if (end_ns <= kept_until_ns_) return; // it is in what is kept
  while (!keeps_.empty() && end_ns - keeps_.front() > kHour) keeps_.pop_front();
  if (keeps_.size() >= settings_.keeps_an_hour) return;
  Item item;
  item.kind = Item::kKeep;
  item.from_ns = start_ns - std::min(start_ns, kAroundWaitNs);
  item.to_ns = end_ns + kAroundWaitNs;
  if (!hand_over(bytes_of(item))) return;
  keeps_.push_back(end_ns);
  kept_until_ns_ = item.to_ns;
}

std::optional<Error> FlightRecorder::take_error() {
  if (error_) return std::exchange(error_, std::nullopt);
  return writer_.take_error();
}

void FlightRecorder::finish() {
  if (queue_) queue_->finish();
  writer_.finish();
}

} // namespace xenmon
