// SPDX-License-Identifier: GPL-2.0-or-later
#include "publish/region_image.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "publish/shared_words.h"
#include "publish/text_field.h"

namespace xenmon {

namespace {

// A row ring below the limit is not replaced for fewer rows than this.
constexpr std::uint32_t kLeastRows = 64;
// A file with fewer free entries for carries than this is replaced. Counts pass 2^32 once in hours at most,
// so this many never do at once.
constexpr std::size_t kSpareCarries = 16;
constexpr std::uint64_t kMostSamples = std::uint64_t{1} << 24;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kOwnFlags =
    XENMON_FLAG_HELD | XENMON_FLAG_HISTORY_SHORTENED | XENMON_FLAG_NO_CONNECTION;

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = boottime_ns();
  return number | 1U; // never 0
}

// The one field of 32 bits that changes; nothing that does shares its word.
void store_count(xenmon_table& table, std::size_t count) {
  std::atomic_ref<std::uint32_t>(table.count)
      .store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
}

Error unusable(const char* what) {
  return Error{std::string("There can be no region with ") + what + "; give another one.",
               ExitStatus::kUsage};
}

} // namespace

RegionImage::RegionImage(Options options, RegionFacts facts, RegionPlace place)
    : options_(std::move(options)), facts_(std::move(facts)), place_(std::move(place)) {
  if (facts_.daemon_start == 0) facts_.daemon_start = random_number();
  waits_until_.resize(options_.capacities.sample);
}

Result<RegionImage> RegionImage::create(const Options& options, RegionFacts facts) {
  RegionCapacities capacities = options.capacities;
  if (facts.sample_ns == 0) return unusable("samples of 0 ns");
  if (capacities.sample == 0) {
    const std::uint64_t samples = facts.history_ns / facts.sample_ns + kSecond / facts.sample_ns;
    if (facts.history_ns > std::numeric_limits<std::uint64_t>::max() / 4 || samples > kMostSamples)
      return unusable("so long a history of so short samples");
    capacities.sample =
        static_cast<std::uint32_t>((facts.history_ns + kSecond + facts.sample_ns - 1) / facts.sample_ns + 1);
  }
  if (capacities.pcpu == 0 || capacities.domain == 0 || capacities.vcpu == 0 || capacities.row == 0 ||
      capacities.io_row == 0 || capacities.domain_row == 0 || capacities.wait == 0 ||
      capacities.verdict == 0 || capacities.carry == 0 || capacities.setting == 0) {
    return unusable("a table without room");
  }
  Result<RegionPlace> place = RegionPlace::open(options.place);
  if (!place) return place.error();
  Options complete = options;
  complete.capacities = capacities;
  RegionImage image(std::move(complete), std::move(facts), std::move(*place));
  if (Status made = image.make_file(capacities); !made) return made.error();
  if (Status placed = image.put_in_place(); !placed) return placed.error();
  return image;
}

std::uint64_t RegionImage::flags() const {
  return (facts_.flags & ~kOwnFlags) | (held_ ? std::uint64_t{XENMON_FLAG_HELD} : 0) |
         (history_shortened_ ? std::uint64_t{XENMON_FLAG_HISTORY_SHORTENED} : 0) |
         (connected_ ? 0 : std::uint64_t{XENMON_FLAG_NO_CONNECTION});
}

// ---- files

xenmon_region_header RegionImage::fresh_header() const {
  xenmon_region_header fresh{};
  fresh.magic = XENMON_MAGIC;
  fresh.version_major = XENMON_VERSION_MAJOR;
  fresh.version_minor = XENMON_VERSION_MINOR;
  fresh.header_bytes = sizeof fresh;
  fresh.daemon_pid = static_cast<std::uint32_t>(getpid());
  fresh.region_bytes = file_.mapping.size();
  fresh.generation = random_number();
  fresh.daemon_start = facts_.daemon_start;
  fresh.source_kind = facts_.source_kind;
  fresh.io_kinds = facts_.io_kinds;
  fresh.cpu_khz = facts_.cpu_khz;
  fresh.event_mask = facts_.event_mask;
  fresh.sample_ns = facts_.sample_ns;
  fresh.history_ns = facts_.history_ns;
  fresh.heartbeat_period_ns = facts_.heartbeat_period_ns;
  fresh.wall_epoch_ns = facts_.wall_epoch_ns;
  fresh.slow_wait_ns = facts_.slow_wait_ns;
  put_text(fresh.source_text, facts_.source_text);
  put_text(fresh.xen_version, facts_.xen_version);
  put_text(fresh.scheduler, facts_.scheduler);
  lay_out(fresh, file_.capacities);
  fresh.state = XENMON_STATE_STARTING;
  fresh.flags = flags();
  fresh.heartbeat_ns = boottime_ns();
  return fresh;
}

