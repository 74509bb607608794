// SPDX-License-Identifier: GPL-2.0-or-later
//
// Follows a region for the screen, and makes models of what it knows: everything of a session that is not
// the user's doing.
#ifndef XENMON_XENMON_MODEL_SCREEN_SOURCE_H
#define XENMON_XENMON_MODEL_SCREEN_SOURCE_H

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/counter_track.h"
#include "client/history.h"
#include "client/latency.h"
#include "client/region_follower.h"
#include "client/rivals.h"
#include "daemon/publisher.h"
#include "model/arrange.h"
#include "model/screen_model.h"
#include "model/trend.h"
#include "model/view_state.h"

namespace xenmon {

class ScreenSource final : private FollowSink {
 public:
  explicit ScreenSource(Publisher& publisher);

  // Forgets everything but what the region still has, for windows of these lengths.
  void set_windows(const WindowLengths& windows_ns);

  // Takes in what is new. Nothing is taken while held; what comes after it is read from the region, which
  // has all that the windows need.
  void follow();
  void hold(bool held);
  bool held() const { return held_; }

  // From now on all is of this pCPU, or of all.
  void select(std::optional<std::uint32_t> pcpu);
  // What the view shows but for complete(). Looks at the distributions if it is that view.
  ScreenModel model(const ViewState& state);
  const Trend& trend() const { return trend_; }
  // Fills in, in a model for the view of latency, what the `rows` of its lines from the state's position on
  // need.
  void complete(ScreenModel& model, const ViewState& state, std::span<const TableLine> lines,
                std::size_t rows) const;
  // Of the line that is selected in that view; empty for the others.
  SelectedModel selected(const ScreenModel& model, const ViewState& state,
                         const std::vector<TableLine>& lines) const;

  // See model_builder.h.
  std::vector<std::uint32_t> pcpus() const;
  // An Error once it is known that the pCPU selected does not exist.
  Status check_selected() const;
  // Trace time that is shown of a recording.
  std::uint64_t position_ns() const { return follower_.attachment().health().position_ns; }

 private:
  enum class Graphs { kGoOn, kBeginAnew };
  // Reads anew what the region still has.
  void start_again(Graphs graphs);
  Result<SampleFeed::From> begin(const RegionReader& reader) override;
  void add(const Sample& sample) override;
  void add_to_trend();
  // Null while there is none that can be read.
  const RegionReader* readable() const;

  Publisher& publisher_;
  RegionFollower follower_;
  History history_;
  LatencyHistory latency_;
  Rivals rivals_;
  CounterTrack counters_;
  Trend trend_;
  std::optional<std::uint32_t> pcpu_;
  bool rewinding_ = false;            // what comes has been in the graphs before
  std::uint64_t next_point_ns_ = 0;   // of the graphs, on the trace clock
  std::vector<MetricSums> by_domain_; // while a point is made
  bool held_ = false;
};

} // namespace xenmon

#endif // XENMON_XENMON_MODEL_SCREEN_SOURCE_H
