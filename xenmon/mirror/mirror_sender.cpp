// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/mirror_sender.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "mirror/sample_rows.h"
#include "mirror/session_records.h"
#include "mirror/waits.h"
#include "text.h"

namespace xenmon {
namespace {

// In one batch: a big host's whole history at once would be some MB.
constexpr std::uint64_t kMostSamples = 16;
// A state that has changed is said at once, but not more often than this.
constexpr std::uint64_t kSoonestBeatNs = 40'000'000;

} // namespace

MirrorSender::MirrorSender(std::string region, const MirrorProgress& progress, Clock clock)
    : attachment_(std::move(region), clock), clock_(std::move(clock)), progress_(progress) {}

void MirrorSender::next(std::string& out) {
  bool more = attachment_.still_readable() && progress_.daemon_start != 0 && last_state_ != UINT64_MAX &&
              send_update(*attachment_.reader());
  if (!more) {
    const Attachment::Change change = attachment_.poll();
    const RegionReader* reader = attachment_.reader();
    // A session that goes on has the right daemon, but needs the facts, too.
    if (reader != nullptr && (change == Attachment::Change::kNewDaemon || last_state_ == UINT64_MAX))
      begin(*reader);
    if (reader != nullptr && attachment_.still_readable()) more = send_update(*reader);
    const std::uint64_t now = clock_();
    const std::uint64_t state = reader == nullptr ? UINT64_MAX - 1 : reader->state();
    const std::uint64_t due = last_beat_ns_ + (state == last_state_ ? kBeatNs : kSoonestBeatNs);
    if (!more && (now >= due || last_beat_ns_ == 0)) {
      send_beat();
      last_beat_ns_ = now;
      last_state_ = state;
    }
  }
  compressor_.flush(out);
}

void MirrorSender::send(MirrorMessage kind) {
  compressor_.add(kind, body_.bytes());
  body_.clear();
}

void MirrorSender::begin(const RegionReader& reader) {
  const xenmon_region_header& header = reader.header();
  if (progress_.daemon_start != header.daemon_start) progress_ = {.daemon_start = header.daemon_start};
  // What nobody has had cannot have been sent.
  progress_.sample = std::min(progress_.sample, reader.newest_sample());
  progress_.wait = std::min(progress_.wait, reader.newest_wait());
  known_ = {};
  known_at_ = 0;
  histograms_.clear();
  known_carries_.clear();
  last_state_ = 0;
  settings_.reset();
  MirrorFacts facts;
  facts.daemon_start = header.daemon_start;
  facts.source_kind = header.source_kind;
  facts.cpu_khz = header.cpu_khz;
  facts.event_mask = header.event_mask;
  facts.sample_ns = header.sample_ns;
  facts.history_ns = header.history_ns;
  facts.heartbeat_period_ns = header.heartbeat_period_ns;
  facts.slow_wait_ns = header.slow_wait_ns;
  facts.wall_epoch_ns = reader.wall_epoch_ns();
  facts.sample_capacity = header.sample.capacity;
  facts.wait_capacity = header.wait.capacity;
  facts.verdict_capacity = header.verdict.capacity;
  facts.source_text = whole_field(header.source_text, sizeof header.source_text);
  facts.xen_version = whole_field(header.xen_version, sizeof header.xen_version);
  facts.scheduler = whole_field(header.scheduler, sizeof header.scheduler);
  facts.write(body_);
  send(MirrorMessage::kFacts);
}

void MirrorSender::write_samples(const RegionReader& reader, std::uint64_t last, MirrorTables& expected) {
  const std::uint64_t capacity = reader.header().sample.capacity;
  const std::uint64_t oldest = last > capacity ? last - capacity : 0;
  std::uint64_t first = std::max(progress_.sample, oldest) + 1;
  xenmon_sample head;
  while (first <= last && reader.read_sample_head(first, head) == ReadOutcome::kGone) ++first;
  for (std::uint64_t number = first; number <= last; ++number) {
    if (reader.read_sample(number, sample_) != ReadOutcome::kCopied) continue;
    body_.number(1);
    write_sample(number, sample_.head(), sample_.rows(), sample_.io_rows(), sample_.domain_rows(), known_,
                 body_);
    expected.expect(sample_.rows(), sample_.io_rows(), sample_.domain_rows(), sample_.head().end_ns);
  }
  body_.number(0);
  progress_.sample = last;
}

// Those that are there, and how many are not.
void MirrorSender::send_waits(const RegionReader& reader) {
  std::vector<xenmon_wait> waits;
  std::uint64_t missing = 0;
  if (reader.has_waits()) {
    const std::uint64_t newest = reader.newest_wait();
    const std::uint64_t capacity = reader.header().wait.capacity;
    const std::uint64_t oldest = newest > capacity ? newest - capacity : 0;
    missing = std::max(oldest, progress_.wait) - progress_.wait;
    xenmon_wait wait;
    for (std::uint64_t number = progress_.wait + missing + 1; number <= newest; ++number) {
      if (reader.read_wait(number, wait) == ReadOutcome::kCopied) {
        waits.push_back(wait);
      } else {
        ++missing;
      }
    }
    progress_.wait = std::max(newest, progress_.wait);
  }
  body_.number(progress_.wait);
  body_.number(missing);
  write_waits(waits, body_);
}

// After the histograms were read, and before they are sent. If a count has passed 2^32 meanwhile, nobody
// knows whether it was read before or after: the other side sees it happen by the counts, and what is sent
// with the next update is the same.
void MirrorSender::send_carries(const RegionReader& reader) {
  const auto not_free = [](std::vector<xenmon_carry>& carries) {
    std::erase_if(carries, [](const xenmon_carry& carry) { return carry.vcpu_slot == XENMON_NO_SLOT; });
  };
  const auto same = [](const std::vector<xenmon_carry>& a, const std::vector<xenmon_carry>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const xenmon_carry& x, const xenmon_carry& y) {
                        return x.vcpu_slot == y.vcpu_slot && x.bucket == y.bucket && x.passed == y.passed;
                      });
  };
  not_free(tables_.carries);
  if (!reader.read_carries(carries_)) return;
  not_free(carries_);
  if (!same(carries_, tables_.carries) || same(carries_, known_carries_)) return;
  WireWriter body;
  write_carries(carries_, body);
  compressor_.add(MirrorMessage::kCarries, body.bytes());
  known_carries_ = carries_;
}

