// SPDX-License-Identifier: GPL-2.0-or-later
//
// The log of long waits: a line for each, sample by sample, and one where some may be missing.
#ifndef XENMON_XENMON_LOG_WAIT_WRITER_H
#define XENMON_XENMON_LOG_WAIT_WRITER_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/sample_feed.h"
#include "client/wait_feed.h"
#include "log/log_format.h"
#include "log/log_output.h"
#include "log/output_file.h"
#include "log/wait_line.h"

namespace xenmon {

class WaitWriter final : public LogOutput, private WaitSink {
 public:
  struct Settings {
    LogFormat format = LogFormat::kFiles; // kFiles: text
    std::string path = "-";               // "-": standard output
    CsvFormulas formulas = CsvFormulas::kWhole;
    std::uint64_t slow_ns = 0;         // waits of this length and more
    std::optional<std::uint32_t> pcpu; // that ended on this one
    std::uint64_t duration_ns = 0;     // on the trace clock; 0: without end
  };

  // directory is that of the feed whose samples come.
  WaitWriter(const Settings& settings, const DomainDirectory& directory);

  // A region of another daemon, or of the first. An Error if it does not record what is asked for. Call it
  // before the samples' feed is started, so that no wait of a sample that is handed on has been passed over.
  Status start(const RegionReader& reader, WaitFeed::From from);
  // The region that the samples to come are from. It must live until the last of them has been added.
  void reading(const RegionReader& reader);
  // Writes the waits that ended in it.
  void add(const Sample& sample) override;
  Status write_verdicts(const std::vector<std::string>& sentences) override;
  void reopen() override { file_.reopen(); }
  void finish() override {} // a wait is written when it ends

  // Once duration_ns has passed.
  bool done() const override { return done_; }
  // Of the current daemon's trace.
  std::uint64_t passed_ns() const override { return newest_ns_ - begin_ns_; }
  // Waits.
  std::uint64_t damaged() const override { return damaged_before_ + waits_.damaged(); }
  const Status& status() const override { return status_; }

 private:
  void add(const xenmon_wait& wait) override;

  Settings settings_;
  WaitFeed waits_;
  WaitLines lines_;
  OutputFile file_;
  const RegionReader* reader_ = nullptr; // of the samples that come
  bool started_ = false;                 // with a first daemon
  bool begun_ = false;                   // the current daemon's trace
  std::uint64_t end_ns_ = 0;             // of the wanted part of it
  std::uint64_t left_ns_;                // of duration_ns, at begin_ns_
  std::uint64_t begin_ns_ = 0;
  std::uint64_t newest_ns_ = 0;
  std::uint64_t told_missed_ = 0;    // of the missed waits, already reported
  std::uint64_t recorded_ns_ = 0;    // the daemon's own limit
  std::uint64_t damaged_before_ = 0; // of earlier daemons
  bool done_ = false;
  Status status_ = ok();
};

} // namespace xenmon

#endif // XENMON_XENMON_LOG_WAIT_WRITER_H
