// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/recorder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

namespace {

// A domain that does not exist: DOMID_INVALID (public/xen.h). xenalyze makes a vCPU of it all the same, has
// room for only so many of a domain, and lets none of them run on two pCPUs at once.
constexpr std::uint32_t kNobody = 0x7ff4;
constexpr std::uint32_t kXenalyzeVcpus = 256;

// The TSCs of a window's first and last record that have one; 0: none has. Of a record that begins in the
// first part and ends in the second nothing is read but its length.
struct Span {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
Span span_of(const Window& window) {
  Span span;
  Record record;
  std::size_t overhang = 0;
  for (const std::span<const std::byte> part : {window.first, window.second}) {
    if (overhang > part.size()) break;
    const std::byte* at = part.data() + overhang;
    const std::byte* const end = part.data() + part.size();
    overhang = 0;
    for (; decode_record(at, end, record); at += record.bytes()) {
      if (!record.has_tsc() || record.event() == event::kWrapBuffer) continue;
      if (span.first == 0) span.first = record.tsc;
      span.last = record.tsc;
    }
    if (end - at >= 4) overhang = record.bytes() - static_cast<std::size_t>(end - at);
  }
  return span;
}

} // namespace

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
}

Result<std::unique_ptr<Recorder>> Recorder::create(const std::string& file, const Origin& origin,
                                                   const RecorderDisk& disk) {
  Result<PendingFile> pending = PendingFile::create(file);
  if (!pending) return pending.error();
  return std::unique_ptr<Recorder>(new Recorder(std::move(*pending), origin, disk));
}

void Recorder::put(const void* bytes, std::size_t size) {
  const auto* from = static_cast<const std::byte*>(bytes);
  pass_.insert(pass_.end(), from, from + size);
}

void Recorder::put_window(std::uint32_t pcpu, std::size_t bytes) {
  const std::array<std::uint32_t, 3> frame{event::kCpuChange | (2U << 28), pcpu,
                                           static_cast<std::uint32_t>(bytes)};
  put(frame.data(), sizeof frame);
}

void Recorder::put_gap(const Pass& pass) {
  std::uint64_t newest = 0;
  for (const auto& [pcpu, tsc] : last_tsc_) newest = std::max(newest, tsc);
  for (auto& [pcpu, last] : last_tsc_) {
    // From the newest record of all; but no pCPU's records go back in time.
    std::uint64_t next = newest + 1;
    for (const Window& window : pass.windows) {
      if (const std::uint64_t first = span_of(window).first; window.pcpu == pcpu && first != 0)
        next = std::min(next, first);
    }
    const std::uint64_t begin = std::max(last, std::min(newest, next - 1));
    // Its own TSC is a later one, which xenalyze asks for.
    last = std::max(last, std::min(begin + 1, next));
    const std::array<std::uint32_t, 7> lost{
        event::kLostRecords | (4U << 28) | kHasTsc, static_cast<std::uint32_t>(last),
        static_cast<std::uint32_t>(last >> 32),     0,
        kNobody | (pcpu % kXenalyzeVcpus) << 16,    static_cast<std::uint32_t>(begin),
        static_cast<std::uint32_t>(begin >> 32)};
    put_window(pcpu, sizeof lost);
    put(lost.data(), sizeof lost);
  }
}

void Recorder::note(const Pass& pass) {
  for (const Window& window : pass.windows) {
    std::uint64_t& last = last_tsc_[window.pcpu];
    last = std::max(last, span_of(window).last);
  }
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
  if (pass.stable) return write_stable(pass);
  if (!queue_) {
    build(pass, pass.gap);
    note(pass);
    if (const int reason = file_.append(pass_); reason != 0) fail(std::strerror(reason));
    return;
  }
  if (const int reason = queue_->failure(); reason != 0) return fail(std::strerror(reason));
  const bool gap = pass.gap || left_out_;
  std::map<std::uint32_t, std::uint64_t> before;
  if (gap) before = last_tsc_; // a gap moves them on
  build(pass, gap);
  left_out_ = !queue_->put(std::move(pass_));
  if (!left_out_) {
    note(pass);
    return;
  }
  if (gap) last_tsc_ = std::move(before);
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
    put_window(window.pcpu, window.first.size() + window.second.size());
    for (const std::span<const std::byte> part :
         {std::span<const std::byte>(pass_), window.first, window.second}) {
      if (const int reason = file_.append(part); reason != 0) return fail(std::strerror(reason));
    }
  }
}

void Recorder::build(const Pass& pass, bool gap) {
  pass_.clear();
  if (gap) put_gap(pass);
  for (const Window& window : pass.windows) {
    put_window(window.pcpu, window.first.size() + window.second.size());
    put(window.first.data(), window.first.size());
    put(window.second.data(), window.second.size());
  }
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
