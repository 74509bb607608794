// SPDX-License-Identifier: GPL-2.0-or-later
#include "comparison.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>
#include <string_view>

#include "client/region_reader.h"
#include "xenmon/region.h"

namespace xenmon::model {

namespace {

using Json = nlohmann::json;

class Differences {
 public:
  void expect(const std::string& what, std::uint64_t is, std::uint64_t should) {
    if (is != should) text_ << what << " is " << is << ", true is " << should << '\n';
  }
  void say(const std::string& what) { text_ << what << '\n'; }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
};

std::string name_of(const DomainTruth& domain, std::size_t owner) {
  std::string text = "d" + std::to_string(domain.domid);
  if (owner > 0) text += "#" + std::to_string(owner + 1);
  return text;
}

// ---- distributions

struct Reported {
  std::uint64_t p50 = 0;
  std::uint64_t p95 = 0;
  std::uint64_t p99 = 0;
  std::uint64_t max = 0;
};

// A percentile is within the bucket that the true one is in, and never above the maximum.
bool fits(const Reported& reported, std::vector<std::uint64_t> lengths) {
  if (lengths.empty())
    return reported.p50 == 0 && reported.p95 == 0 && reported.p99 == 0 && reported.max == 0;
  std::sort(lengths.begin(), lengths.end());
  if (reported.max != lengths.back()) return false;
  const auto one = [&](std::uint64_t value, std::uint64_t percent) {
    const std::uint64_t rank = std::max<std::uint64_t>((lengths.size() * percent + 99) / 100, 1);
    const std::uint32_t bucket = xenmon_hist_bucket(lengths[rank - 1]);
    if (value > reported.max || value < xenmon_hist_lower(bucket)) return false;
    return bucket + 1 == XENMON_HIST_BUCKETS || value <= xenmon_hist_lower(bucket + 1);
  };
  return one(reported.p50, 50) && one(reported.p95, 95) && one(reported.p99, 99);
}

// With or without those that are not sure; there are a few at most.
bool fits_any(const Reported& reported, std::vector<std::uint64_t>& sure, std::span<const Length> unsure) {
  if (unsure.empty()) return fits(reported, sure);
  const Length& first = unsure.front();
  if (fits_any(reported, sure, unsure.subspan(1))) return true;
  for (const std::uint64_t ns : {first.ns, first.or_ns}) {
    sure.push_back(ns);
    const bool fit = fits_any(reported, sure, unsure.subspan(1));
    sure.pop_back();
    if (fit) return true;
  }
  return false;
}

bool fits_any(const Reported& reported, const std::vector<Length>& lengths) {
  std::vector<std::uint64_t> sure;
  std::vector<Length> unsure;
  for (const Length& length : lengths) {
    if (length.sure) {
      sure.push_back(length.ns);
    } else {
      unsure.push_back(length);
    }
  }
  return fits_any(reported, sure, unsure);
}

void compare_lengths(Differences& differences, const std::string& what, const Json& json,
                     const std::vector<Length>& lengths) {
  const Reported reported{json["p50"], json["p95"], json["p99"], json["max"]};
  if (fits_any(reported, lengths)) return;
  std::string text = what + " is " + json.dump() + ", true are";
  for (const Length& length : lengths) text += ' ' + std::to_string(length.ns) + (length.sure ? "" : "?");
  differences.say(text);
}

// ---- totals

void compare_vcpu(Differences& differences, const std::string& name, const Json& json,
                  const VcpuTruth& truth) {
  static constexpr const char* kKeys[] = {"gotten_ns",  "waited_wake_ns", "waited_preempt_ns",
                                          "blocked_ns", "offline_ns",     "unknown_ns"};
  for (std::size_t part = 0; part < kParts; ++part)
    differences.expect(name + ' ' + kPartNames[part], json[kKeys[part]], truth.times[part]);
  differences.expect(name + " waited", json["waited_ns"], truth.times[kWakePart] + truth.times[kPreemptPart]);
  differences.expect(name + " executions", json["executions"], truth.executions);
  differences.expect(name + " migrations", json["migrations"], truth.migrations);
  differences.expect(name + " avoidable waiting", json["avoidable_wait_ns"], truth.avoidable);
  const Json& slices = json["allocated_ns"];
  differences.expect(name + " slices", slices["count"], truth.slices.count);
  differences.expect(name + " slices' sum", slices["sum"], truth.slices.sum);
  differences.expect(name + " shortest slice", slices["min"], truth.slices.min);
  differences.expect(name + " longest slice", slices["max"], truth.slices.max);
  std::map<std::uint32_t, std::uint64_t> should;
  for (const auto& [pcpu, times] : truth.by_pcpu) {
    if (times[kRunningPart] != 0) should[pcpu] = times[kRunningPart];
  }
  std::map<std::uint32_t, std::uint64_t> is;
  for (const auto& [pcpu, ns] : json["gotten_by_pcpu_ns"].items()) {
    if (ns.get<std::uint64_t>() != 0) is[static_cast<std::uint32_t>(std::stoul(pcpu))] = ns;
  }
  for (const auto& [pcpu, ns] : should)
    differences.expect(name + " gotten by pCPU " + std::to_string(pcpu), is[pcpu], ns);
  for (const auto& [pcpu, ns] : is) {
    if (!should.contains(pcpu)) differences.expect(name + " gotten by pCPU " + std::to_string(pcpu), ns, 0);
  }
  compare_lengths(differences, name + " waits after wake", json["wake_wait_ns"], truth.wake_waits);
  compare_lengths(differences, name + " waits after preemption", json["preempt_wait_ns"],
                  truth.preempt_waits);
  std::vector<Length> both = truth.wake_waits;
  both.insert(both.end(), truth.preempt_waits.begin(), truth.preempt_waits.end());
  compare_lengths(differences, name + " waits", json["wait_ns"], both);
  compare_lengths(differences, name + " executions' lengths", json["run_ns"], truth.runs);
}

} // namespace

std::string compare_totals(const Truth& truth, const std::string& json_text) {
  Differences differences;
  const Json json = Json::parse(json_text, nullptr, false);
  if (json.is_discarded()) return "the totals are no JSON\n";
  differences.expect("records", json["records"], truth.records);
  differences.expect("lost records", json["lost_records"], 0);
  differences.expect("bad records", json["bad_records"], 0);
  differences.expect("duration", json["duration_ns"], truth.duration);
  // More pCPUs may be known to be there than have written anything.
  if (json["pcpus"].get<std::uint32_t>() < truth.pcpus)
    differences.expect("pCPUs", json["pcpus"], truth.pcpus);
  const Json& domains = json["domains"];
  std::string is;
  std::string should;
  for (const Json& domain : domains) is += " d" + std::to_string(domain["domid"].get<std::uint32_t>());
  for (const DomainTruth& domain : truth.domains) should += " d" + std::to_string(domain.domid);
  if (is != should) {
    differences.say("domains are" + is + ", true are" + should);
    return differences.text();
  }
  std::size_t owner = 0;
  for (std::size_t d = 0; d < truth.domains.size(); ++d) {
    const DomainTruth& domain = truth.domains[d];
    owner = d > 0 && truth.domains[d - 1].domid == domain.domid ? owner + 1 : 0;
    const std::string name = name_of(domain, owner);
    const Json& io = domains[d]["io"];
    static constexpr const char* kIo[] = {"map", "unmap", "transfer", "copy"};
    std::uint64_t total = 0;
    for (std::size_t kind = 0; kind < 4; ++kind) {
      differences.expect(name + ' ' + kIo[kind], io[kIo[kind]], domain.pages.count[kind]);
      total += domain.pages.count[kind];
    }
    differences.expect(name + " I/O", io["total"], total);
    if (io.contains("copy_bytes"))
      differences.expect(name + " bytes copied", io["copy_bytes"], domain.pages.copy_bytes);
    if (domain.domid != XENMON_DOMID_IDLE) {
      for (std::size_t state = 0; state < kWholes; ++state)
        differences.expect(name + ' ' + kWholeNames[state],
                           domains[d]["runstates"][kWholeNames[state] + std::string("_ns")],
                           domain.whole[state]);
    }
    std::uint64_t executions = 0;
    std::map<std::uint32_t, const Json*> vcpus;
    for (const Json& vcpu : domains[d]["vcpus"]) vcpus[vcpu["vcpu"]] = &vcpu;
    for (const VcpuTruth& vcpu : domain.vcpus) {
      const std::string vcpu_name = name + "v" + std::to_string(vcpu.id);
      executions += vcpu.executions;
      const auto found = vcpus.find(vcpu.id);
      if (found == vcpus.end()) {
        differences.say(vcpu_name + " is missing");
        continue;
      }
      compare_vcpu(differences, vcpu_name, *found->second, vcpu);
      vcpus.erase(found);
    }
    for (const auto& [id, vcpu] : vcpus) differences.say(name + "v" + std::to_string(id) + " has never been");
    differences.expect(name + " executions", domains[d]["executions"], executions);
  }
  return differences.text();
}

// ---- losses

namespace {

struct Sums {
  Times times{};
  std::uint64_t slices = 0;
};

} // namespace

std::string compare_lossy(const Truth& whole, std::uint64_t lost, std::uint64_t slack,
                          const std::string& json_text) {
  Differences differences;
  const Json json = Json::parse(json_text, nullptr, false);
  if (json.is_discarded()) return "the totals are no JSON\n";
  differences.expect("records", json["records"], whole.records);
  differences.expect("lost records", json["lost_records"], lost);
  differences.expect("bad records", json["bad_records"], 0);
  differences.expect("duration", json["duration_ns"], whole.duration);
  std::map<std::pair<std::uint32_t, std::uint32_t>, Sums> truth;
  std::map<std::uint32_t, std::uint64_t> pages;
  for (const DomainTruth& domain : whole.domains) {
    for (const std::uint64_t count : domain.pages.count) pages[domain.domid] += count;
    for (const VcpuTruth& vcpu : domain.vcpus) {
      Sums& sums = truth[{domain.domid, vcpu.id}];
      for (std::size_t part = 0; part < kParts; ++part) sums.times[part] += vcpu.times[part];
      sums.slices += vcpu.slices.count;
    }
  }
  static constexpr const char* kKeys[] = {"gotten_ns", "waited_wake_ns", "waited_preempt_ns", "blocked_ns",
                                          "offline_ns"};
  std::map<std::pair<std::uint32_t, std::uint32_t>, Sums> said;
  std::map<std::uint32_t, std::uint64_t> pages_said;
  for (const Json& domain : json["domains"]) {
    pages_said[domain["domid"]] += domain["io"]["total"].get<std::uint64_t>();
    for (const Json& vcpu : domain["vcpus"]) {
      Sums& sums = said[{domain["domid"], vcpu["vcpu"]}];
      std::uint64_t total = vcpu["unknown_ns"];
      for (std::size_t part = 0; part < kUnknownPart; ++part) {
        const std::uint64_t ns = vcpu[kKeys[part]];
        sums.times[part] += ns;
        total += ns;
      }
      sums.slices += vcpu["allocated_ns"]["count"].get<std::uint64_t>();
      differences.expect("d" + domain["domid"].dump() + "v" + vcpu["vcpu"].dump() + " times together", total,
                         whole.duration);
    }
  }
  for (const auto& [who, sums] : said) {
    const std::string name = "d" + std::to_string(who.first) + "v" + std::to_string(who.second);
    const auto found = truth.find(who);
    if (found == truth.end()) {
      differences.say(name + " has never been");
      continue;
    }
    for (std::size_t part = 0; part < kUnknownPart; ++part) {
      if (sums.times[part] > found->second.times[part] + slack)
        differences.expect(name + ' ' + kPartNames[part], sums.times[part], found->second.times[part]);
    }
    if (sums.slices > found->second.slices)
      differences.expect(name + " slices", sums.slices, found->second.slices);
  }
  for (const auto& [domid, count] : pages_said) {
    if (count > pages[domid]) differences.expect("d" + std::to_string(domid) + " I/O", count, pages[domid]);
  }
  return differences.text();
}

// ---- region

namespace {

struct RowSums {
  std::map<std::uint32_t, Times> by_pcpu;
  std::uint64_t executions = 0;
  std::uint64_t continues = 0;
  std::uint64_t migrations = 0;
  std::uint64_t avoidable = 0;
  SliceFigures slices;
};

void add_row(RowSums& sums, const xenmon_row& row) {
  Times& times = sums.by_pcpu[row.pcpu];
  const std::array<std::uint32_t, kParts> parts{row.running_ns, row.waited_wake_ns, row.waited_preempt_ns,
                                                row.blocked_ns, row.offline_ns,     row.unknown_ns};
  for (std::size_t part = 0; part < kParts; ++part) times[part] += parts[part];
  sums.executions += row.executions;
  sums.continues += row.continues;
  sums.migrations += row.migrations;
  sums.avoidable += row.avoidable_wait_ns;
  if (row.slice_count == 0) return;
  SliceFigures& slices = sums.slices;
  if (slices.count == 0 || row.slice_min_ns < slices.min) slices.min = row.slice_min_ns;
  slices.max = std::max<std::uint64_t>(slices.max, row.slice_max_ns);
  slices.count += row.slice_count;
  slices.sum += row.slice_sum_ns;
}

void compare_slices(Differences& differences, const std::string& name, const SliceFigures& is,
                    const SliceFigures& should) {
  differences.expect(name + " slices", is.count, should.count);
  differences.expect(name + " slices' sum", is.sum, should.sum);
  differences.expect(name + " shortest slice", is.min, should.min);
  differences.expect(name + " longest slice", is.max, should.max);
}

class RegionComparison {
 public:
  RegionComparison(const Truth& truth, const RegionReader& reader) : truth_(truth), reader_(reader) {}