// Nobody sees it before put_in_place(), so it needs no order among its words until then.
Status RegionImage::make_file(const RegionCapacities capacities) {
  Result<RegionMapping> made = place_.make(bytes_for(capacities));
  if (!made) return made.error();
  previous_ = std::exchange(file_, File{});
  file_.mapping = std::move(*made);
  file_.capacities = capacities;
  file_.owners.resize(capacities.vcpu);
  placed_ = false;
  const xenmon_region_header fresh = fresh_header();
  std::memcpy(file_.mapping.data(), &fresh, sizeof fresh);
  write_verdicts();
  write_settings();
  return ok();
}

// A reader that opens the path sees either the old file or all of the new one; only then is the old one given
// up.
Status RegionImage::put_in_place() {
  if (Status placed = place_.place(); !placed) {
    // What readers have is still the one before.
    if (previous_.mapping.data() != nullptr) {
      file_ = std::exchange(previous_, File{});
      facts_.io_kinds = header().io_kinds;
    }
    placed_ = true;
    return placed;
  }
  placed_ = true;
  if (previous_.mapping.data() != nullptr) {
    auto& old_header = *reinterpret_cast<xenmon_region_header*>(previous_.mapping.data());
    store_word(old_header.state, XENMON_STATE_SUPERSEDED, std::memory_order_release);
    previous_ = File{};
  }
  return ok();
}

// All that the previous file has, under the same slots and numbers. The tables are about to be written
// anyway.
void RegionImage::copy_previous() {
  const File& from = previous_;
  const auto& old = *reinterpret_cast<const xenmon_region_header*>(from.mapping.data());
  xenmon_region_header& fresh = header();
  fresh.state = old.state;
  fresh.counters = old.counters;
  std::memcpy(fresh.bad_records_by, old.bad_records_by, sizeof fresh.bad_records_by);
  std::memcpy(fresh.source_faults, old.source_faults, sizeof fresh.source_faults);

  std::copy(from.owners.begin(), from.owners.end(), file_.owners.begin());
  file_.carries = from.carries;
  for (std::size_t i = 0; i < file_.carries.size(); ++i) write_carry(i);
  const std::byte* old_bytes = from.mapping.data();
  for (std::uint32_t slot = 0; slot < old.hist.count; ++slot) {
    entry<xenmon_histograms>(fresh.hist, slot) = record_at<xenmon_histograms>(old_bytes, old.hist, slot);
  }
  // Their ring never grows.
  for (std::uint32_t i = 0; i < old.wait.capacity; ++i) {
    entry<xenmon_wait>(fresh.wait, i) = record_at<xenmon_wait>(old_bytes, old.wait, i);
  }
  fresh.newest_wait = file_.newest_wait = from.newest_wait;
  copy_samples(from);
}

