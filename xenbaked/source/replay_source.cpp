// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/replay_source.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

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
// A stream is kept in memory one round at a time, up to this size. xentrace's own buffers of 128 KiB need
// that much with 512 pCPUs.
constexpr std::size_t kMaxRoundBytes = std::size_t{64} << 20;
// If more nonsense than this is between two windows of a round, the round is handed out.
constexpr std::size_t kMaxGarbageBytes = std::size_t{1} << 20;

enum class Damage : std::uint8_t { kNone, kCut, kCompression, kUnread, kTooLong };

std::string damage_text(const std::string& name, Damage damage) {
  switch (damage) {
    case Damage::kNone:
      break;
    case Damage::kCut:
      return name +
             " is cut off in the middle of a record: it is shown as far as it can be read; copy it again.";
    case Damage::kCompression:
      return name +
             " is damaged or cut off: it is shown as far as it can be decompressed; make or copy it again.";
    case Damage::kUnread:
      return name + " cannot be read to its end: it is shown as far as it can be read; copy it again.";
    case Damage::kTooLong:
      return name + " has more than " + std::to_string(kMaxRoundBytes >> 20) +
             " MiB in one round over the CPUs, for which it is not decompressed into memory: it is shown up "
             "to there; decompress it and replay the plain file.";
  }
  return {};
}

