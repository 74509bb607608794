// SPDX-License-Identifier: GPL-2.0-or-later
#include "region/region_writer.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <string_view>

#include "region/shared_words.h"
#include "trace/events.h"

namespace xenmon {

namespace {

constexpr std::uint64_t kPage = 4096;
// More kinds of verdict than there are.
constexpr std::uint32_t kVerdictCapacity = 32;
// A row ring below the limit is not made anew for so many rows.
constexpr std::uint32_t kLeastRows = 64;

std::uint64_t boot_time_ns() {
  struct timespec now {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = boot_time_ns();
  return number | 1U; // never 0
}

// Whether Xen writes an event under a mask (xen/common/trace.c, trace_will_trace_event): a bit of the class
// and one of the subclass must be in it. An unknown mask is taken to hold everything.
bool traced(std::uint32_t mask, std::uint32_t event) {
  return mask == 0 || (((mask >> 16) & (event >> 16)) != 0 && (((mask >> 12) & (event >> 12)) & 0xfU) != 0);
}

// What Xen's own records tell of, and what those of XenMon's patches do.
constexpr std::uint32_t kGrantRecordKinds = XENMON_IO_MAP | XENMON_IO_UNMAP | XENMON_IO_TRANSFER;
constexpr std::uint32_t kPageCountKinds = kGrantRecordKinds | XENMON_IO_COPY;

// Cut to what fits with its NUL, not in the middle of a UTF-8 sequence.
template <std::size_t Bytes>
void put_text(char (&to)[Bytes], std::string_view text) {
  std::size_t length = std::min(text.size(), Bytes - 1);
  if (length < text.size()) {
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0U) == 0x80U) --length;
  }
  std::memset(to, 0, Bytes);
  std::memcpy(to, text.data(), length);
}

std::uint32_t grown(std::uint32_t capacity, std::uint64_t needed) {
  std::uint64_t next = capacity;
  while (next < needed) next += std::max<std::uint64_t>(next < 1024 ? next / 2 : next / 8, 1);
  return static_cast<std::uint32_t>((next + 15) / 16 * 16);
}

std::uint64_t place_table(xenmon_table& table, std::uint64_t offset, std::size_t stride,
                          std::uint32_t capacity, bool ring) {
  table.offset = offset;
  table.stride = static_cast<std::uint32_t>(stride);
  table.capacity = capacity;
  table.count = ring ? capacity : 0;
  return (offset + stride * capacity + 63) / 64 * 64;
}

std::uint64_t lay_out(xenmon_region_header& header, std::uint32_t pcpu, std::uint32_t domain,
                      std::uint32_t vcpu, std::uint32_t sample, std::uint32_t row, std::uint32_t io_row,
                      std::uint32_t wait) {
  std::uint64_t at = kPage;
  at = place_table(header.pcpu, at, sizeof(xenmon_pcpu), pcpu, false);
  at = place_table(header.domain, at, sizeof(xenmon_domain), domain, false);
  at = place_table(header.vcpu, at, sizeof(xenmon_vcpu), vcpu, false);
  at = place_table(header.hist, at, sizeof(xenmon_histograms), vcpu, false);
  at = place_table(header.sample, at, sizeof(xenmon_sample), sample, true);
  at = place_table(header.row, at, sizeof(xenmon_row), row, true);
  at = place_table(header.io_row, at, sizeof(xenmon_io_row), io_row, true);
  at = place_table(header.wait, at, sizeof(xenmon_wait), wait, true);
  at = place_table(header.verdict, at, sizeof(xenmon_verdict), kVerdictCapacity, false);
  return (at + kPage - 1) / kPage * kPage;
}

} // namespace