  std::string run() {
    if (reader_.state() != XENMON_STATE_ENDED) differences_.say("the region has not ended");
    if (!reader_.read_tables(tables_, true)) return "the tables cannot be read\n";
    const xenmon_counters counters = reader_.counters();
    differences_.expect("records", counters.records, truth_.records);
    differences_.expect("lost records", counters.lost_records, 0);
    differences_.expect("bad records", counters.bad_records, 0);
    differences_.expect("late records", counters.late_records, 0);
    differences_.expect("state conflicts", counters.state_conflicts, 0);
    differences_.expect("conservation violations", counters.conservation_violations, 0);
    read_samples();
    domains();
    return differences_.text();
  }

 private:
  void read_samples() {
    SampleCopy copy;
    const std::uint64_t newest = reader_.newest_sample();
    std::uint64_t end = 0;
    for (std::uint64_t number = 1; number <= newest; ++number) {
      if (reader_.read_sample(number, copy) != ReadOutcome::kCopied) {
        differences_.say("sample " + std::to_string(number) + " of " + std::to_string(newest) +
                         " cannot be read");
        samples_whole_ = false;
        return;
      }
      differences_.expect("start of sample " + std::to_string(number), copy.head().start_ns, end);
      end = copy.head().end_ns;
      for (const xenmon_row& row : copy.rows()) add_row(rows_[row.vcpu_slot], row);
      for (const xenmon_io_row& row : copy.io_rows()) {
        Pages& pages = io_rows_[row.domain_slot][row.pcpu];
        const std::array<std::uint32_t, 4> counts{row.map, row.unmap, row.transfer, row.copy};
        for (std::size_t kind = 0; kind < 4; ++kind) pages.count[kind] += counts[kind];
        pages.copy_bytes += row.copy_bytes;
      }
      for (const xenmon_domain_row& row : copy.domain_rows()) {
        WholeTimes& times = domain_rows_[row.domain_slot];
        const WholeTimes of_row{
            row.full_run_ns,           row.partial_run_ns, row.full_contention_ns, row.partial_contention_ns,
            row.concurrency_hazard_ns, row.blocked_ns,     row.unknown_ns};
        for (std::size_t state = 0; state < kWholes; ++state) times[state] += of_row[state];
      }
    }
    differences_.expect("duration", end, truth_.duration);
  }

