// SPDX-License-Identifier: GPL-2.0-or-later
#include "serve/region_stream.h"

#include <utility>

#include "rpc/json_text.h"
#include "serve/records.h"

namespace xenmon {
namespace {

// In one turn, before other clients have theirs. Each makes at most one message.
constexpr int kMostSamples = 64;
constexpr std::uint64_t kRetentionNs = 60'000'000'000;

} // namespace

RegionStream::RegionStream(std::string region, SampleFeed::Vcpus vcpus)
    : follower_({.path = std::move(region), .retention_ns = kRetentionNs, .vcpus = vcpus}) {}

// A sample is handed on before the next look at the region's state.
Health::Kind RegionStream::kind() const {
  const Health::Kind kind = follower_.attachment().health().kind;
  const RegionReader* reader = follower_.reader();
  if (kind != Health::Kind::kWaiting || reader == nullptr || reader->newest_sample() == 0) return kind;
  return reader->header().source_kind == XENMON_SOURCE_RECORDING ? Health::Kind::kRecording
                                                                 : Health::Kind::kLive;
}

const char* RegionStream::state() const {
  return state_name(kind());
}

Result<SampleFeed::From> RegionStream::begin(const RegionReader& reader) {
  daemon_changed(reader);
  return follower_.has_begun() ? SampleFeed::From::kOldest : SampleFeed::From::kNow;
}

void RegionStream::next(std::string& out) {
  for (int i = 0; i < kMostSamples && out.empty(); ++i) {
    const std::uint64_t passed = follower_.feed().passed();
    if (const auto followed = follower_.follow(*this, 1); !followed) {
      out +=
          error_message("xenmon.Host.NoData",
                        JsonObject().text("state", state()).text("reason", followed.error().message).take());
      over_ = true;
      return;
    }
    take_messages(out);
    if (follower_.feed().passed() == passed) break;
  }
  const Health::Kind now = kind();
  if (out.empty() && told_ && *told_ != now) out = state_message(state_name(now));
  if (!out.empty() || !told_) told_ = now;
}

} // namespace xenmon
