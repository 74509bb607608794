// SPDX-License-Identifier: GPL-2.0-or-later
//
// Publishes each sample of a pipeline in the region, with the domains' names and the verdicts that are known
// by then.
//
// The first failure is kept, since a sample has nobody to return it to; nothing is published after it.
#ifndef XENMON_XENBAKED_SESSION_REGION_SINK_H
#define XENMON_XENBAKED_SESSION_REGION_SINK_H

#include <cstdint>
#include <optional>

#include "bake/baker.h"
#include "publish/region_writer.h"
#include "session/domain_names.h"
#include "session/pipeline.h"
#include "session/reader_patience.h"
#include "source/record_keeper.h"
#include "source/source.h"
#include "source/verdict.h"

namespace xenmon {

class RegionSink final : public BakeSink {
 public:
  // All of them outlive it, and nothing of them is used before the first sample. `recorder` may be null.
  RegionSink(RegionWriter& writer, const Pipeline& pipeline, DomainNames& names, Source& source,
             const Origin& origin, Verdicts& verdicts, RecordKeeper* recorder, ReaderWait patience);

  void on_sample(Baker& baker, const BakedSample& sample) override;
  // Publishes what is true of the trace as a whole by now. Each sample does it, too.
  void publish_health();

  // Trace time up to which everything is published.
  [[nodiscard]] std::uint64_t end_ns() const { return end_ns_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  RegionWriter& writer_;
  const Pipeline& pipeline_;
  DomainNames& names_;
  Source& source_;
  const Origin& origin_;
  Verdicts& verdicts_;
  RecordKeeper* recorder_;
  ReaderWait patience_;
  std::uint64_t published_ = 0; // verdicts_.changes() when the verdicts were published last
  std::uint64_t end_ns_ = 0;
  std::optional<Error> error_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SESSION_REGION_SINK_H