  void domains() {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < tables_.domains.size(); ++slot) {
      if ((tables_.domains[slot].flags & XENMON_DOMAIN_IN_USE) != 0) slots.push_back(slot);
    }
    std::sort(slots.begin(), slots.end(), [&](std::uint32_t a, std::uint32_t b) {
      const xenmon_domain& x = tables_.domains[a];
      const xenmon_domain& y = tables_.domains[b];
      return x.domid != y.domid ? x.domid < y.domid : x.uid < y.uid;
    });
    std::string is;
    std::string should;
    for (const std::uint32_t slot : slots) is += " d" + std::to_string(tables_.domains[slot].domid);
    for (const DomainTruth& domain : truth_.domains) should += " d" + std::to_string(domain.domid);
    if (is != should) {
      differences_.say("domains are" + is + ", true are" + should);
      return;
    }
    std::size_t owner = 0;
    for (std::size_t d = 0; d < slots.size(); ++d) {
      const DomainTruth& domain = truth_.domains[d];
      owner = d > 0 && truth_.domains[d - 1].domid == domain.domid ? owner + 1 : 0;
      compare_domain(name_of(domain, owner), slots[d], domain);
    }
  }

  void compare_domain(const std::string& name, std::uint32_t slot, const DomainTruth& domain) {
    const xenmon_domain& entry = tables_.domains[slot];
    static constexpr const char* kIo[] = {" map", " unmap", " transfer", " copy"};
    const std::array<std::uint64_t, 4> io{entry.io_map, entry.io_unmap, entry.io_transfer, entry.io_copy};
    for (std::size_t kind = 0; kind < 4; ++kind)
      differences_.expect(name + kIo[kind], io[kind], domain.pages.count[kind]);
    differences_.expect(name + " bytes copied", entry.io_copy_bytes, domain.pages.copy_bytes);
    if (samples_whole_) {
      std::map<std::uint32_t, Pages> sums = io_rows_[slot];
      for (const auto& [pcpu, pages] : domain.pages_by_pcpu) {
        const std::string where = name + " on pCPU " + std::to_string(pcpu);
        for (std::size_t kind = 0; kind < 4; ++kind)
          differences_.expect(where + kIo[kind] + " in rows", sums[pcpu].count[kind], pages.count[kind]);
        sums.erase(pcpu);
      }
      for (const auto& [pcpu, pages] : sums)
        differences_.say(name + " has I/O on pCPU " + std::to_string(pcpu));
    }
    compare_whole(name, entry, domain_rows_[slot], domain.whole);
    std::map<std::uint32_t, std::uint32_t> vcpus; // slots by id
    for (std::uint32_t at = 0; at < tables_.vcpus.size(); ++at) {
      const xenmon_vcpu& vcpu = tables_.vcpus[at];
      if ((vcpu.flags & XENMON_VCPU_IN_USE) != 0 && vcpu.domain_slot == slot) vcpus[vcpu.vcpu_id] = at;
    }
    for (const VcpuTruth& vcpu : domain.vcpus) {
      const std::string vcpu_name = name + "v" + std::to_string(vcpu.id);
      const auto found = vcpus.find(vcpu.id);
      if (found == vcpus.end()) {
        differences_.say(vcpu_name + " is missing");
        continue;
      }
      compare_vcpu(vcpu_name, found->second, vcpu);
      vcpus.erase(found);
    }
    for (const auto& [id, at] : vcpus) differences_.say(name + "v" + std::to_string(id) + " has never been");
  }