RegionWriter::RegionWriter(Options options, Origin origin, RegionPlace place)
    : options_(std::move(options)),
      origin_(std::move(origin)),
      place_(std::move(place)),
      daemon_start_(random_number()) {
  // One second more than the history, so that the oldest sample that a reader needs is not just being
  // overwritten.
  capacities_.sample = static_cast<std::uint32_t>(
      (options_.history_ns + 1'000'000'000 + options_.sample_ns - 1) / options_.sample_ns + 1);
  capacities_.wait = options_.wait_capacity;
  waits_until_.resize(capacities_.sample);
  if (origin_.cpu_khz_assumed) flags_ |= XENMON_FLAG_KHZ_ASSUMED;
  if (origin_.cpu_khz_measured) flags_ |= XENMON_FLAG_KHZ_MEASURED;
  if (!origin_.facts.pcpus.empty()) flags_ |= XENMON_FLAG_ALL_PCPUS;
  if (origin_.patched) flags_ |= XENMON_FLAG_PATCHED_XEN;
  if (!traced(origin_.event_mask, event::kSwitchInfNext) && !traced(origin_.event_mask, event::kAcctSwitch))
    flags_ |= XENMON_FLAG_NO_ALLOCATION;
  if (traced(origin_.event_mask, event::kGrantMap)) io_kinds_ = kGrantRecordKinds;
}

Result<std::unique_ptr<RegionWriter>> RegionWriter::create(const Options& options, const Origin& origin) {
  Result<RegionPlace> place = RegionPlace::open(options.place);
  if (!place) return place.error();
  std::unique_ptr<RegionWriter> writer(new RegionWriter(options, origin, std::move(*place)));
  if (Status made = writer->make_file(writer->capacities_, Content::kEmpty); !made) return made.error();
  if (Status placed = writer->put_in_place(); !placed) return placed.error();
  return writer;
}

std::uint64_t RegionWriter::bytes_for(const Capacities& c) {
  xenmon_region_header scratch{};
  return lay_out(scratch, c.pcpu, c.domain, c.vcpu, c.sample, c.row, c.io_row, c.wait);
}

// Makes a file and fills it with what is constant or remembered. It is the current one from here on, but
// nobody sees it before put_in_place(); until then the one before stays in previous_.
Status RegionWriter::make_file(const Capacities& capacities, Content content) {
  Result<RegionMapping> made = place_.make(bytes_for(capacities));
  if (!made) return made.error();
  previous_ = std::exchange(mapping_, std::move(*made));
  const RegionMapping& old = previous_;
  generation_ = random_number();

  xenmon_region_header fresh{};
  fresh.magic = XENMON_MAGIC;
  fresh.version_major = XENMON_VERSION_MAJOR;
  fresh.version_minor = XENMON_VERSION_MINOR;
  fresh.header_bytes = sizeof fresh;
  fresh.daemon_pid = static_cast<std::uint32_t>(getpid());
  fresh.region_bytes = mapping_.size();
  fresh.generation = generation_;
  fresh.daemon_start = daemon_start_;
  fresh.source_kind = origin_.kind;
  fresh.io_kinds = io_kinds_;
  fresh.cpu_khz = origin_.cpu_khz;
  fresh.event_mask = origin_.event_mask;
  fresh.sample_ns = options_.sample_ns;
  fresh.history_ns = options_.history_ns;
  fresh.heartbeat_period_ns = options_.heartbeat_period_ns;
  fresh.wall_epoch_ns = origin_.wall_epoch_ns;
  fresh.slow_wait_ns = options_.slow_wait_ns;
  put_text(fresh.source_text, origin_.text);
  put_text(fresh.xen_version, origin_.xen_version);
  put_text(fresh.scheduler, origin_.scheduler);
  lay_out(fresh, capacities.pcpu, capacities.domain, capacities.vcpu, capacities.sample, capacities.row,
          capacities.io_row, capacities.wait);
  const bool remembers = old.data() != nullptr && content == Content::kRemembered;
  fresh.state = remembers ? XENMON_STATE_RUNNING : XENMON_STATE_STARTING;
  fresh.flags = flags_;
  fresh.heartbeat_ns = boot_time_ns();
  tables_seq_ = 0;
  std::memcpy(mapping_.data(), &fresh, sizeof fresh);

  write_verdicts();
  capacities_ = capacities;
  slot_owner_.assign(capacities.vcpu, 0);
  if (remembers) {
    const auto& old_header = *reinterpret_cast<const xenmon_region_header*>(old.data());
    fresh.counters = old_header.counters;
    std::memcpy(&header().counters, &fresh.counters, sizeof fresh.counters);
    std::memcpy(header().bad_records_by, old_header.bad_records_by, sizeof fresh.bad_records_by);
    std::memcpy(header().source_faults, old_header.source_faults, sizeof fresh.source_faults);
    copy_history(old, old_header);
  }
  placed_ = false;
  return ok();
}

// Whoever opens the path sees either the old file or all of the new one; only then is the old one given up.
Status RegionWriter::put_in_place() {
  if (Status placed = place_.place(); !placed) {
    // What readers have goes on being told about, as far as it goes.
    if (previous_.data() != nullptr) mapping_ = std::move(previous_);
    placed_ = true;
    return placed;
  }
  placed_ = true;
  if (previous_.data() != nullptr) {
    auto& old_header = *reinterpret_cast<xenmon_region_header*>(previous_.data());
    store_word(old_header.state, XENMON_STATE_SUPERSEDED, std::memory_order_release);
    previous_ = RegionMapping();
  }
  return ok();
}

// The waits and samples that are still there move into the new rings, under their numbers. Nobody reads the
// new file yet.
void RegionWriter::copy_history(const RegionMapping& old, const xenmon_region_header& old_header) {
  // Their ring never grows.
  std::memcpy(mapping_.data() + header().wait.offset, old.data() + old_header.wait.offset,
              std::size_t{old_header.wait.capacity} * sizeof(xenmon_wait));
  header().newest_wait = newest_wait_;
  row_position_ = io_row_position_ = 0;
  std::uint64_t first = newest_ + 1;
  std::uint64_t rows = 0;
  std::uint64_t io_rows = 0;
  const auto old_sample = [&](std::uint64_t number) -> const xenmon_sample& {
    return *reinterpret_cast<const xenmon_sample*>(old.data() + old_header.sample.offset +
                                                   (number % old_header.sample.capacity) *
                                                       sizeof(xenmon_sample));
  };
  while (first > oldest_) {
    const xenmon_sample& sample = old_sample(first - 1);
    if (sample.seq != first - 1 || rows + sample.row_count > capacities_.row ||
        io_rows + sample.io_row_count > capacities_.io_row) {
      break;
    }
    rows += sample.row_count;
    io_rows += sample.io_row_count;
    --first;
  }
  oldest_ = first;
  const xenmon_region_header& fresh = header();
  for (std::uint64_t number = first; number <= newest_; ++number) {
    xenmon_sample sample = old_sample(number);
    for (std::uint64_t i = 0; i < sample.row_count; ++i) {
      std::memcpy(&entry<xenmon_row>(fresh.row, row_position_ + i),
                  old.data() + old_header.row.offset +
                      ((sample.first_row + i) % old_header.row.capacity) * sizeof(xenmon_row),
                  sizeof(xenmon_row));
    }
    for (std::uint64_t i = 0; i < sample.io_row_count; ++i) {
      std::memcpy(&entry<xenmon_io_row>(fresh.io_row, io_row_position_ + i),
                  old.data() + old_header.io_row.offset +
                      ((sample.first_io_row + i) % old_header.io_row.capacity) * sizeof(xenmon_io_row),
                  sizeof(xenmon_io_row));
    }
    sample.first_row = row_position_;
    sample.first_io_row = io_row_position_;
    row_position_ += sample.row_count;
    io_row_position_ += sample.io_row_count;
    entry<xenmon_sample>(fresh.sample, number % fresh.sample.capacity) = sample;
  }
  header().newest_sample = newest_;
}

// What the tables must have room for with that sample. The layout of a file never changes: where it is not
// what this says, and room_for() says so, there must be another file.
RegionWriter::Capacities RegionWriter::wanted_for(const Baker& baker, const BakedSample& sample,
                                                  const Merge& merge) const {
  Capacities wanted = capacities_;
  wanted.pcpu = grown(wanted.pcpu, pcpu_limit(merge));
  wanted.domain = grown(wanted.domain, baker.domains().size());
  wanted.vcpu = grown(wanted.vcpu, baker.vcpus().size());

  // The rings should hold the history; of what is in them now, only a sample that falls out of it may go.
  const xenmon_region_header& now = header();
  std::uint64_t rows = sample.rows.size();
  std::uint64_t io_rows = sample.io_rows.size();
  const std::uint64_t keep = newest_ + 2 > capacities_.sample ? newest_ + 2 - capacities_.sample : 1;
  if (const std::uint64_t first = std::max(keep, oldest_); first <= newest_) {
    const auto& kept = entry<xenmon_sample>(now.sample, first % now.sample.capacity);
    rows += row_position_ - kept.first_row;
    io_rows += io_row_position_ - kept.first_io_row;
  }
  wanted.io_row = grown(wanted.io_row, io_rows);
  // Everything else goes before the history: it gets what is left below the limit, but the sample must fit.
  const std::uint32_t ideal = grown(wanted.row, rows);
  Capacities others = wanted;
  others.row = 0;
  const std::uint64_t fixed = bytes_for(others);
  const auto room =
      static_cast<std::uint32_t>(fixed < kSizeLimit ? (kSizeLimit - fixed) / sizeof(xenmon_row) : 0);
  const auto least = static_cast<std::uint32_t>(sample.rows.size());
  // With some to spare if it does not fit into what there is: not a new file for every further row.
  wanted.row = std::max(std::min(ideal, room), least <= capacities_.row ? least : grown(kLeastRows, least));
  wanted.history_shortened = wanted.row < rows;
  return wanted;
}

bool RegionWriter::has_room(const Capacities& wanted, const BakedSample& sample) const {
  return wanted.pcpu == capacities_.pcpu && wanted.domain == capacities_.domain &&
         wanted.vcpu == capacities_.vcpu && wanted.io_row == capacities_.io_row &&
         sample.rows.size() <= capacities_.row &&
         wanted.row <= capacities_.row + kLeastRows; // not a new file for the last few rows below the limit
}

// A recording need not say what hypervisor it is of; its records do. What a file's header says of that is
// constant, so there is a new file then.
std::uint32_t RegionWriter::kinds_told_by(const Baker& baker) const {
  return baker.by_page_counts() ? kPageCountKinds : io_kinds_;
}

bool RegionWriter::overwrites_unread(const Baker& baker, const BakedSample& sample, const Merge& merge,
                                     std::uint64_t read) const {
  if (read >= newest_) return false;
  const std::uint64_t unread = std::max(read + 1, oldest_);
  if (overwrites(unread, sample)) return true;
  const std::uint64_t last_wait = newest_wait_ + sample.waits.size() + sample.waits_left_out;
  const std::uint64_t read_wait = waits_until_[(unread - 1) % waits_until_.size()];
  if (last_wait > read_wait + options_.wait_capacity) return true;
  return kinds_told_by(baker) != io_kinds_ || !has_room(wanted_for(baker, sample, merge), sample);
}

Status RegionWriter::publish(Baker& baker, const BakedSample& sample, const Merge& merge) {
  if (baker.by_accounting_records()) {
    flags_ |= XENMON_FLAG_PATCHED_XEN;
    flags_ &= ~std::uint64_t{XENMON_FLAG_NO_ALLOCATION};
  }
  const std::uint32_t kinds = kinds_told_by(baker);
  const Capacities wanted = wanted_for(baker, sample, merge);
  if (wanted.history_shortened) flags_ |= XENMON_FLAG_HISTORY_SHORTENED;
  const bool roomy = has_room(wanted, sample);
  if (!roomy || kinds != io_kinds_) {
    io_kinds_ = kinds;
    if (Status made = make_file(roomy ? capacities_ : wanted, Content::kRemembered); !made) return made;
  }
  write_tables(baker, merge, sample.end_ns);
  write_waits(sample);
  write_sample(sample);
  write_counters(baker, merge);
  store_word(header().flags, flags_);
  if (newest_ == 1) set_state(XENMON_STATE_RUNNING);
  return placed_ ? ok() : put_in_place();
}

std::uint32_t RegionWriter::pcpu_limit(const Merge& merge) const {
  return std::max(merge.pcpu_limit(), present_pcpus_.empty() ? 0 : present_pcpus_.back() + 1);
}

bool RegionWriter::is_present(std::uint32_t pcpu) const {
  return std::binary_search(present_pcpus_.begin(), present_pcpus_.end(), pcpu);
}

void RegionWriter::write_pcpus(const Baker& baker, const Merge& merge) {
  for (std::uint32_t pcpu = 0; pcpu < pcpu_limit(merge); ++pcpu) {
    const PcpuStream* stream = merge.stream(pcpu);
    if (stream == nullptr && !is_present(pcpu)) continue;
    xenmon_pcpu out{};
    out.seen = stream != nullptr ? XENMON_PCPU_HAS_RECORDS : XENMON_PCPU_NO_RECORDS;
    out.running_vcpu = baker.running_on(pcpu);
    if (stream != nullptr) {
      out.records = stream->records();
      out.lost_records = stream->lost_records();
    }
    store_words(&entry<xenmon_pcpu>(header().pcpu, pcpu), &out, sizeof out);
  }
}

void RegionWriter::write_tables(Baker& baker, const Merge& merge, std::uint64_t end_ns) {
  xenmon_region_header& h = header();
  store_word(h.tables_seq, ++tables_seq_);
  std::atomic_thread_fence(std::memory_order_release);

  write_pcpus(baker, merge);
  for (std::uint32_t slot = 0; slot < baker.domains().size(); ++slot) {
    xenmon_domain out{};
    if (const Domain* domain = baker.domains()[slot].get()) {
      out.flags = XENMON_DOMAIN_IN_USE;
      if (domain->ended) out.flags |= XENMON_DOMAIN_DEAD;
      if (domain->born) out.flags |= XENMON_DOMAIN_BORN;
      out.domid = domain->domid;
      out.uid = domain->uid;
      out.born_ns = domain->born ? domain->born_ns : 0;
      out.died_ns = domain->ended_ns;
      put_text(out.name, domain->name);
      out.io_map = domain->io[kIoMap];
      out.io_unmap = domain->io[kIoUnmap];
      out.io_transfer = domain->io[kIoTransfer];
      out.io_copy = domain->io[kIoCopy];
      out.io_copy_bytes = domain->io_copy_bytes;
    }
    store_words(&entry<xenmon_domain>(h.domain, slot), &out, sizeof out);
  }
  for (std::uint32_t slot = 0; slot < baker.vcpus().size(); ++slot) {
    xenmon_vcpu out{};
    if (Vcpu* vcpu = baker.vcpu(slot)) {
      out.flags = XENMON_VCPU_IN_USE;
      out.domain_slot = vcpu->domain_slot;
      out.vcpu_id = vcpu->vcpu_id;
      constexpr std::uint32_t kStates[] = {XENMON_VCPU_RUNNING, XENMON_VCPU_RUNNABLE, XENMON_VCPU_RUNNABLE,
                                           XENMON_VCPU_BLOCKED, XENMON_VCPU_OFFLINE,  XENMON_VCPU_UNKNOWN};
      out.state = kStates[vcpu->bucket];
      out.last_pcpu = vcpu->part.pcpu;
      out.end_ns = vcpu->ended ? vcpu->since_ns : end_ns;
      out.running_ns = vcpu->times[kRunning];
      out.waited_wake_ns = vcpu->times[kWaitWake];
      out.waited_preempt_ns = vcpu->times[kWaitPreempt];
      out.blocked_ns = vcpu->times[kBlocked];
      out.offline_ns = vcpu->times[kOffline];
      out.unknown_ns = vcpu->times[kUnknown];
      out.executions = vcpu->executions;
      out.continues = vcpu->continues;
      out.slice_count = vcpu->slices.count;
      out.slice_sum_ns = vcpu->slices.sum_ns;
      out.slice_min_ns = vcpu->slices.min_ns;
      out.slice_max_ns = vcpu->slices.max_ns;
      if (vcpu->histograms) {
        out.wake_wait_max_ns = vcpu->histograms->wake_wait.max();
        out.preempt_wait_max_ns = vcpu->histograms->preempt_wait.max();
        out.run_max_ns = vcpu->histograms->run.max();
        out.hist_lines[0] = vcpu->histograms->wake_wait.used();
        out.hist_lines[1] = vcpu->histograms->preempt_wait.used();
        out.hist_lines[2] = vcpu->histograms->run.used();
      }
      const std::uint64_t owner = baker.domain(vcpu->domain_slot)->uid;
      const bool whole = slot_owner_[slot] != owner;
      slot_owner_[slot] = owner;
      write_histograms(*vcpu, whole);
    }
    store_words(&entry<xenmon_vcpu>(h.vcpu, slot), &out, sizeof out);
  }
  // Two 32-bit fields share a word: write it whole. capacity never changes.
  const auto set_count = [](xenmon_table& table, std::size_t count) {
    std::atomic_ref<std::uint32_t>(table.count)
        .store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
  };
  set_count(h.pcpu, pcpu_limit(merge));
  set_count(h.domain, baker.domains().size());
  set_count(h.vcpu, baker.vcpus().size());
  set_count(h.hist, baker.vcpus().size());

  store_word(h.tables_seq, ++tables_seq_, std::memory_order_release);
}

// Counters are read one by one, so only what changed is copied; `whole` for a slot with a new owner.
void RegionWriter::write_histograms(Vcpu& vcpu, bool whole) {
  auto& out = entry<xenmon_histograms>(header().hist, vcpu.slot);
  if (!vcpu.histograms) {
    if (whole) {
      const xenmon_histograms zero{};
      store_words(&out, &zero, sizeof zero);
    }
    return;
  }
  const auto copy = [&](Histogram& histogram, std::uint32_t* to) {
    std::uint32_t lines = whole ? (1U << Histogram::kLines) - 1U : histogram.dirty();
    while (lines != 0) {
      const auto first = static_cast<std::uint32_t>(std::countr_zero(lines)) * Histogram::kBucketsPerLine;
      lines &= lines - 1;
      store_words(to + first, histogram.counts().data() + first, Histogram::kBucketsPerLine * 4);
    }
    histogram.clean();
  };
  copy(vcpu.histograms->wake_wait, out.wake_wait);
  copy(vcpu.histograms->preempt_wait, out.preempt_wait);
  copy(vcpu.histograms->run, out.run);
}

// Before their sample, so that whoever sees that one finds them.
void RegionWriter::write_waits(const BakedSample& sample) {
  xenmon_region_header& h = header();
  for (xenmon_wait wait : sample.waits) {
    const std::uint64_t number = ++newest_wait_;
    auto& out = entry<xenmon_wait>(h.wait, number % h.wait.capacity);
    store_word(out.seq, 0);
    std::atomic_thread_fence(std::memory_order_release);
    wait.seq = 0;
    store_words(&out, &wait, sizeof wait);
    store_word(out.seq, number, std::memory_order_release);
  }
  // Numbers that no entry bears: readers see that there were so many more.
  newest_wait_ += sample.waits_left_out;
  store_word(h.newest_wait, newest_wait_, std::memory_order_release);
}

// Whether the next sample takes the place of that one, or of any of its rows.
bool RegionWriter::overwrites(std::uint64_t number, const BakedSample& sample) const {
  const xenmon_region_header& h = header();
  const auto& old = entry<xenmon_sample>(h.sample, number % h.sample.capacity);
  return number + h.sample.capacity <= newest_ + 1 ||
         old.first_row + h.row.capacity < row_position_ + sample.rows.size() ||
         old.first_io_row + h.io_row.capacity < io_row_position_ + sample.io_rows.size();
}

void RegionWriter::write_sample(const BakedSample& sample) {
  xenmon_region_header& h = header();
  const std::uint64_t number = newest_ + 1;
  // Whatever is about to be overwritten must first be seen to be gone.
  while (oldest_ < number && overwrites(oldest_, sample)) {
    store_word(entry<xenmon_sample>(h.sample, oldest_ % h.sample.capacity).seq, 0);
    ++oldest_;
  }
  std::atomic_thread_fence(std::memory_order_release);

  for (std::size_t i = 0; i < sample.rows.size(); ++i) {
    store_words(&entry<xenmon_row>(h.row, (row_position_ + i) % h.row.capacity), &sample.rows[i],
                sizeof(xenmon_row));
  }
  for (std::size_t i = 0; i < sample.io_rows.size(); ++i) {
    store_words(&entry<xenmon_io_row>(h.io_row, (io_row_position_ + i) % h.io_row.capacity),
                &sample.io_rows[i], sizeof(xenmon_io_row));
  }
  auto& out = entry<xenmon_sample>(h.sample, number % h.sample.capacity);
  xenmon_sample fresh{};
  fresh.start_ns = sample.start_ns;
  fresh.end_ns = sample.end_ns;
  fresh.first_row = row_position_;
  fresh.first_io_row = io_row_position_;
  fresh.row_count = static_cast<std::uint32_t>(sample.rows.size());
  fresh.io_row_count = static_cast<std::uint32_t>(sample.io_rows.size());
  fresh.lost_records = sample.lost_records;
  fresh.records = sample.records;
  store_words(&out, &fresh, sizeof fresh); // seq is 0 meanwhile
  store_word(out.seq, number, std::memory_order_release);

  row_position_ += sample.rows.size();
  io_row_position_ += sample.io_rows.size();
  newest_ = number;
  waits_until_[number % waits_until_.size()] = newest_wait_;
  store_word(h.newest_sample, number, std::memory_order_release);
}

void RegionWriter::write_counters(const Baker& baker, const Merge& merge) {
  xenmon_counters& counters = header().counters;
  const Merge::Counts merged = merge.counts();
  store_word(counters.records, merged.records);
  store_word(counters.bytes, merged.bytes);
  store_word(counters.lost_records, merged.lost_records);
  store_word(counters.bad_records, merged.bad_records + baker.counts().bad.total());
  store_word(counters.late_records, merged.late_records);
  store_word(counters.state_conflicts, baker.counts().state_conflicts);
  store_word(counters.conservation_violations, baker.counts().conservation_violations);
  store_word(counters.samples, newest_);
  for (std::size_t i = 0; i < health_.bad_by.size(); ++i)
    store_word(header().bad_records_by[i], health_.bad_by[i]);
  for (std::size_t i = 0; i < health_.faults.size(); ++i)
    store_word(header().source_faults[i], health_.faults[i]);
}

void RegionWriter::set_verdicts(std::span<const Verdict> verdicts) {
  std::vector<xenmon_verdict> told(std::min<std::size_t>(verdicts.size(), kVerdictCapacity));
  for (std::size_t i = 0; i < told.size(); ++i) {
    told[i].kind = verdicts[i].kind;
    put_text(told[i].text, verdicts[i].text);
  }
  const bool same =
      told.size() == verdicts_.size() &&
      (told.empty() || std::memcmp(told.data(), verdicts_.data(), told.size() * sizeof told.front()) == 0);
  if (same) return;
  verdicts_ = std::move(told);
  store_word(header().tables_seq, ++tables_seq_);
  std::atomic_thread_fence(std::memory_order_release);
  write_verdicts();
  store_word(header().tables_seq, ++tables_seq_, std::memory_order_release);
}

void RegionWriter::write_verdicts() {
  xenmon_table& table = header().verdict;
  for (std::size_t i = 0; i < verdicts_.size(); ++i)
    store_words(&entry<xenmon_verdict>(table, i), &verdicts_[i], sizeof verdicts_[i]);
  std::atomic_ref<std::uint32_t>(table.count)
      .store(static_cast<std::uint32_t>(verdicts_.size()), std::memory_order_relaxed);
}

void RegionWriter::set_present_pcpus(std::span<const std::uint32_t> pcpus) {
  present_pcpus_.clear();
  for (const std::uint32_t pcpu : pcpus) {
    if (pcpu < Merge::kMaxPcpus) present_pcpus_.push_back(pcpu);
  }
  std::sort(present_pcpus_.begin(), present_pcpus_.end());
}

void RegionWriter::set_wall_epoch(std::uint64_t epoch_ns) {
  origin_.wall_epoch_ns = epoch_ns;
  store_word(header().wall_epoch_ns, epoch_ns);
}

void RegionWriter::heartbeat(std::uint64_t wakeups, std::uint64_t daemon_cpu_ns) {
  xenmon_region_header& h = header();
  store_word(h.counters.wakeups, wakeups);
  store_word(h.counters.daemon_cpu_ns, daemon_cpu_ns);
  store_word(h.heartbeat_ns, boot_time_ns());
}

void RegionWriter::set_held(bool held) {
  flags_ = held ? flags_ | XENMON_FLAG_HELD : flags_ & ~std::uint64_t{XENMON_FLAG_HELD};
  store_word(header().flags, flags_, std::memory_order_release);
}

Status RegionWriter::begin_anew() {
  daemon_start_ = random_number();
  flags_ &= ~std::uint64_t{XENMON_FLAG_HELD | XENMON_FLAG_HISTORY_SHORTENED};
  newest_ = row_position_ = io_row_position_ = newest_wait_ = 0;
  oldest_ = 1;
  waits_until_.front() = 0;
  health_ = {};
  // The verdicts stay: it is the same recording.
  if (Status made = make_file(capacities_, Content::kEmpty); !made) return made;
  return put_in_place();
}

void RegionWriter::set_state(std::uint64_t state) {
  store_word(header().state, state, std::memory_order_release);
}

} // namespace xenmon
