// SPDX-License-Identifier: GPL-2.0-or-later
//
// A writer whose every published word follows from the sample's number, and a reader that recomputes
// them: a copy that was torn anywhere is noticed.
#ifndef XENMON_TESTS_SYSTEM_REGION_STRESS_H
#define XENMON_TESTS_SYSTEM_REGION_STRESS_H

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/region_reader.h"
#include "publish/region_image.h"

namespace xenmon::test {

// How the samples look. With so many rows to a sample the history all but fills the ring of rows, so
// that a sample's rows are overwritten as soon as the sample is gone.
struct StressShape {
  std::uint32_t rows = 0;
  std::uint32_t io_rows = 0;
  std::uint64_t sample_ns = 0;
  std::uint64_t history_ns = 0;
};
inline constexpr StressShape kManySmallSamples{8, 2, 2'000'000, 18'000'000};
inline constexpr StressShape kFewLargeSamples{1'300, 300, 1'000'000'000, 1'000'000'000};

// What a reader has met.
struct StressTally {
  std::atomic<std::uint64_t> attempts{0};
  std::atomic<bool> done{false};
  std::uint64_t samples = 0;
  std::uint64_t gone = 0;
  std::uint64_t tables = 0;
  std::uint64_t tables_missed = 0; // the writer wrote at each of the attempts
  std::uint64_t superseded = 0;
  std::uint64_t restarted = 0;
  // Any of these is a failure.
  std::uint64_t torn_samples = 0;
  std::uint64_t torn_tables = 0;
  std::uint64_t damaged = 0;
  std::uint64_t backwards = 0; // the newest sample's number went down in one file
};

// In memory that several processes share.
struct StressBoard {
  static constexpr std::size_t kReaders = 3;
  std::atomic<std::uint64_t> published{0};
  std::array<StressTally, kReaders> tallies;
};

class StressWriter {
 public:
  StressWriter(std::string path, const StressShape& shape);

  // One daemon after another; the first with life 1.
  void start_again_at();
  void publish();
  // More domains and vCPUs. Every few calls the writer must make a larger file.
  void grow();
  [[nodiscard]] std::uint32_t domains() const { return domains_; }
  [[nodiscard]] std::uint64_t published() const { return published_; }

 private:
  std::string path_;
  StressShape shape_;
  std::uint64_t life_ = 0;
  std::uint64_t number_ = 0;
  std::uint64_t published_ = 0;
  std::uint32_t domains_ = 0;
  std::optional<RegionImage> image_;
  std::vector<xenmon_pcpu> pcpu_table_;
  std::vector<xenmon_domain> domain_table_;
  std::vector<xenmon_vcpu> vcpu_table_;
  std::vector<xenmon_row> rows_;
  std::vector<xenmon_io_row> io_rows_;
};

class StressReader {
 public:
  StressReader(const StressShape& shape, StressTally& tally, std::uint64_t seed)
      : shape_(shape), tally_(tally), random_(seed) {}

  // One sample, now and then the tables.
  void read(const RegionReader& reader);
  // Another file: numbers may start again.
  void forget() { newest_seen_ = 0; }

 private:
  [[nodiscard]] bool whole(std::uint64_t number, SampleCopy& copy) const;
  [[nodiscard]] bool whole(const TablesCopy& tables) const;
  std::uint64_t next_random();

  StressShape shape_;
  StressTally& tally_;
  std::uint64_t random_;
  std::uint64_t newest_seen_ = 0;
  SampleCopy sample_;
  TablesCopy tables_;
};

// Publishes in bursts, in step with the readers, until all of them have had their share. After every
// `grow_every` samples (0: never) the tables grow or another daemon begins.
// `failed` is asked now and then whether to give up.
void write_until_read(StressWriter& writer, StressBoard& board, std::uint64_t grow_every,
                      const std::function<bool()>& failed);

// Reads until `samples` were copied; never far ahead of the writer.
void read_there(const RegionReader& region, const StressShape& shape, StressBoard& board, std::size_t self,
                std::uint64_t samples);
// The same at a path, until a superseded file and a new daemon were followed as well.
void read_at_path(const std::string& path, const StressShape& shape, StressBoard& board, std::size_t self,
                  std::uint64_t samples);

} // namespace xenmon::test

#endif // XENMON_TESTS_SYSTEM_REGION_STRESS_H