  void compare_whole(const std::string& name, const xenmon_domain& entry, const WholeTimes& in_rows,
                     const WholeTimes& truth) {
    const WholeTimes is{entry.full_run_ns,
                        entry.partial_run_ns,
                        entry.full_contention_ns,
                        entry.partial_contention_ns,
                        entry.concurrency_hazard_ns,
                        entry.blocked_ns,
                        entry.unknown_ns};
    for (std::size_t state = 0; state < kWholes; ++state) {
      differences_.expect(name + ' ' + kWholeNames[state], is[state], truth[state]);
      // A sample has no row for the time before the domain's first record.
      if (samples_whole_ && (state != kUnknownWhole || in_rows[state] > truth[state]))
        differences_.expect(name + ' ' + kWholeNames[state] + " in rows", in_rows[state], truth[state]);
    }
  }

  void compare_vcpu(const std::string& name, std::uint32_t slot, const VcpuTruth& truth) {
    const xenmon_vcpu& entry = tables_.vcpus[slot];
    Times times{entry.running_ns, entry.waited_wake_ns, entry.waited_preempt_ns,
                entry.blocked_ns, entry.offline_ns,     entry.unknown_ns};
    // One whose domain has ended is offline, and may not be written any more.
    if (entry.state == XENMON_VCPU_OFFLINE && entry.end_ns < truth_.duration)
      times[kOfflinePart] += truth_.duration - entry.end_ns;
    for (std::size_t part = 0; part < kParts; ++part)
      differences_.expect(name + ' ' + kPartNames[part], times[part], truth.times[part]);
    differences_.expect(name + " executions", entry.executions, truth.executions);
    differences_.expect(name + " continues", entry.continues, truth.continues);
    differences_.expect(name + " migrations", entry.migrations, truth.migrations);
    differences_.expect(name + " avoidable waiting", entry.avoidable_wait_ns, truth.avoidable);
    compare_slices(differences_, name,
                   {entry.slice_count, entry.slice_sum_ns, entry.slice_min_ns, entry.slice_max_ns},
                   truth.slices);
    const auto longest = [](const std::vector<Length>& lengths, std::uint64_t is) {
      std::uint64_t sure = 0;
      for (const Length& length : lengths) {
        if (length.sure) sure = std::max(sure, length.ns);
      }
      return is == sure || std::any_of(lengths.begin(), lengths.end(), [&](const Length& length) {
               return (length.ns == is || length.or_ns == is) && is >= sure;
             });
    };
    if (!longest(truth.wake_waits, entry.wake_wait_max_ns))
      differences_.say(name + " longest wait after wake is wrong");
    if (!longest(truth.preempt_waits, entry.preempt_wait_max_ns))
      differences_.say(name + " longest wait after preemption is wrong");
    if (!longest(truth.runs, entry.run_max_ns)) differences_.say(name + " longest execution is wrong");
    if (samples_whole_) compare_rows(name, rows_[slot], truth);
  }

