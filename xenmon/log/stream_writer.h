// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log as one stream of records for other programs: CSV (RFC 4180) or JSON, one object per line.
//
// Every interval has a record of each domain on each pCPU with any figures, and with `vcpus` also one of each
// of its vCPUs. The fields are in kColumns of stream_writer.cpp, in that order, under names that end in their
// units; all figures are sums over the interval, and none is rounded. A domain's record has no vCPU; a vCPU's
// record has no I/O, because only the domain of a page exchange is known. The idle domain does not wait, it
// has nothing else to do: its waited and blocked times are empty.
#ifndef XENMON_XENMON_LOG_STREAM_WRITER_H
#define XENMON_XENMON_LOG_STREAM_WRITER_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "log/interval_writer.h"
#include "log/log_uids.h"
#include "log/output_file.h"
#include "log/record_line.h"
#include "metric_sums.h"

namespace xenmon {

enum class StreamFormat { kCsv, kJsonLines };

class StreamWriter final : public IntervalWriter {
 public:
  struct Settings {
    StreamFormat format = StreamFormat::kCsv;
    std::string path = "-"; // "-": standard output
    CsvFormulas formulas = CsvFormulas::kWhole;
    bool vcpus = false; // then the feed must resolve vCPUs
    std::optional<std::uint32_t> pcpu;
    std::uint64_t interval_ns = 0;
    std::uint64_t duration_ns = 0;
  };

  // `directory` is the feed's.
  StreamWriter(const Settings& settings, const DomainDirectory& directory);

  // An object of its own in JSON; CSV has no place for it.
  Status write_verdicts(const std::vector<std::string>& sentences) override;
  void reopen() override { file_.reopen(); }

 private:
  struct Account {
    DomainIndex domain = kNoDomain;
    MetricSums sums;
    SliceRange slices;
  };
  // domid and uid, vCPU (-1: the domain), pCPU (-1: not known): the order of an interval's records.
  using Place = std::tuple<std::uint32_t, std::uint64_t, std::int64_t, std::int64_t>;

  void take(const Sample& sample) override;
  Status write(const Interval& interval) override;
  void daemon_changed() override;
  [[nodiscard]] bool counts(std::uint32_t pcpu) const { return !settings_.pcpu || *settings_.pcpu == pcpu; }
  Account& account_of(DomainIndex domain, std::int64_t vcpu, std::uint32_t pcpu);

  Settings settings_;
  const DomainDirectory& directory_;
  OutputFile file_;
  LogUids uids_;
  std::map<Place, Account> accounts_; // of the interval
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_STREAM_WRITER_H
