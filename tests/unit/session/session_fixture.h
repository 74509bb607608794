// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the sessions' tests share: a source that a test plays pass by pass, and what a region holds in the
// end.
#ifndef XENMON_TESTS_UNIT_SESSION_FIXTURE_H
#define XENMON_TESTS_UNIT_SESSION_FIXTURE_H

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/region_reader.h"
#include "session/session_options.h"
#include "source/source.h"
#include "trace_builder.h"
#include "xenmon/region.h"

namespace xenmon::test {

inline constexpr std::uint64_t kMs = 1'000'000;

// A live host's source, or a recording's, with a TSC of 1 GHz. Each pass is one pCPU's records.
class ScriptedSource final : public Source {
 public:
  struct Step {
    WindowBuilder records;
    std::map<std::uint32_t, std::string> names = {}; // in xenstore after the pass was read
    bool gap = false;
    std::function<void()> then = nullptr; // happens when the pass has been read
    std::optional<Error> error = std::nullopt;
  };

  explicit ScriptedSource(std::uint32_t kind, std::vector<Step> passes = {}) : steps(std::move(passes)) {
    origin_.kind = kind;
    origin_.cpu_khz = 1'000'000;
  }

  [[nodiscard]] const Origin& origin() const override { return origin_; }
  Status read_pass(Pass& pass) override {
    pass.clear();
    ++reads;
    if (next_ < steps.size()) {
      const Step& step = steps[next_++];
      if (step.error) return *step.error;
      names_now_ = step.names;
      pass.windows.push_back(step.records.window());
      pass.gap = step.gap;
      if (step.then) step.then();
    }
    pass.last = next_ == steps.size() && !endless;
    return ok();
  }
  Status rewind() override {
    if (!can_rewind) return Error{"It comes from a pipe.", ExitStatus::kUsage};
    ++rewinds;
    next_ = 0;
    return ok();
  }
  // For a recording.
  [[nodiscard]] std::optional<std::string> domain_name(const DomidUse& domain) const override {
    auto found = names.find({domain.domid, domain.use});
    if (found == names.end() && domain.last) found = names.find({domain.domid, 0});
    return found == names.end() ? std::nullopt : std::optional(found->second);
  }
  // A live host's: answers at once, or never.
  NameService* name_service() override { return origin_.kind == XENMON_SOURCE_LIVE ? &xenstore_ : nullptr; }
  // A live host's settings: answers at once. Null: nothing can be read.
  SettingsService* settings_service() override { return settings.empty() ? nullptr : &settings_; }

  std::vector<xenmon_setting> settings;
  std::vector<Step> steps;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> names; // by domid and use; 0: the last one's
  bool hangs = false;                                                   // xenstore
  bool endless = false; // after the steps there are empty passes
  bool can_rewind = true;
  std::atomic<int> reads = 0;
  std::atomic<int> rewinds = 0;

 private:
  class Xenstore final : public NameService {
   public:
    explicit Xenstore(const ScriptedSource& host) : host_(host) {}
    void ask(std::uint32_t domid, std::uint64_t ticket) override {
      const auto found = host_.names_now_.find(domid);
      const bool exists = found != host_.names_now_.end();
      answers_.push_back({ticket, exists ? std::optional(found->second) : std::nullopt});
    }
    std::optional<Answer> take() override {
      if (answers_.empty() || host_.hangs) return std::nullopt;
      Answer answer = answers_.front();
      answers_.pop_front();
      return answer;
    }

   private:
    const ScriptedSource& host_;
    std::deque<Answer> answers_;
  };

  class Settings final : public SettingsService {
   public:
    explicit Settings(const ScriptedSource& host) : host_(host) {}
    void ask() override { answer_ = host_.settings; }
    std::optional<std::vector<xenmon_setting>> take() override {
      return std::exchange(answer_, std::nullopt);
    }

   private:
    const ScriptedSource& host_;
    std::optional<std::vector<xenmon_setting>> answer_;
  };

  Settings settings_{*this};
  Xenstore xenstore_{*this};
  Origin origin_;
  std::map<std::uint32_t, std::string> names_now_;
  std::size_t next_ = 0;
};

// Something about nobody at that time, so that time goes on.
inline WindowBuilder tick(std::uint64_t ms) {
  WindowBuilder window;
  window.record(0x22202, ms * kMs, {});
  return window;
}

inline WindowBuilder event_at(std::uint64_t ms, std::uint32_t event, std::uint32_t domid) {
  WindowBuilder window;
  window.record(event, ms * kMs, {domid});
  return window;
}

// A directory for a region, with samples of a millisecond.
class SessionTest : public testing::Test {
 protected:
  SessionTest() {
    directory_ = (std::filesystem::temp_directory_path() / "xenmon-session-XXXXXX").string();
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    options_.sample_ns = kMs;
    options_.poll_ns = kMs;
    options_.speed = 0;
    options_.region = directory_ + "/region";
  }
  ~SessionTest() override { std::filesystem::remove_all(directory_); }

  RegionFile open() const {
    Result<RegionFile> file = RegionFile::open(options_.region);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  // Of the newest sample; 0: there is none.
  std::uint64_t end_ns() const {
    const RegionFile file = open();
    xenmon_sample sample{};
    if (file.reader().newest_sample() == 0) return 0;
    EXPECT_EQ(file.reader().read_sample_head(file.reader().newest_sample(), sample), ReadOutcome::kCopied);
    return sample.end_ns;
  }
  std::uint64_t state() const { return open().reader().state(); }
  bool held() const { return (open().reader().flags() & XENMON_FLAG_HELD) != 0; }
  TablesCopy tables() const {
    TablesCopy copy;
    EXPECT_TRUE(open().reader().read_tables(copy, true));
    return copy;
  }
  // vCPU 0 of that domain.
  xenmon_vcpu vcpu(std::uint32_t domid) const {
    const TablesCopy copy = tables();
    for (const xenmon_vcpu& vcpu : copy.vcpus) {
      if (vcpu.flags != 0 && copy.domains.at(vcpu.domain_slot).domid == domid) return vcpu;
    }
    ADD_FAILURE() << "no vCPU of domain " << domid;
    return {};
  }

  std::string directory_;
  SessionOptions options_;
};

} // namespace xenmon::test

#endif // XENMON_TESTS_UNIT_SESSION_FIXTURE_H