// Those that there is room for, the newest first.
void RegionImage::copy_samples(const File& from) {
  const std::byte* old_bytes = from.mapping.data();
  const auto& old = *reinterpret_cast<const xenmon_region_header*>(old_bytes);
  const auto old_sample = [&](std::uint64_t number) -> const xenmon_sample& {
    return record_at<xenmon_sample>(old_bytes, old.sample, number % old.sample.capacity);
  };
  std::uint64_t rows = 0;
  std::uint64_t io_rows = 0;
  std::uint64_t domain_rows = 0;
  std::uint64_t first = from.newest + 1;
  for (; first > from.oldest; --first) {
    const xenmon_sample& sample = old_sample(first - 1);
    if (sample.seq != first - 1) continue;
    if (rows + sample.row_count > file_.capacities.row ||
        io_rows + sample.io_row_count > file_.capacities.io_row ||
        domain_rows + sample.domain_row_count > file_.capacities.domain_row) {
      break;
    }
    rows += sample.row_count;
    io_rows += sample.io_row_count;
    domain_rows += sample.domain_row_count;
  }
  file_.oldest = first;
  file_.newest = from.newest;
  xenmon_region_header& fresh = header();
  for (std::uint64_t number = first; number <= from.newest; ++number) {
    xenmon_sample sample = old_sample(number);
    if (sample.seq != number) continue;
    for (std::uint64_t i = 0; i < sample.row_count; ++i) {
      entry<xenmon_row>(fresh.row, file_.row_position + i) =
          record_at<xenmon_row>(old_bytes, old.row, (sample.first_row + i) % old.row.capacity);
    }
    for (std::uint64_t i = 0; i < sample.io_row_count; ++i) {
      entry<xenmon_io_row>(fresh.io_row, file_.io_row_position + i) =
          record_at<xenmon_io_row>(old_bytes, old.io_row, (sample.first_io_row + i) % old.io_row.capacity);
    }
    for (std::uint64_t i = 0; i < sample.domain_row_count; ++i) {
      entry<xenmon_domain_row>(fresh.domain_row, file_.domain_row_position + i) =
          record_at<xenmon_domain_row>(old_bytes, old.domain_row,
                                       (sample.first_domain_row + i) % old.domain_row.capacity);
    }
    sample.first_row = file_.row_position;
    sample.first_io_row = file_.io_row_position;
    sample.first_domain_row = file_.domain_row_position;
    file_.row_position += sample.row_count;
    file_.io_row_position += sample.io_row_count;
    file_.domain_row_position += sample.domain_row_count;
    entry<xenmon_sample>(fresh.sample, number % fresh.sample.capacity) = sample;
  }
  fresh.newest_sample = from.newest;
}

// ---- room

// Only the writer stores into seq, so it may look at it as at its own memory.
bool RegionImage::is_there(std::uint64_t number) const {
  const xenmon_table& table = header().sample;
  return entry<xenmon_sample>(table, number % table.capacity).seq == number;
}

// The first sample at or after `number` that is there; newest + 1 if there is none.
std::uint64_t RegionImage::first_there(std::uint64_t number) const {
  number = std::max(number, file_.oldest);
  while (number <= file_.newest && !is_there(number)) ++number;
  return number;
}

bool RegionImage::shares_place(std::uint64_t number, std::uint64_t next) const {
  return next - number >= file_.capacities.sample;
}

// Whether the next sample's rows take the place of any of that one's.
bool RegionImage::overwrites_rows(std::uint64_t number, const SnapshotSize& size) const {
  const xenmon_table& table = header().sample;
  const auto& old = entry<xenmon_sample>(table, number % table.capacity);
  return old.first_row + file_.capacities.row < file_.row_position + size.rows ||
         old.first_io_row + file_.capacities.io_row < file_.io_row_position + size.io_rows ||
         old.first_domain_row + file_.capacities.domain_row < file_.domain_row_position + size.domain_rows;
}

// What the tables must have room for with that snapshot. The layout of a file never changes: where it is not
// what this says, and has_room() says so, there must be another file.
RegionImage::Wanted RegionImage::wanted_for(const SnapshotSize& size) const {
  RegionCapacities wanted = file_.capacities;
  wanted.pcpu = grown(wanted.pcpu, size.pcpus);
  wanted.domain = grown(wanted.domain, size.domains);
  wanted.vcpu = grown(wanted.vcpu, size.vcpus);
  if (const std::size_t carries = std::max(file_.carries.size(), size.carries); carries > 0)
    wanted.carry = grown(wanted.carry, carries + kSpareCarries);
  wanted.setting = grown(wanted.setting, settings_.size());

  // The rings should hold the history; of their present contents, only samples that leave the history may be
  // dropped.
  std::uint64_t rows = size.rows;
  std::uint64_t asked_rows = size.rows; // without the second by which the ring is longer than the history
  std::uint64_t io_rows = size.io_rows;
  std::uint64_t domain_rows = size.domain_rows;
  const std::uint64_t samples = file_.capacities.sample;
  const std::uint64_t keep = file_.newest + 2 > samples ? file_.newest + 2 - samples : 1;
  if (const std::uint64_t first = first_there(keep); first <= file_.newest) {
    const auto& kept = entry<xenmon_sample>(header().sample, first % samples);
    rows += file_.row_position - kept.first_row;
    io_rows += file_.io_row_position - kept.first_io_row;
    domain_rows += file_.domain_row_position - kept.first_domain_row;
    const std::uint64_t asked = std::max<std::uint64_t>(1, facts_.history_ns / facts_.sample_ns);
    const std::uint64_t first_asked =
        std::max(first, first_there(file_.newest + 2 > asked ? file_.newest + 2 - asked : 1));
    if (first_asked <= file_.newest)
      asked_rows +=
          file_.row_position - entry<xenmon_sample>(header().sample, first_asked % samples).first_row;
  }
  wanted.io_row = grown(wanted.io_row, io_rows);
  wanted.domain_row = grown(wanted.domain_row, domain_rows);
  // The history has the lowest priority: it gets what is left below the limit, but the sample must fit.
  const std::uint32_t ideal = grown(wanted.row, rows);
  RegionCapacities others = wanted;
  others.row = 0;
  const std::uint64_t fixed = bytes_for(others);
  const std::uint64_t limit = options_.size_limit;
  const std::uint64_t room = fixed < limit ? (limit - fixed) / sizeof(xenmon_row) : 0;
  const auto least = static_cast<std::uint32_t>(size.rows);
  // With some spare room if it does not fit: not a new file for every further row.
  wanted.row = std::max(static_cast<std::uint32_t>(std::min<std::uint64_t>(ideal, room)),
                        least <= file_.capacities.row ? least : grown(kLeastRows, least));
  return {wanted, wanted.row < asked_rows};
}

