// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/recorder.h"

#include <cstring>
#include <utility>

namespace xenmon {

Recorder::Recorder(PendingFile file, const Origin& origin, const RecorderDisk& disk)
    : file_(std::move(file)) {
  if (origin.kind == XENMON_SOURCE_LIVE) {
    const auto write = [this, before = disk.before_write](std::span<const std::byte> bytes) {
      if (before) before();
      return file_.append(bytes);
    };
    queue_ = std::make_unique<WriteQueue>(write, disk.most_bytes);
  }
  metadata_.cpu_khz = origin.cpu_khz_assumed ? 0 : origin.cpu_khz;
  metadata_.xen_version = origin.xen_version;
  metadata_.scheduler = origin.scheduler;
  metadata_.event_mask = origin.event_mask;
  metadata_.wall_epoch_ns = origin.wall_epoch_ns;
  metadata_.pcpus = origin.facts.pcpus;
  metadata_.settings = origin.settings;
}

Result<std::unique_ptr<Recorder>> Recorder::create(const std::string& file, const Origin& origin,
                                                   const RecorderDisk& disk) {
  Result<PendingFile> pending = PendingFile::create(file);
  if (!pending) return pending.error();
  return std::unique_ptr<Recorder>(new Recorder(std::move(*pending), origin, disk));
}

void Recorder::note(const Pass& pass) {
  for (const Window& window : pass.windows) framing_.note(window.pcpu, span_of(window));
}

void Recorder::name_domain(const DomidUse& domain, const std::string& name) {
  if (name.empty()) {
    metadata_.names.erase({domain.domid, domain.use});
  } else {
    metadata_.names[{domain.domid, domain.use}] = name;
  }
}

void Recorder::write(const Pass& pass) {
  if (failed_) return;
  has_nothing_ = false;
  if (pass.stable) return write_stable(pass);
  if (!queue_) {
    build(pass, pass.gap);
    note(pass);
    if (const int reason = file_.append(pass_); reason != 0) fail(std::strerror(reason));
    return;
  }
  if (const int reason = queue_->failure(); reason != 0) return fail(std::strerror(reason));
  const bool gap = pass.gap || left_out_;
  PassFraming before;
  if (gap) before = framing_; // a gap moves it on
  build(pass, gap);
  left_out_ = !queue_->put(std::move(pass_));
  if (!left_out_) {
    note(pass);
    return;
  }
  if (gap) framing_ = std::move(before);
  if (said_left_out_) return;
  said_left_out_ = true;
  error_ = Error{"The disk is too slow for the recording to " + file_.name() +
                     ": some of the trace is left out, and the recording says where; record to a faster one.",
                 ExitStatus::kFailed};
}

// A whole recording in one pass: not a second time in memory, and replayed, so without gaps.
void Recorder::write_stable(const Pass& pass) {
  for (const Window& window : pass.windows) {
    pass_.clear();
    append_frame(window.pcpu, window.first.size() + window.second.size(), pass_);
    for (const std::span<const std::byte> part :
         {std::span<const std::byte>(pass_), window.first, window.second}) {
      if (const int reason = file_.append(part); reason != 0) return fail(std::strerror(reason));
    }
  }
}

void Recorder::build(const Pass& pass, bool gap) {
  pass_.clear();
  if (gap) framing_.append_gap(pass.windows, pass_);
  for (const Window& window : pass.windows) append_window(window, pass_);
}

void Recorder::fail(const std::string& reason) {
  failed_ = true;
  const std::string partial = file_.name() + ".partial";
  const bool kept = file_.size() > 0 && file_.place_as(partial);
  std::string text = "Recording to " + file_.name() + " has stopped: " + reason;
  text += kept ? "; what was recorded until then is " + partial + "." : ".";
  if (kept) {
    if (Result<PendingFile> beside = write_metadata(partial, metadata_)) (void)beside->place();
  }
  error_ = Error{text, ExitStatus::kFailed};
}

Status Recorder::finish() {
  if (queue_ && !failed_) {
    if (const int reason = queue_->finish(); reason != 0) fail(std::strerror(reason));
  }
  if (failed_) {
    if (std::optional<Error> error = take_error()) return *error;
    return ok();
  }
  Result<PendingFile> beside = write_metadata(file_.name(), metadata_);
  if (!beside) {
    fail("its metadata could not be written");
    error_.reset();
    return beside.error();
  }
  failed_ = true; // until both are there
  if (Status placed = beside->place(); !placed) return placed;
  if (Status placed = file_.place(); !placed) return placed;
  failed_ = false;
  return ok();
}

} // namespace xenmon
