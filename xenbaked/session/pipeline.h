// SPDX-License-Identifier: GPL-2.0-or-later
//
// Source -> merge -> bake: one trace on its way from bytes to samples, and to the recorder.
//
// read() takes passes, drain...() account for what they brought. Both sessions and the totals use it; when
// they do either is theirs to decide.
//
// A gap: something went missing between two passes and no record says what. What came before it is accounted
// for to the last record, and then every state is unknown until a record tells it.
#ifndef XENMON_XENBAKED_SESSION_PIPELINE_H
#define XENMON_XENBAKED_SESSION_PIPELINE_H

#include <cstdint>

#include "bake/baker.h"
#include "merge/merge.h"
#include "session/stop_flag.h"
#include "source/record_keeper.h"
#include "source/source.h"

namespace xenmon {

class Pipeline {
 public:
  static constexpr std::uint64_t kNoLimit = Merge::kNoLimit;

  // `patience`: how far accounting stays behind what has been read. `sink` may be null where all of a trace
  // is one sample, and `recorder` where nothing is recorded.
  Pipeline(Source& source, Merge::Patience patience, const Baker::Options& options, BakeSink* sink,
           RecordKeeper* recorder)
      : source_(source), recorder_(recorder), merge_(patience), baker_(options, sink) {}

  // Reads the next pass. Only what comes before a gap is accounted for by this.
  Status read();

  // Of the pass that was read last.
  [[nodiscard]] bool last() const { return pass_.last; } // nothing comes after it
  [[nodiscard]] bool gap() const { return pass_.gap; }
  [[nodiscard]] bool one_pcpu() const { return pass_.one_pcpu; }
  [[nodiscard]] bool brought_nothing() const { return pass_.windows.empty(); }

  // How many passes have been read, and whether any of them brought bytes.
  [[nodiscard]] std::uint64_t passes() const { return passes_; }
  [[nodiscard]] bool has_read() const { return has_read_; }

  // Accounts for everything whose place in the order is certain.
  void drain() { merge_.drain(kNoLimit, baker_); }
  // The same up to a TSC, a second of the trace at a time: a stop signal is noticed in between.
  void drain_to(std::uint64_t limit_tsc, const StopFlag& stop);
  // At most a second of the trace beyond its next record, and not beyond that TSC.
  void drain_step(std::uint64_t limit_tsc);
  // Nothing more will be read, so nothing is waited for.
  void drain_rest();
  // Ends the last sample at the last record.
  void finish() { baker_.finish(merge_.position()); }

  // The recording from its beginning, `pause_ns` after its last record.
  Status begin_round(std::uint64_t pause_ns);

  // The TSC of the next record that has been read and not accounted for, or kNoLimit.
  [[nodiscard]] std::uint64_t next_tsc();
  // The order is certain up to this TSC.
  [[nodiscard]] std::uint64_t watermark() const { return merge_.watermark(); }
  // Of a trace time; kNoLimit if that is beyond all TSCs.
  [[nodiscard]] std::uint64_t tsc_at(std::uint64_t trace_ns) const;
  [[nodiscard]] std::uint64_t ns_at(std::uint64_t tsc) const {
    return baker_.clock().to_ns(tsc - baker_.base_tsc());
  }

  [[nodiscard]] const Merge& merge() const { return merge_; }
  [[nodiscard]] Baker& baker() { return baker_; }
  [[nodiscard]] const Baker& baker() const { return baker_; }

 private:
  Source& source_;
  RecordKeeper* recorder_;
  Merge merge_;
  Baker baker_;
  Pass pass_;
  std::uint64_t passes_ = 0;
  bool has_read_ = false;
  std::uint64_t shift_ = 0;     // of this round's TSCs
  std::uint64_t first_tsc_ = 0; // of the first round; 0: there has been one round
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_PIPELINE_H
