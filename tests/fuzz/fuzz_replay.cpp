// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arbitrary bytes as a recording: plain, or compressed if they look so.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>

#include "bake/baker.h"
#include "conservation.h"
#include "merge/merge.h"
#include "source/replay_source.h"

using namespace xenmon; // NOLINT(google-build-using-namespace)

namespace {

void play(Source& source, Baker& baker) {
  Merge merge;
  Pass pass;
  do {
    test::require(static_cast<bool>(source.read_pass(pass)));
    merge.append(pass);
    source.release_pass();
    merge.drain(Merge::kNoLimit, baker);
  } while (!pass.last);
  baker.finish(merge.position());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = memfd_create("recording", MFD_CLOEXEC);
  test::require(file >= 0);
  test::require(write(file, data, size) == static_cast<ssize_t>(size));
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (Result<std::unique_ptr<Source>> source = open_replay({path, 0})) {
    Baker baker(Baker::Options{});
    play(**source, baker);
    test::check_totals(baker);
  }
  close(file);
  return 0;
}
