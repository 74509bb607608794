// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arbitrary bytes as a region, through everything of the front end that reads one.
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "log/wait_line.h"
#include "model/history.h"
#include "region/domain_directory.h"
#include "region/region_reader.h"
#include "region/sample_feed.h"
#include "region/wait_feed.h"

using namespace xenmon; // NOLINT(google-build-using-namespace)

namespace {

// What would be written of each wait.
class Lines final : public WaitSink {
 public:
  explicit Lines(const DomainDirectory& directory) : lines_(directory) {}
  void add(const xenmon_wait& wait) override {
    (void)lines_.text(wait);
    (void)json_line(wait_columns(), lines_.fields(wait));
  }

 private:
  WaitLines lines_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A region is at least 8-byte aligned, as mappings are.
  std::vector<std::uint64_t> words((size + 7) / 8);
  if (size > 0) std::memcpy(words.data(), data, size);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(words.data()), size);
  const Result<RegionReader> reader = RegionReader::make(bytes, "fuzzed");
  if (!reader) return 0;
  DomainDirectory directory(10'000'000'000);
  SampleFeed feed(directory);
  History history;
  feed.start(*reader, SampleFeed::From::kOldest);
  feed.drain(*reader, history);
  history.select(0);
  feed.rewind(*reader);
  feed.drain(*reader, history);
  WaitFeed waits;
  Lines lines(directory);
  waits.start(*reader, WaitFeed::From::kOldest);
  waits.drain(*reader, UINT64_MAX / 2, lines);
  waits.drain(*reader, UINT64_MAX, lines);
  std::vector<SliceRange> ranges;
  history.slice_ranges(WindowId::kLong, ranges);
  for (DomainIndex domain = 0; domain < directory.size(); ++domain) {
    (void)history.figures(WindowId::kLong, domain).active();
    (void)history.figures(WindowId::kShort, domain).active();
  }
  return 0;
}
