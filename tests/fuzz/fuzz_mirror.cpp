// SPDX-License-Identifier: GPL-2.0-or-later
//
// Arbitrary messages of another host, without their compression, as a mirror receives them. Whatever is
// published must be a region that a reader accepts.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "client/region_reader.h"
#include "client/sample_feed.h"
#include "mirror/mirror_receiver.h"
#include "temporary_directory.h"

using namespace xenmon; // NOLINT(google-build-using-namespace)

namespace {

class Nobody final : public SampleSink {
 public:
  void add(const Sample&) override {}
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static test::TemporaryDirectory directory;
  const std::string path = directory / "region";
  MirrorReceiver receiver(path, "fuzzed");
  receiver.begin_session();
  std::string_view input(reinterpret_cast<const char*>(data), size);
  // Each message: its kind, its length in two bytes, its body.
  while (input.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
    const auto kind = static_cast<MirrorMessage>(byte(0));
    const std::size_t length = byte(1) + std::size_t{byte(2)} * 256;
    input.remove_prefix(3);
    const std::string_view body = input.substr(0, length);
    input.remove_prefix(body.size());
    if (!receiver.take(kind, body)) break;
  }
  const Result<RegionFile> region = RegionFile::open(path);
  if (receiver.progress().daemon_start != 0 && receiver.progress().sample != 0 && !region) {
    std::fprintf(stderr, "%s\n", region.error().message.c_str());
    std::abort();
  }
  if (!region) return 0;
  DomainDirectory domains(0);
  SampleFeed feed(domains, SampleFeed::Vcpus::kResolve);
  Nobody nobody;
  feed.start(region->reader(), SampleFeed::From::kOldest);
  feed.drain(region->reader(), nobody);
  std::remove(path.c_str());
  return 0;
}
