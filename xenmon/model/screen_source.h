// SPDX-License-Identifier: GPL-2.0-or-later
//
// Follows a region for the screen, and makes models of what it knows: everything in a session that is not the
// user's doing.
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

  // Forgets everything except what the region still has, for windows of these lengths.
  void set_windows(const WindowLengths& windows_ns);

  // Reads what is new. Nothing is read while held; afterwards it is read from the region, which has all that
  // the windows need.
  void follow();
  // What is recent in the distributions is the difference of two looks, so whoever wants it looks regularly.
  // model() does so for the view of latency.
  void look_at_latency();
  void hold(bool held);
  bool held() const { return held_; }

  // From now on everything is for this pCPU, or for all.
  void select(std::optional<std::uint32_t> pcpu);
  // What the view shows, without what complete() adds. Reads the distributions if it is that view.
  ScreenModel model(const ViewState& state);
  const Trend& trend() const { return trend_; }
  // In a model for the view of latency, fills in what the `rows` lines from the state's position on need.
  void complete(ScreenModel& model, const ViewState& state, std::span<const TableLine> lines,
                std::size_t rows) const;
  // For the line that is selected in that view; empty for the others.
  SelectedModel selected(const ScreenModel& model, const ViewState& state,
                         const std::vector<TableLine>& lines) const;

  // See model_builder.h.
  std::vector<std::uint32_t> pcpus() const;
  // An Error once it is known that the selected pCPU does not exist.
  Status check_selected() const;
  // CLOCK_REALTIME at trace time 0; 0 if it is not known.
  std::uint64_t wall_epoch_ns() const;
  // Of the region, as of the last follow().
  const Health& health() const { return follower_.attachment().health(); }
  // The trace time of a recording that is shown.
  std::uint64_t position_ns() const { return follower_.attachment().health().position_ns; }

 private:
  enum class Graphs { kGoOn, kStartAgain };
  // Reads again what the region still has.
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
  Contenders contenders_;
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
