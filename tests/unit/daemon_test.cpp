// SPDX-License-Identifier: GPL-2.0-or-later
//
// The daemon's loop over a source that a test plays pass by pass, seen through the region.
#include "daemon.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "trace_builder.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

using test::WindowBuilder;

constexpr std::uint64_t kMs = 1'000'000;

// A live host's source, or a recording's. Each pass is one pCPU's records, and what happened on the host by
// then.
class Host final : public Source {
 public:
  struct Step {
    WindowBuilder records;
    std::map<std::uint32_t, std::string> names; // in Xenstore after the pass was read
  };

  explicit Host(std::uint32_t kind = XENMON_SOURCE_LIVE) {
    origin_.kind = kind;
    origin_.cpu_khz = 1'000'000;
  }
  const Origin& origin() const override { return origin_; }
  Status read_pass(Pass& pass) override {
    pass.clear();
    if (!steps.empty()) {
      now_ = std::move(steps.front());
      steps.pop_front();
      pass.windows.push_back(now_.records.window());
    }
    pass.last = steps.empty();
    return ok();
  }
  std::optional<std::string> domain_name(std::uint32_t domid) override {
    const auto found = now_.names.find(domid);
    return found == now_.names.end() ? std::nullopt : std::optional(found->second);
  }

  std::deque<Step> steps;

 private:
  Origin origin_;
  Step now_;
};

// The names in the region after all that, by uid.
std::map<std::uint64_t, std::string> names_after(std::deque<Host::Step> steps,
                                                 std::uint32_t kind = XENMON_SOURCE_LIVE) {
  std::string directory = (std::filesystem::temp_directory_path() / "xenmon-daemon-XXXXXX").string();
  EXPECT_NE(mkdtemp(directory.data()), nullptr);
  Host host(kind);
  host.steps = std::move(steps);
  DaemonOptions options;
  options.sample_ns = kMs;
  options.poll_ns = kMs;
  options.speed = 0;
  options.region = directory + "/region";
  StopFlag stop;
  const Status ended = run_daemon(host, options, nullptr, stop);
  EXPECT_TRUE(ended) << ended.error().message;

  std::map<std::uint64_t, std::string> names;
  std::FILE* file = std::fopen(options.region.c_str(), "rb");
  std::string bytes(std::filesystem::file_size(options.region), '\0');
  EXPECT_EQ(std::fread(bytes.data(), 1, bytes.size(), file), bytes.size());
  std::fclose(file);
  xenmon_region_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (std::uint32_t slot = 0; slot < header.domain.count; ++slot) {
    xenmon_domain domain;
    std::memcpy(&domain, bytes.data() + header.domain.offset + std::size_t{slot} * header.domain.stride,
                sizeof domain);
    if (domain.flags != 0) names[domain.uid] = domain.name;
  }
  std::filesystem::remove_all(directory);
  return names;
}

// Something about nobody at that time, so that time goes on.
WindowBuilder tick(std::uint64_t ms) {
  WindowBuilder window;
  window.record(0x22202, ms * kMs, {});
  return window;
}

WindowBuilder event_at(std::uint64_t ms, std::uint32_t event, std::uint32_t domid) {
  WindowBuilder window;
  window.record(event, ms * kMs, {domid});
  return window;
}

const std::map<std::uint32_t, std::string> kOld{{5, "old"}};
const std::map<std::uint32_t, std::string> kNew{{5, "new"}};

TEST(DaemonNames, ANewDomainGetsItsNameAsSoonAsItHasOne) {
  const auto names = names_after({{tick(1), {}},
                                  {event_at(2, event::kDomainAdd, 5), {}},
                                  {tick(3), {}},
                                  {tick(4), kOld},
                                  {tick(5), kOld},
                                  {tick(6), kOld},
                                  {tick(7), kOld},
                                  {tick(8), kOld},
                                  {tick(20), kOld}});
  EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{1, "old"}}));
}

TEST(DaemonNames, ANameOfTheNumbersNextOwnerIsNotTakenForTheDomains) {
  // When the name is read the domain has just been replaced: its removal and the other's creation are in
  // Xen's buffer, and not yet read.
  const auto names = names_after({{tick(1), {}},
                                  {event_at(2, event::kDomainAdd, 5), {}},
                                  {tick(3), {}},
                                  {tick(4), kNew},
                                  {event_at(4, event::kDomainAdd, 5), kNew},
                                  {tick(6), kNew},
                                  {tick(7), kNew},
                                  {tick(8), kNew},
                                  {tick(9), kNew},
                                  {tick(20), kNew}});
  EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{1, ""}, {2, "new"}}));
}

// All of it is published in one go.
TEST(DaemonNames, ARecordingsDomainHasItsNameFromItsFirstSampleOn) {
  WindowBuilder window;
  window.record(event::kDomainAdd, 1 * kMs, {5})
      .record(0x22202, 4 * kMs, {})
      .record(event::kDomainRemove, 8 * kMs, {5})
      .record(0x22202, 20 * kMs, {});
  EXPECT_EQ(names_after({{window, kOld}}, XENMON_SOURCE_RECORDING),
            (std::map<std::uint64_t, std::string>{{1, "old"}}));
}

TEST(DaemonNames, ADomainThatEndsRightAfterwardsKeepsItsName) {
  const auto names = names_after({{tick(1), {}},
                                  {event_at(2, event::kDomainAdd, 5), {}},
                                  {tick(3), kOld},
                                  {event_at(4, event::kDomainRemove, 5), kOld},
                                  {tick(5), {}},
                                  {tick(6), {}},
                                  {tick(7), {}},
                                  {tick(20), {}}});
  EXPECT_EQ(names, (std::map<std::uint64_t, std::string>{{1, "old"}}));
}

} // namespace
} // namespace xenmon