bool RegionImage::has_room(const RegionCapacities& wanted, const SnapshotSize& size) const {
  const RegionCapacities& now = file_.capacities;
  return wanted.pcpu == now.pcpu && wanted.domain == now.domain && wanted.vcpu == now.vcpu &&
         wanted.carry == now.carry && wanted.setting == now.setting && wanted.io_row == now.io_row &&
         wanted.domain_row == now.domain_row && size.rows <= now.row &&
         wanted.row <= now.row + kLeastRows; // not a new file for the last few rows below the limit
}

bool RegionImage::overwrites_unread(const SnapshotSize& size, std::uint64_t read) const {
  if (read >= file_.newest) return false;
  const std::uint64_t unread = first_there(read + 1);
  if (shares_place(unread, file_.newest + 1) || overwrites_rows(unread, size)) return true;
  const std::uint64_t read_wait = waits_until_[(unread - 1) % waits_until_.size()];
  if (file_.newest_wait + size.waits > read_wait + file_.capacities.wait) return true;
  return size.io_kinds != facts_.io_kinds || !has_room(wanted_for(size).capacities, size);
}

// ---- publishing

Status RegionImage::check_successor(const Snapshot& snapshot) const {
  const xenmon_region_header& h = header();
  if (snapshot.pcpus.size() < h.pcpu.count || snapshot.domains.size() < h.domain.count ||
      snapshot.vcpus.size() < h.vcpu.count) {
    return Error{"What was to be published has lost some of its slots; restart the program that sent it."};
  }
  if (snapshot.sample && snapshot.sample->number != 0 && snapshot.sample->number <= file_.newest) {
    return Error{"What was to be published is older than what is there; restart the program that sent it."};
  }
  return ok();
}

// Another file, if the present one is too small, or if its header says of the kinds, which are constant, what
// is not so any more.
Status RegionImage::make_room(const SnapshotSize& size) {
  const Wanted wanted = wanted_for(size);
  history_shortened_ = history_shortened_ || wanted.history_shortened;
  const bool roomy = has_room(wanted.capacities, size);
  const std::uint32_t kinds = std::exchange(facts_.io_kinds, size.io_kinds);
  if (roomy && kinds == size.io_kinds) return ok();
  if (Status made = make_file(roomy ? file_.capacities : wanted.capacities); !made) {
    facts_.io_kinds = kinds;
    return made;
  }
  copy_previous();
  return ok();
}

Status RegionImage::publish(const Snapshot& snapshot) {
  if (Status sound = check(snapshot); !sound) return sound;
  if (Status follows = check_successor(snapshot); !follows) return follows;
  const SnapshotSize size = size_of(snapshot);
  facts_.flags = snapshot.flags;
  if (Status roomy = make_room(size); !roomy) return roomy;
  write_tables(snapshot);
  write_waits(snapshot);
  if (snapshot.sample) write_sample(*snapshot.sample, size);
  write_counters(snapshot);
  store_word(header().flags, flags());
  if (snapshot.sample && header().state == XENMON_STATE_STARTING) set_state(XENMON_STATE_RUNNING);
  return placed_ ? ok() : put_in_place();
}

