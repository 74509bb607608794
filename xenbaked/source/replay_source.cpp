// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay_source.h"

#include <cstring>
#include <utility>
#include <vector>

#include "merge/merge.h"
#include "source/byte_supply.h"
#include "source/recording_metadata.h"
#include "trace/events.h"
#include "trace/record.h"
#include "xenmon/region.h"

namespace xenmon {

namespace {

// Header with two extra words and no TSC; then the pCPU and the number of bytes that follow
// (tools/xentrace/xentrace.c, struct cpu_change_record).
constexpr std::uint32_t kFrameHeader = event::kCpuChange | (2U << 28);
constexpr std::size_t kFrameBytes = 12;
// t_info's tbuf_size is a u16 of 4 KiB pages, so no buffer, and no window, is larger.
constexpr std::uint32_t kMaxWindowBytes = 65536U * 4096U - 1U;

class ReplaySource final : public Source {
 public:
  ReplaySource(std::unique_ptr<ByteSupply> supply, Origin origin, RecordingMetadata metadata)
      : supply_(std::move(supply)), origin_(std::move(origin)), metadata_(std::move(metadata)) {}

  [[nodiscard]] const Origin& origin() const override { return origin_; }

  Status read_pass(Pass& pass) override {
    pass.clear();
    pass.stable = supply_->stable();
    if (!pass.stable && at_ > 0) {
      supply_->discard(at_);
      at_ = 0;
    }
    frames_.clear();
    Frame frame;
    for (;;) {
      const Found found = next_frame(frame, pass);
      if (found == Found::kNone) {
        pass.last = true;
        if (supply_->damaged()) pass.bad.add(XENMON_BAD_INPUT);
        break;
      }
      if (found == Found::kNextPass) break;
      frames_.push_back(frame);
    }
    const std::byte* data = supply_->data();
    for (const Frame& found : frames_) {
      pass.windows.push_back({found.pcpu, {data + found.begin, found.end - found.begin}, {}});
    }
    return ok();
  }

  Preview preview(std::size_t bytes) override {
    Preview preview;
    std::vector<std::vector<Frame>> rounds(1);
    Pass scratch;
    Frame frame;
    const std::size_t begun = at_;
    while (at_ < bytes) {
      // Rounds are told apart here, as a plain file is one pass for everybody else.
      frames_.clear();
      if (next_frame(frame, scratch) == Found::kNone) {
        preview.whole = true;
        break;
      }
      if (!rounds.back().empty() && frame.pcpu <= rounds.back().back().pcpu) rounds.emplace_back();
      rounds.back().push_back(frame);
    }
    at_ = begun;
    frames_.clear();
    const std::byte* data = supply_->data();
    for (const std::vector<Frame>& round : rounds) {
      std::vector<Window>& windows = preview.rounds.emplace_back();
      for (const Frame& each : round)
        windows.push_back({each.pcpu, {data + each.begin, each.end - each.begin}, {}});
    }
    return preview;
  }

  std::optional<std::string> domain_name(std::uint32_t domid) override {
    const auto found = metadata_.names.find(domid);
    if (found == metadata_.names.end()) return std::nullopt;
    return found->second;
  }

  Status rewind() override {
    at_ = 0;
    return supply_->rewind();
  }

 private:
  struct Frame {
    std::uint32_t pcpu = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  enum class Found { kFrame, kNextPass, kNone };

  // Whether a credible CPU_CHANGE stands at `at`; `available` bytes are there in all.
  [[nodiscard]] bool is_frame(std::size_t at, std::size_t available) const {
    if (available < kFrameBytes || at > available - kFrameBytes) return false;
    const std::byte* data = supply_->data() + at;
    if (load_word<std::uint32_t>(data) != kFrameHeader) return false;
    const auto bytes = load_word<std::uint32_t>(data + 8);
    return load_word<std::uint32_t>(data + 4) < Merge::kMaxPcpus && bytes <= kMaxWindowBytes &&
           bytes % 4 == 0;
  }

