// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arbitrary bytes as a region, through everything of the front end that reads one.
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "client/attachment.h"
#include "client/domain_directory.h"
#include "client/history.h"
#include "client/latency.h"
#include "client/region_reader.h"
#include "client/rivals.h"
#include "client/sample_feed.h"
#include "client/wait_feed.h"
#include "log/wait_line.h"
#include "model/model_builder.h"
#include "model/trend.h"
#include "screen/screen.h"

using namespace xenmon; // NOLINT(google-build-using-namespace)

namespace {

// What would be written of each wait.
class Texts final : public WaitSink {
 public:
  explicit Texts(const DomainDirectory& directory) : lines_(directory) {}
  void add(const xenmon_wait& wait) override {
    (void)lines_.text(wait);
    (void)json_line(wait_columns(), lines_.fields(wait));
  }

 private:
  WaitLines lines_;
};

// Every view of it.
void show(const RegionReader& reader, const SampleFeed& feed, const History& history) {
  LatencyHistory latency;
  latency.look(reader, feed.tables(), 0);
  latency.look(reader, feed.tables(), history.end_ns());
  Contenders contenders;
  contenders.look(reader, history.end_ns(), UINT64_MAX);
  const Attachment nothing("/nonexistent");
  const Trend trend;
  ViewState state;
  for (std::size_t view = 0; view < kViews; ++view) {
    state.view = static_cast<View>(view);
    ScreenModel model = build_screen_model(history, feed, nothing, std::nullopt, state.view);
    if (state.view == View::kLatency) add_latency(model, latency, feed, state);
    Scene scene(model, state, trend);
    if (state.view == View::kLatency) complete_latency(model, latency, scene.lines, state);
    SelectedModel selected;
    if (!scene.lines.empty()) {
      const TableLine& line = scene.lines.back();
      if (state.view == View::kLatency) selected.spreads = selected_latency(model, latency, line, true);
      selected.contenders = contenders.of({line.id.parent, line.id.child});
    }
    scene.selected = &selected;
    (void)render(scene, 132, 43);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A region is at least 8-byte aligned, as mappings are.
  std::vector<std::uint64_t> words((size + 7) / 8);
  if (size > 0) std::memcpy(words.data(), data, size);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(words.data()), size);
  const Result<RegionReader> reader = RegionReader::make(bytes, "fuzzed");
  if (!reader) return 0;
  DomainDirectory directory(10'000'000'000);
  SampleFeed feed(directory, SampleFeed::Vcpus::kResolve);
  History history;
  feed.start(*reader, SampleFeed::From::kOldest);
  feed.drain(*reader, history);
  feed.rewind(*reader);
  feed.drain(*reader, history);
  show(*reader, feed, history);
  WaitFeed waits;
  Texts texts(directory);
  waits.start(*reader, WaitFeed::From::kOldest);
  waits.drain(*reader, UINT64_MAX / 2, texts);
  waits.drain(*reader, UINT64_MAX, texts);
  return 0;
}