void RegionImage::begin_tables() {
  store_word(header().tables_seq, ++file_.tables_seq);
  std::atomic_thread_fence(std::memory_order_release);
}

void RegionImage::end_tables() {
  store_word(header().tables_seq, ++file_.tables_seq, std::memory_order_release);
}

void RegionImage::write_tables(const Snapshot& s) {
  xenmon_region_header& h = header();
  begin_tables();
  for (std::size_t i = 0; i < s.pcpus.size(); ++i)
    store_words(&entry<xenmon_pcpu>(h.pcpu, i), &s.pcpus[i], sizeof(xenmon_pcpu));
  for (std::size_t i = 0; i < s.domains.size(); ++i)
    store_words(&entry<xenmon_domain>(h.domain, i), &s.domains[i], sizeof(xenmon_domain));
  for (std::size_t i = 0; i < s.vcpus.size(); ++i) {
    const xenmon_vcpu& vcpu = s.vcpus[i];
    if (vcpu.flags != 0)
      claim_histograms(static_cast<std::uint32_t>(i), {s.domains[vcpu.domain_slot].uid, vcpu.vcpu_id});
    store_words(&entry<xenmon_vcpu>(h.vcpu, i), &vcpu, sizeof vcpu);
  }
  for (const HistogramChange& change : s.histograms) write_histograms(change);
  if (s.carries) set_carries(*s.carries);
  store_count(h.pcpu, s.pcpus.size());
  store_count(h.domain, s.domains.size());
  store_count(h.vcpu, s.vcpus.size());
  store_count(h.hist, s.vcpus.size());
  end_tables();
}

// A slot's histograms start from zero when another vCPU has it.
void RegionImage::claim_histograms(std::uint32_t slot, const Owner& owner) {
  Owner& present = file_.owners[slot];
  if (present == owner) [[likely]]
    return;
  // A slot that nobody has had is all zeros.
  if (present != Owner{}) {
    static constexpr xenmon_histograms kZero{};
    store_words(&entry<xenmon_histograms>(header().hist, slot), &kZero, sizeof kZero);
    drop_carries(slot);
  }
  present = owner;
}

// Counters are read one by one, so only what changed is copied.
void RegionImage::write_histograms(const HistogramChange& change) {
  auto& out = entry<xenmon_histograms>(header().hist, change.vcpu_slot);
  std::uint32_t* const to[] = {out.wake_wait, out.preempt_wait, out.run};
  for (std::size_t i = 0; i < HistogramChange::kHistograms; ++i) {
    for (std::uint32_t lines = change.lines[i]; lines != 0; lines &= lines - 1) {
      const auto first = static_cast<std::uint32_t>(std::countr_zero(lines)) * XENMON_HIST_LINE_BUCKETS;
      const std::uint32_t* const counts = change.counts[i] + first;
      // A count only grows, so one that is smaller has passed 2^32. Only the writer stores into the file.
      bool passed = false;
      for (std::uint32_t n = 0; n < XENMON_HIST_LINE_BUCKETS; ++n) passed |= counts[n] < to[i][first + n];
      if (passed) [[unlikely]] {
        for (std::uint32_t n = 0; n < XENMON_HIST_LINE_BUCKETS; ++n) {
          if (counts[n] < to[i][first + n])
            carry(change.vcpu_slot, static_cast<std::uint32_t>(i) * XENMON_HIST_BUCKETS + first + n);
        }
      }
      store_words(to[i] + first, counts, XENMON_HIST_LINE_BUCKETS * sizeof(std::uint32_t));
    }
  }
}

void RegionImage::carry(std::uint32_t slot, std::uint32_t bucket) {
  std::size_t at = file_.carries.size();
  for (std::size_t i = 0; i < file_.carries.size(); ++i) {
    const xenmon_carry& known = file_.carries[i];
    if (known.vcpu_slot == XENMON_NO_SLOT) at = i;
    if (known.vcpu_slot == slot && known.bucket == bucket) {
      at = i;
      break;
    }
  }
  if (at == file_.carries.size()) file_.carries.push_back({XENMON_NO_SLOT, 0, 0});
  xenmon_carry& entry = file_.carries[at];
  const std::uint64_t before = entry.vcpu_slot == XENMON_NO_SLOT ? 0 : entry.passed;
  entry = {slot, bucket, before + 1};
  write_carry(at);
}