bool MirrorSender::send_update(const RegionReader& reader) {
  const std::uint64_t newest = reader.newest_sample();
  if (newest <= progress_.sample) return false;
  // After the newest number and before the samples: slots that these name are in the tables then.
  if (!reader.read_tables(tables_, true)) return false;
  const std::uint64_t capacity = reader.header().sample.capacity;
  const std::uint64_t oldest = newest > capacity ? newest - capacity : 0;
  const std::uint64_t last = std::min(newest, std::max(progress_.sample, oldest) + kMostSamples);
  // What is expected of the tables follows from the samples only if none is missing between.
  const bool follows = known_at_ == progress_.sample && known_at_ != 0;
  MirrorTables expected = known_;
  send_waits(reader);
  write_samples(reader, last, expected);
  const bool is_expected = follows && last == newest;
  if (!is_expected) expected = known_;
  body_.number(is_expected ? 1 : 0);
  MirrorTables now{std::move(tables_.pcpus), std::move(tables_.domains), std::move(tables_.vcpus)};
  write_changes(now, expected, body_);
  histograms_.write_growth(reader, now, body_);
  MirrorCounters counters;
  counters.counters = reader.counters();
  const FaultCounts faults = reader.faults();
  std::copy(faults.bad_by.begin(), faults.bad_by.end(), counters.bad_records_by.begin());
  std::copy(faults.source.begin(), faults.source.end(), counters.source_faults.begin());
  counters.flags = reader.flags();
  counters.io_kinds = reader.header().io_kinds;
  counters.write(body_);
  send_carries(reader);
  send(MirrorMessage::kUpdate);
  // Their memory is used again.
  tables_.pcpus = std::move(known_.pcpus);
  tables_.domains = std::move(known_.domains);
  tables_.vcpus = std::move(known_.vcpus);
  known_ = std::move(now);
  known_at_ = newest;
  return last < newest;
}

void MirrorSender::send_beat() {
  MirrorBeat beat;
  const RegionReader* reader = attachment_.still_readable() ? attachment_.reader() : nullptr;
  beat.has_region = reader != nullptr;
  if (reader == nullptr) {
    beat.problem = attachment_.health().problem;
  } else {
    const std::uint64_t now = clock_();
    const std::uint64_t heartbeat = reader->heartbeat_ns();
    beat.state = reader->state();
    beat.held = (reader->flags() & XENMON_FLAG_HELD) != 0;
    beat.quiet_ns = now > heartbeat ? now - heartbeat : 0;
    beat.wall_epoch_ns = reader->wall_epoch_ns();
    const xenmon_counters counters = reader->counters();
    beat.wakeups = counters.wakeups;
    beat.daemon_cpu_ns = counters.daemon_cpu_ns;
    std::vector<std::string> sentences;
    if (reader->read_verdicts(sentences)) {
      for (const std::string& sentence : sentences) {
        xenmon_verdict verdict = {};
        sentence.copy(verdict.text, sizeof verdict.text - 1);
        beat.verdicts.push_back(verdict);
      }
    }
    // If the daemon keeps writing, they come with a later beat.
    std::vector<xenmon_setting> settings;
    if (reader->read_settings(settings)) {
      const bool same = settings_ && settings.size() == settings_->size() &&
                        (settings.empty() || std::memcmp(settings.data(), settings_->data(),
                                                         settings.size() * sizeof settings.front()) == 0);
      if (!same) beat.settings = settings_ = std::move(settings);
    }
  }
  beat.write(body_);
  send(MirrorMessage::kBeat);
}

} // namespace xenmon
