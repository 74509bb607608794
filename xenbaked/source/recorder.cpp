// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/recorder.h"

#include <array>
#include <utility>

#include "trace/events.h"

namespace xenmon {

Recorder::Recorder(std::string name, File file, const Origin& origin)
    : name_(std::move(name)), file_(std::move(file)) {
  metadata_.cpu_khz = origin.cpu_khz_assumed ? 0 : origin.cpu_khz;
  metadata_.xen_version = origin.xen_version;
  metadata_.scheduler = origin.scheduler;
  metadata_.event_mask = origin.event_mask;
  metadata_.wall_epoch_ns = origin.wall_epoch_ns;
  metadata_.pcpus = origin.facts.pcpus;
}

Result<std::unique_ptr<Recorder>> Recorder::create(const std::string& file, const Origin& origin) {
  File out(std::fopen(file.c_str(), "we"));
  if (!out) return system_error("Cannot record to " + file);
  std::unique_ptr<Recorder> recorder(new Recorder(file, std::move(out), origin));
  // Early, so that a recording is usable even if the daemon is killed.
  if (Status saved = save_metadata(file, recorder->metadata_); !saved) return saved.error();
  return recorder;
}

void Recorder::write(const Pass& pass) {
  if (stopped_) return;
  for (const Window& window : pass.windows) {
    const std::array<std::uint32_t, 3> frame{
        event::kCpuChange | (2U << 28), window.pcpu,
        static_cast<std::uint32_t>(window.first.size() + window.second.size())};
    bool written = std::fwrite(frame.data(), sizeof frame, 1, file_.get()) == 1;
    for (const std::span<const std::byte> part : {window.first, window.second}) {
      if (!part.empty()) written = written && std::fwrite(part.data(), part.size(), 1, file_.get()) == 1;
    }
    if (!written) {
      stop();
      return;
    }
  }
}

void Recorder::stop() {
  stopped_ = true;
  error_ = system_error("Recording to " + name_ + " has stopped");
}

Status Recorder::finish() {
  if (!stopped_ && std::fflush(file_.get()) != 0) stop();
  if (Status saved = save_metadata(name_, metadata_); !saved) return saved;
  if (std::optional<Error> error = take_error()) return *error;
  return ok();
}

} // namespace xenmon
