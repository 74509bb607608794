// SPDX-License-Identifier: GPL-2.0-or-later
//
// MonitorSamples: figures over one interval after the other.
#ifndef XENMON_XENMON_SERVE_SAMPLE_STREAM_H
#define XENMON_XENMON_SERVE_SAMPLE_STREAM_H

#include <cstdint>
#include <string>
#include <vector>

#include "log/interval_writer.h"
#include "serve/region_stream.h"
#include "serve/window_sums.h"

namespace xenmon {

class SampleStream final : public RegionStream {
 public:
  struct Settings {
    std::string region;
    std::uint64_t interval_ns = 1'000'000'000;
    Grouping grouping;
  };

  explicit SampleStream(const Settings& settings);

 private:
  // Cuts samples into intervals as the logs do, and makes a message of each.
  class Intervals final : public IntervalWriter {
   public:
    Intervals(const Settings& settings, const DomainDirectory& directory)
        : IntervalWriter(settings.interval_ns, 0),
          grouping_(settings.grouping),
          directory_(directory),
          sums_(settings.grouping, directory) {}
    Status write_verdicts(const std::vector<std::string>&) override { return ok(); }
    void reopen() override {}

    std::string messages;
    const char* state = "";

   private:
    void take(const Sample& sample) override { sums_.add(sample); }
    Status write(const Interval& interval) override;
    void daemon_changed() override;

    Grouping grouping_;
    const DomainDirectory& directory_;
    WindowSums sums_;
    std::uint64_t restarts_ = 0;
  };

  void take_messages(std::string& out) override;
  std::string state_message(const char* state) override;
  void daemon_changed(const RegionReader& reader) override;
  void reading(const RegionReader& reader) override;
  void add(const Sample& sample) override;

  Intervals intervals_;
};

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_SAMPLE_STREAM_H