class ReplaySource final : public Source {
 public:
  ReplaySource(std::string name, std::unique_ptr<ByteSupply> supply, Origin origin,
               RecordingMetadata metadata)
      : name_(std::move(name)),
        supply_(std::move(supply)),
        origin_(std::move(origin)),
        metadata_(std::move(metadata)) {}

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
        note_end(pass);
        break;
      }
      if (found == Found::kNextPass) break;
      frames_.push_back(frame);
    }
    const std::byte* data = supply_->data();
    std::uint32_t round = 0;
    for (const Frame& found : frames_) {
      // A tracing tool writes the pCPUs in ascending order: one that is not higher starts a new round.
      if (!pass.windows.empty() && found.pcpu <= pass.windows.back().pcpu) ++round;
      pass.windows.push_back({found.pcpu, {data + found.begin, found.end - found.begin}, {}, false, round});
      read_.insert(found.pcpu);
    }
    if (damage_ != Damage::kNone) mark_unread(pass);
    return ok();
  }

  Preview preview(std::size_t bytes) override {
    Preview preview;
    std::vector<std::vector<Frame>> rounds(1);
    Pass found_faults;
    Frame frame;
    const std::size_t begun = at_;
    previewing_ = true;
    while (at_ < bytes) {
      // Rounds are separated here, because elsewhere a plain file is one pass.
      frames_.clear();
      const Found found = next_frame(frame, found_faults);
      if (found != Found::kFrame) {
        preview.whole = found == Found::kNone;
        break;
      }
      if (!rounds.back().empty() && frame.pcpu <= rounds.back().back().pcpu) rounds.emplace_back();
      rounds.back().push_back(frame);
    }
    if (preview.whole) note_end(found_faults);
    preview.bad = found_faults.bad;
    at_ = begun;
    frames_.clear();
    previewing_ = searching_ = cut_ = false;
    damage_ = Damage::kNone;
    const std::byte* data = supply_->data();
    for (const std::vector<Frame>& round : rounds) {
      std::vector<Window>& windows = preview.rounds.emplace_back();
      for (const Frame& each : round)
        windows.push_back({each.pcpu, {data + each.begin, each.end - each.begin}, {}});
    }
    return preview;
  }

  [[nodiscard]] std::optional<std::string> domain_name(const DomidUse& domain) const override {
    const auto& names = metadata_.names;
    auto found = names.find({domain.domid, domain.use});
    if (found == names.end() && domain.last) found = names.find({domain.domid, 0});
    if (found == names.end()) return std::nullopt;
    return found->second;
  }

  [[nodiscard]] std::optional<std::string> damage() const override {
    if (damage_ == Damage::kNone) return std::nullopt;
    return damage_text(name_, damage_);
  }

  Status rewind() override {
    at_ = 0;
    searching_ = false;
    return supply_->rewind();
  }

 private:
  struct Frame {
    std::uint32_t pcpu = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  enum class Found { kFrame, kNextPass, kNone };

  // The recording ends within a round, or in the middle of a window: of the pCPUs whose turn had not come,
  // what they wrote in that round is missing, and of the last one the rest.
  void mark_unread(Pass& pass) {
    std::size_t begin = frames_.empty() ? 0 : frames_.size() - 1;
    while (begin > 0 && frames_[begin - 1].pcpu < frames_[begin].pcpu) --begin;
    std::set<std::uint32_t> whole;
    for (std::size_t i = begin; i + 1 < frames_.size(); ++i) whole.insert(frames_[i].pcpu);
    for (const std::uint32_t pcpu : read_) {
      if (whole.count(pcpu) == 0) pass.windows.push_back({pcpu, {}, {}, true});
    }
  }

  // The rest is not worth reading: why.
  void note_end(Pass& pass) {
    const ByteReader::End end = supply_->end();
    if (end == ByteReader::End::kDamaged) damage_ = Damage::kCompression;
    if (end == ByteReader::End::kUnread) damage_ = Damage::kUnread;
    if (end == ByteReader::End::kDamaged || end == ByteReader::End::kUnread) pass.bad.add(XENMON_BAD_INPUT);
    if (end == ByteReader::End::kOver && cut_) damage_ = Damage::kCut;
    cut_ = false;
  }

  // More bytes may arrive for the record at at_.
  [[nodiscard]] bool unfinished(std::size_t available, std::size_t wanted) const {
    return available < wanted && supply_->end() == ByteReader::End::kNone;
  }

  // Whether the file ends in the middle of a CPU_CHANGE.
  [[nodiscard]] bool begins_frame(std::size_t at, std::size_t available) const {
    const std::size_t bytes = std::min(available - at, sizeof kFrameHeader);
    return available - at < kFrameBytes && std::memcmp(supply_->data() + at, &kFrameHeader, bytes) == 0;
  }

  // Whether a credible CPU_CHANGE is at `at`; `available` bytes are there in all.
  [[nodiscard]] bool is_frame(std::size_t at, std::size_t available) const {
    if (available < kFrameBytes || at > available - kFrameBytes) return false;
    const std::byte* data = supply_->data() + at;
    if (load_word<std::uint32_t>(data) != kFrameHeader) return false;
    const auto bytes = load_word<std::uint32_t>(data + 8);
    return load_word<std::uint32_t>(data + 4) < kMaxPcpus && bytes <= kMaxWindowBytes && bytes % 4 == 0;
  }

  Found next_frame(Frame& frame, Pass& pass) {
    if (damage_ == Damage::kTooLong) return Found::kNone;
    std::size_t available = supply_->ensure(at_ + kFrameBytes);
    if (unfinished(available, at_ + kFrameBytes)) return Found::kNextPass;
    if (available <= at_) return Found::kNone;
    if (!is_frame(at_, available)) {
      if (const Found found = search(available, pass); found != Found::kFrame) return found;
    }
    const std::byte* data = supply_->data() + at_;
    frame.pcpu = load_word<std::uint32_t>(data + 4);
    if (!supply_->stable() && !frames_.empty() && frame.pcpu <= frames_.back().pcpu) return Found::kNextPass;
    const std::size_t bytes = load_word<std::uint32_t>(data + 8);
    frame.begin = at_ + kFrameBytes;
    const bool too_long = !supply_->stable() && frame.begin + bytes > kMaxRoundBytes;
    available = supply_->ensure(too_long ? kMaxRoundBytes : frame.begin + bytes + kFrameBytes);
    if (unfinished(available, too_long ? kMaxRoundBytes : frame.begin + bytes)) return Found::kNextPass;
    if (too_long) return end_long_window(frame, available, pass);
    const bool cut_short = available - frame.begin < bytes;
    frame.end = cut_short ? available : frame.begin + bytes;
    if (cut_short) pass.bad.add(XENMON_BAD_INPUT);
    if (cut_short || (frame.end != available && !is_frame(frame.end, available))) {
      // The length is wrong. Another pCPU's records must not be taken for this one's: stop at the next frame
      // that starts inside.
      const std::size_t stated = frame.end;
      frame.end = walk_to_frame(frame.begin, frame.end, available);
      if (!cut_short && frame.end != stated) pass.bad.add(XENMON_BAD_FRAMING);
      cut_ = cut_short && frame.end == available;
    }
    at_ = frame.end;
    return Found::kFrame;
  }

  // Skips what is not a frame. In a stream it is dropped on the way.
  Found search(std::size_t available, Pass& pass) {
    if (!searching_) pass.bad.add(XENMON_BAD_FRAMING);
    searching_ = true;
    std::size_t begin = at_;
    while (!is_frame(at_, available)) {
      if (available - at_ < kFrameBytes) {
        cut_ = begins_frame(at_, available);
        at_ = available;
        return Found::kNone;
      }
      if (!supply_->stable() && at_ - begin >= kMaxGarbageBytes) {
        if (previewing_) return Found::kNone; // everything will be read again
        if (!frames_.empty()) return Found::kNextPass;
        supply_->discard(at_);
        begin = at_ = 0;
      }
      at_ += 4;
      available = supply_->ensure(at_ + kFrameBytes);
      if (unfinished(available, at_ + kFrameBytes)) return Found::kNextPass;
      at_ = std::min(at_, available);
    }
    searching_ = false;
    return Found::kFrame;
  }

  // A stream's window that claims to be longer than a round may be: it ends at the next frame inside, or it
  // really is that long.
  Found end_long_window(Frame& frame, std::size_t available, Pass& pass) {
    pass.bad.add(XENMON_BAD_FRAMING);
    frame.end = walk_to_frame(frame.begin, available, available);
    if (!is_frame(frame.end, available)) {
      if (available >= kMaxRoundBytes) {
        damage_ = Damage::kTooLong;
        return Found::kNone;
      }
      cut_ = true;
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

  std::string name_;
  std::unique_ptr<ByteSupply> supply_;
  Origin origin_;
  RecordingMetadata metadata_;
  std::size_t at_ = 0;
  bool previewing_ = false;
  bool searching_ = false; // for a frame; what made it necessary has been counted
  bool cut_ = false;       // the last thing found extends beyond the file's end
  Damage damage_ = Damage::kNone;
  std::vector<Frame> frames_;
  std::set<std::uint32_t> read_; // pCPUs that have had a window
};

// What is known of a recording, with the frequency that was given (0: none was).
Origin origin_of(const RecordingMetadata& metadata, std::uint32_t given_khz) {
  Origin origin;
  origin.kind = XENMON_SOURCE_RECORDING;
  origin.cpu_khz = given_khz != 0 ? given_khz : metadata.cpu_khz;
  if (origin.cpu_khz == 0) {
    origin.cpu_khz = kAssumedCpuKhz;
    origin.cpu_khz_assumed = true;
  }
  origin.xen_version = metadata.xen_version;
  origin.scheduler = metadata.scheduler;
  origin.event_mask = metadata.event_mask;
  origin.wall_epoch_ns = metadata.wall_epoch_ns;
  origin.facts.pcpus = metadata.pcpus;
  origin.settings = metadata.settings;
  return origin;
}

bool begins_with_frame(ByteSupply& supply) {
  return supply.ensure(kFrameBytes) >= sizeof kFrameHeader &&
         load_word<std::uint32_t>(supply.data()) == kFrameHeader;
}

} // namespace

Result<std::unique_ptr<Source>> open_replay(const ReplayOptions& options) {
  Result<std::unique_ptr<ByteSupply>> supply =
      open_bytes({options.file, options.stop_fd, options.follow, options.in_rounds});
  if (!supply) return supply.error();
  const std::size_t available = (*supply)->ensure(kFrameBytes);
  const std::string name = options.file == "-" ? "Standard input" : options.file;
  if (available < kFrameBytes && (*supply)->end() == ByteReader::End::kDamaged) {
    return Error{name + " is damaged: it cannot be decompressed; make or copy it again.",
                 ExitStatus::kFailed};
  }
  const bool to_come = options.follow && available < sizeof kFrameHeader;
  if (!to_come && !begins_with_frame(**supply)) {
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
  Origin origin = origin_of(metadata, options.cpu_khz);
  struct stat status {};
  const bool file =
      options.file != "-" && stat(options.file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  origin.being_written = options.follow || options.in_rounds || !file;
  const std::size_t slash = options.file.rfind('/');
  origin.text = options.file == "-"
                    ? "standard input"
                    : (slash == std::string::npos ? options.file : options.file.substr(slash + 1));
  return std::unique_ptr<Source>(
      std::make_unique<ReplaySource>(name, std::move(*supply), std::move(origin), std::move(metadata)));
}

Result<std::unique_ptr<Source>> open_replay_of(std::unique_ptr<ByteSupply> supply, RecordingMetadata metadata,
                                               const std::string& name, std::uint32_t cpu_khz) {
  if (!begins_with_frame(*supply))
    return Error{name + " has no records that can be read.", ExitStatus::kFailed};
  Origin origin = origin_of(metadata, cpu_khz);
  origin.text = name;
  return std::unique_ptr<Source>(
      std::make_unique<ReplaySource>(name, std::move(supply), std::move(origin), std::move(metadata)));
}

} // namespace xenmon