  void compare_rows(const std::string& name, RowSums& sums, const VcpuTruth& truth) {
    differences_.expect(name + " executions in rows", sums.executions, truth.executions);
    differences_.expect(name + " continues in rows", sums.continues, truth.continues);
    differences_.expect(name + " migrations in rows", sums.migrations, truth.migrations);
    differences_.expect(name + " avoidable waiting in rows", sums.avoidable, truth.avoidable);
    compare_slices(differences_, name + " in rows:", sums.slices, truth.slices);
    // A sample has no row for the time before the vCPU's first record, nor for the time after its end.
    std::map<std::uint32_t, Times> should = truth.by_pcpu;
    for (auto& [pcpu, times] : should) {
      for (std::size_t part = 0; part < kOfflinePart; ++part) {
        differences_.expect(name + ' ' + kPartNames[part] + " in rows of pCPU " +
                                std::to_string(static_cast<std::int32_t>(pcpu)),
                            sums.by_pcpu[pcpu][part], times[part]);
      }
      for (const Part part : {kOfflinePart, kUnknownPart}) {
        if (sums.by_pcpu[pcpu][part] > times[part])
          differences_.expect(name + ' ' + kPartNames[part] + " in rows of pCPU " +
                                  std::to_string(static_cast<std::int32_t>(pcpu)),
                              sums.by_pcpu[pcpu][part], times[part]);
      }
    }
    for (const auto& [pcpu, times] : sums.by_pcpu) {
      if (!should.contains(pcpu) && times != Times{})
        differences_.say(name + " has rows of pCPU " + std::to_string(pcpu));
    }
  }

  const Truth& truth_;
  const RegionReader& reader_;
  Differences differences_;
  TablesCopy tables_;
  bool samples_whole_ = true;
  std::map<std::uint32_t, RowSums> rows_;
  std::map<std::uint32_t, std::map<std::uint32_t, Pages>> io_rows_;
  std::map<std::uint32_t, WholeTimes> domain_rows_;
};

} // namespace

std::string compare_region(const Truth& truth, const std::string& path) {
  Result<RegionFile> file = RegionFile::open(path);
  if (!file) return file.error().message + '\n';
  return RegionComparison(truth, file->reader()).run();
}

} // namespace xenmon::model