void RegionImage::set_carries(std::span<const xenmon_carry> carries) {
  const std::size_t before = file_.carries.size();
  file_.carries.assign(carries.begin(), carries.end());
  file_.carries.resize(std::max(before, carries.size()), {XENMON_NO_SLOT, 0, 0});
  for (std::size_t i = 0; i < file_.carries.size(); ++i) write_carry(i);
}

void RegionImage::drop_carries(std::uint32_t slot) {
  for (std::size_t i = 0; i < file_.carries.size(); ++i) {
    if (file_.carries[i].vcpu_slot != slot) continue;
    file_.carries[i] = {XENMON_NO_SLOT, 0, 0};
    write_carry(i);
  }
}

void RegionImage::write_carry(std::size_t position) {
  xenmon_table& table = header().carry;
  if (position >= table.capacity) return;
  store_words(&entry<xenmon_carry>(table, position), &file_.carries[position], sizeof(xenmon_carry));
  store_count(table, std::min<std::size_t>(file_.carries.size(), table.capacity));
}

// Before their sample, so that a reader that sees the sample finds them.
void RegionImage::write_waits(const Snapshot& snapshot) {
  xenmon_region_header& h = header();
  for (xenmon_wait wait : snapshot.waits) {
    const std::uint64_t number = ++file_.newest_wait;
    auto& out = entry<xenmon_wait>(h.wait, number % h.wait.capacity);
    store_word(out.seq, 0);
    std::atomic_thread_fence(std::memory_order_release);
    wait.seq = 0;
    store_words(&out, &wait, sizeof wait);
    store_word(out.seq, number, std::memory_order_release);
  }
  // Numbers that no entry has: readers see that there were so many more.
  file_.newest_wait += snapshot.waits_left_out;
  store_word(h.newest_wait, file_.newest_wait, std::memory_order_release);
}

void RegionImage::write_sample(const SnapshotSample& sample, const SnapshotSize& size) {
  xenmon_region_header& h = header();
  const std::uint64_t number = sample.number != 0 ? sample.number : file_.newest + 1;
  // What is about to be overwritten must first be seen to be gone.
  for (; file_.oldest <= file_.newest; ++file_.oldest) {
    if (!is_there(file_.oldest)) continue;
    if (!shares_place(file_.oldest, number) && !overwrites_rows(file_.oldest, size)) break;
    store_word(entry<xenmon_sample>(h.sample, file_.oldest % h.sample.capacity).seq, 0);
  }
  if (file_.oldest > file_.newest) file_.oldest = number;
  std::atomic_thread_fence(std::memory_order_release);

  for (std::size_t i = 0; i < sample.rows.size(); ++i) {
    store_words(&entry<xenmon_row>(h.row, (file_.row_position + i) % h.row.capacity), &sample.rows[i],
                sizeof(xenmon_row));
  }
  for (std::size_t i = 0; i < sample.io_rows.size(); ++i) {
    store_words(&entry<xenmon_io_row>(h.io_row, (file_.io_row_position + i) % h.io_row.capacity),
                &sample.io_rows[i], sizeof(xenmon_io_row));
  }
  for (std::size_t i = 0; i < sample.domain_rows.size(); ++i) {
    store_words(
        &entry<xenmon_domain_row>(h.domain_row, (file_.domain_row_position + i) % h.domain_row.capacity),
        &sample.domain_rows[i], sizeof(xenmon_domain_row));
  }
  auto& out = entry<xenmon_sample>(h.sample, number % h.sample.capacity);
  xenmon_sample fresh{};
  fresh.start_ns = sample.start_ns;
  fresh.end_ns = sample.end_ns;
  fresh.first_row = file_.row_position;
  fresh.first_io_row = file_.io_row_position;
  fresh.first_domain_row = file_.domain_row_position;
  fresh.row_count = static_cast<std::uint32_t>(sample.rows.size());
  fresh.io_row_count = static_cast<std::uint32_t>(sample.io_rows.size());
  fresh.domain_row_count = static_cast<std::uint32_t>(sample.domain_rows.size());
  fresh.lost_records = sample.lost_records;
  fresh.records = sample.records;
  store_words(&out, &fresh, sizeof fresh); // seq is 0 meanwhile
  store_word(out.seq, number, std::memory_order_release);

  file_.row_position += sample.rows.size();
  file_.io_row_position += sample.io_rows.size();
  file_.domain_row_position += sample.domain_rows.size();
  file_.newest = number;
  waits_until_[number % waits_until_.size()] = file_.newest_wait;
  store_word(h.newest_sample, number, std::memory_order_release);
}