  Found next_frame(Frame& frame, Pass& pass) {
    std::size_t available = supply_->ensure(at_ + kFrameBytes);
    if (available <= at_) return Found::kNone;
    if (!is_frame(at_, available)) {
      pass.bad.add(XENMON_BAD_FRAMING);
      do {
        at_ += 4;
        available = supply_->ensure(at_ + kFrameBytes);
        if (at_ >= available || available - at_ < kFrameBytes) {
          at_ = available;
          return Found::kNone;
        }
      } while (!is_frame(at_, available));
    }
    const std::byte* data = supply_->data() + at_;
    frame.pcpu = load_word<std::uint32_t>(data + 4);
    // A tracing tool goes over the pCPUs in ascending order: one that is not higher begins a new round.
    if (!supply_->stable() && !frames_.empty() && frame.pcpu <= frames_.back().pcpu) return Found::kNextPass;
    const std::size_t bytes = load_word<std::uint32_t>(data + 8);
    frame.begin = at_ + kFrameBytes;
    available = supply_->ensure(frame.begin + bytes + kFrameBytes);
    const bool cut_short = available - frame.begin < bytes;
    frame.end = cut_short ? available : frame.begin + bytes;
    if (cut_short) pass.bad.add(XENMON_BAD_INPUT);
    if (cut_short || (frame.end != available && !is_frame(frame.end, available))) {
      // The length is wrong. Another pCPU's records must not be taken for this one's: stop at the next
      // frame that begins inside.
      const std::size_t stated = frame.end;
      frame.end = walk_to_frame(frame.begin, frame.end, available);
      if (!cut_short && frame.end != stated) pass.bad.add(XENMON_BAD_FRAMING);
    }
    at_ = frame.end;
    return Found::kFrame;
  }

  [[nodiscard]] std::size_t walk_to_frame(std::size_t begin, std::size_t end, std::size_t available) const {
    Record record;
    std::size_t at = begin;
    while (at < end && !is_frame(at, available) &&
           decode_record(supply_->data() + at, supply_->data() + end, record)) {
      at += record.bytes();
    }
    return is_frame(at, available) ? at : end;
  }

  std::unique_ptr<ByteSupply> supply_;
  Origin origin_;
  RecordingMetadata metadata_;
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
};

} // namespace

Result<std::unique_ptr<Source>> open_replay(const ReplayOptions& options) {
  Result<std::unique_ptr<ByteSupply>> supply = open_bytes(options.file);
  if (!supply) return supply.error();
  const std::size_t available = (*supply)->ensure(kFrameBytes);
  const std::string name = options.file == "-" ? "Standard input" : options.file;
  if (available < kFrameBytes && (*supply)->damaged()) {
    return Error{name + " is damaged: it cannot be decompressed; make or copy it again.",
                 ExitStatus::kFailed};
  }
  if (available < 4 || load_word<std::uint32_t>((*supply)->data()) != kFrameHeader) {
    return Error{name +
                     " is not a recording of xentrace or xenbaked: it does not begin with a pCPU's "
                     "records; make one with 'xentrace -D' or 'xenbaked --record'.",
                 ExitStatus::kFailed};
  }
  RecordingMetadata metadata;
  if (options.file != "-") {
    Result<std::optional<RecordingMetadata>> loaded = load_metadata(options.file);
    if (!loaded) return loaded.error();
    if (*loaded) metadata = **loaded;
  }
  Origin origin;
  origin.kind = XENMON_SOURCE_RECORDING;
  const std::size_t slash = options.file.rfind('/');
  origin.text = options.file == "-"
                    ? "standard input"
                    : (slash == std::string::npos ? options.file : options.file.substr(slash + 1));
  origin.cpu_khz = options.cpu_khz != 0 ? options.cpu_khz : metadata.cpu_khz;
  if (origin.cpu_khz == 0) {
    origin.cpu_khz = kAssumedCpuKhz;
    origin.cpu_khz_assumed = true;
  }
  origin.xen_version = metadata.xen_version;
  origin.scheduler = metadata.scheduler;
  origin.event_mask = metadata.event_mask;
  origin.wall_epoch_ns = metadata.wall_epoch_ns;
  origin.facts.pcpus = metadata.pcpus;
  return std::unique_ptr<Source>(
      std::make_unique<ReplaySource>(std::move(*supply), std::move(origin), std::move(metadata)));
}

} // namespace xenmon
