// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arbitrary bytes in the trace buffers of a few pCPUs, in several passes, through decoding, merging and
// baking. The input is a row of [pCPU, end of pass and split, u16 length, bytes].
#include <cstdint>
#include <span>

#include "bake/baker.h"
#include "conservation.h"
#include "merge/merge.h"

using namespace xenmon; // NOLINT(google-build-using-namespace)

namespace {

template <class Feed>
void each_pass(std::span<const std::byte> input, Feed feed) {
  Pass pass;
  while (input.size() >= 4) {
    Window window;
    window.pcpu = static_cast<std::uint32_t>(input[0]) & 7U;
    const auto flags = static_cast<unsigned>(input[1]);
    std::size_t length = static_cast<std::size_t>(input[2]) | static_cast<std::size_t>(input[3]) << 8;
    input = input.subspan(4);
    length = std::min(length, input.size());
    const std::size_t cut = (flags & 2U) != 0 ? length / 2 : length;
    window.first = input.first(cut);
    window.second = input.subspan(cut, length - cut);
    input = input.subspan(length);
    pass.windows.push_back(window);
    pass.gap = pass.gap || (flags & 4U) != 0;
    if ((flags & 1U) != 0) {
      feed(pass);
      pass.clear();
    }
  }
  pass.last = true;
  feed(pass);
}

void run(std::span<const std::byte> input, Baker& baker) {
  Merge merge;
  each_pass(input, [&](const Pass& pass) {
    if (pass.gap) baker.discontinuity();
    merge.append(pass);
    merge.drain(Merge::kNoLimit, baker);
  });
  baker.finish(merge.position());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data), size);
  Baker whole(Baker::Options{});
  run(input, whole);
  test::check_totals(whole);

  test::CheckedSamples samples;
  Baker::Options options;
  options.sample_ns = Baker::kMaxSampleNs; // a leap of the TSC is not to make millions of them
  options.linger_ns = options.sample_ns;
  Baker sampled(options, &samples);
  run(input, sampled);
  test::require(sampled.counts().conservation_violations == 0);
  return 0;
}