void RegionImage::write_counters(const Snapshot& snapshot) {
  xenmon_region_header& h = header();
  xenmon_counters& counters = h.counters;
  const xenmon_counters& from = snapshot.counters;
  store_word(counters.records, from.records);
  store_word(counters.bytes, from.bytes);
  store_word(counters.lost_records, from.lost_records);
  store_word(counters.bad_records, from.bad_records);
  store_word(counters.late_records, from.late_records);
  store_word(counters.state_conflicts, from.state_conflicts);
  store_word(counters.conservation_violations, from.conservation_violations);
  store_word(counters.samples, file_.newest);
  for (std::size_t i = 0; i < snapshot.bad_records_by.size(); ++i)
    store_word(h.bad_records_by[i], snapshot.bad_records_by[i]);
  for (std::size_t i = 0; i < snapshot.source_faults.size(); ++i)
    store_word(h.source_faults[i], snapshot.source_faults[i]);
}

// ---- what readers see at once

void RegionImage::set_verdicts(std::span<const xenmon_verdict> verdicts) {
  std::vector<xenmon_verdict> next(verdicts.begin(), verdicts.end());
  if (next.size() > options_.capacities.verdict) next.resize(options_.capacities.verdict);
  for (xenmon_verdict& verdict : next) verdict.text[XENMON_VERDICT_TEXT_BYTES - 1] = 0;
  const bool same =
      next.size() == verdicts_.size() &&
      (next.empty() || std::memcmp(next.data(), verdicts_.data(), next.size() * sizeof next.front()) == 0);
  if (same) return;
  verdicts_ = std::move(next);
  begin_tables();
  write_verdicts();
  end_tables();
}

void RegionImage::write_verdicts() {
  xenmon_table& table = header().verdict;
  for (std::size_t i = 0; i < verdicts_.size(); ++i)
    store_words(&entry<xenmon_verdict>(table, i), &verdicts_[i], sizeof verdicts_[i]);
  store_count(table, verdicts_.size());
}

void RegionImage::set_settings(std::span<const xenmon_setting> settings) {
  const bool same = settings.size() == settings_.size() &&
                    (settings.empty() || std::memcmp(settings.data(), settings_.data(),
                                                     settings.size() * sizeof settings.front()) == 0);
  if (same) return;
  settings_.assign(settings.begin(), settings.end());
  begin_tables();
  write_settings();
  end_tables();
}

void RegionImage::write_settings() {
  xenmon_table& table = header().setting;
  const std::size_t count = settings_.size() <= table.capacity ? settings_.size() : 0;
  for (std::size_t i = 0; i < count; ++i)
    store_words(&entry<xenmon_setting>(table, i), &settings_[i], sizeof settings_[i]);
  store_count(table, count);
}

void RegionImage::set_wall_epoch(std::uint64_t epoch_ns) {
  facts_.wall_epoch_ns = epoch_ns;
  store_word(header().wall_epoch_ns, epoch_ns);
}

void RegionImage::heartbeat(std::uint64_t wakeups, std::uint64_t daemon_cpu_ns, std::uint64_t quiet_ns) {
  xenmon_region_header& h = header();
  store_word(h.counters.wakeups, wakeups);
  store_word(h.counters.daemon_cpu_ns, daemon_cpu_ns);
  const std::uint64_t now = boottime_ns();
  store_word(h.heartbeat_ns, now - std::min(now, quiet_ns));
}

void RegionImage::set_held(bool held) {
  held_ = held;
  store_word(header().flags, flags(), std::memory_order_release);
}

void RegionImage::set_connected(bool connected) {
  connected_ = connected;
  store_word(header().flags, flags(), std::memory_order_release);
}

void RegionImage::set_state(std::uint64_t state) {
  store_word(header().state, state, std::memory_order_release);
}

Status RegionImage::restart(std::uint64_t daemon_start) {
  facts_.daemon_start = daemon_start != 0 ? daemon_start : random_number();
  held_ = history_shortened_ = false;
  std::fill(waits_until_.begin(), waits_until_.end(), 0);
  if (Status made = make_file(file_.capacities); !made) return made;
  return put_in_place();
}

} // namespace xenmon
