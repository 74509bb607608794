// SPDX-License-Identifier: GPL-2.0-or-later
//
// What keeps the raw records of a trace while it is accounted for: a recording (recorder.h), the flight
// recorder, or both. Called from the daemon's one thread only, and never waits for a disk on a live host.
#ifndef XENMON_XENBAKED_SOURCE_RECORD_KEEPER_H
#define XENMON_XENBAKED_SOURCE_RECORD_KEEPER_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "source/source.h"

namespace xenmon {

class RecordKeeper {
 public:
  RecordKeeper() = default;
  RecordKeeper(const RecordKeeper&) = delete;
  RecordKeeper& operator=(const RecordKeeper&) = delete;
  virtual ~RecordKeeper() = default;

  // Every pass, in order, before its bytes are released.
  virtual void write(const Pass& pass) = 0;
  // "" takes a name back.
  virtual void name_domain(const DomidUse& domain, const std::string& name) = 0;
  // A domain is new. Trace times: it exists since then at the earliest, and the one that had its number
  // before it (if any) had ended by then at the latest.
  virtual void see_domain(const DomidUse& domain, std::uint64_t since_ns, std::uint64_t earlier_until_ns) {
    (void)domain;
    (void)since_ns;
    (void)earlier_until_ns;
  }
  // A vCPU waited for a CPU, in trace time. Only waits that are reported one by one.
  virtual void see_wait(std::uint64_t start_ns, std::uint64_t end_ns) {
    (void)start_ns;
    (void)end_ns;
  }
  // What is set on the host, in place of what was known before.
  virtual void keep_settings(std::span<const xenmon_setting> settings) { (void)settings; }
  // What the administrator must know; returned once.
  virtual std::optional<Error> take_error() = 0;
};

// Several as one. They outlive it.
class RecordKeepers final : public RecordKeeper {
 public:
  explicit RecordKeepers(std::vector<RecordKeeper*> all) : all_(std::move(all)) {}

  void write(const Pass& pass) override {
    for (RecordKeeper* each : all_) each->write(pass);
  }
  void name_domain(const DomidUse& domain, const std::string& name) override {
    for (RecordKeeper* each : all_) each->name_domain(domain, name);
  }
  void see_domain(const DomidUse& domain, std::uint64_t since_ns, std::uint64_t earlier_until_ns) override {
    for (RecordKeeper* each : all_) each->see_domain(domain, since_ns, earlier_until_ns);
  }
  void see_wait(std::uint64_t start_ns, std::uint64_t end_ns) override {
    for (RecordKeeper* each : all_) each->see_wait(start_ns, end_ns);
  }
  void keep_settings(std::span<const xenmon_setting> settings) override {
    for (RecordKeeper* each : all_) each->keep_settings(settings);
  }
  std::optional<Error> take_error() override {
    for (RecordKeeper* each : all_) {
      if (std::optional<Error> error = each->take_error()) return error;
    }
    return std::nullopt;
  }

 private:
  std::vector<RecordKeeper*> all_;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_RECORD_KEEPER_H
