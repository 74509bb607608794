// SPDX-License-Identifier: GPL-2.0-or-later
//
// A trace as a tool or a live host gives it: in rounds over the pCPUs. Each round begins at a moment, and
// takes each pCPU's records up to then and, as the pCPUs are visited one after the other, perhaps a little
// more.
#ifndef XENMON_TESTS_MODEL_RECORDING_H
#define XENMON_TESTS_MODEL_RECORDING_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "source/source.h"
#include "world.h"

namespace xenmon::model {

struct Rounds {
  struct Part {
    std::uint32_t pcpu = 0;
    std::vector<std::byte> bytes;
    std::size_t wrap = 0; // where the buffer ends: a live host gives two parts
    bool full = false;    // Xen could not write what came next
  };
  std::vector<std::vector<Part>> rounds;
};

// By round, then by index of pCPU: a round takes what that pCPU has written by that TSC.
using Schedule = std::vector<std::vector<std::uint64_t>>;

// Always the same for the same seed. The last round takes everything.
Schedule make_schedule(const Trace& trace, std::uint64_t seed);

Rounds make_rounds(const Trace& trace, const Schedule& schedule, std::uint64_t seed);

// What `xentrace -D` makes of it.
std::string recording_of(const Rounds& rounds);

// False: it cannot be written.
bool write_plain(const std::string& path, const std::string& recording);
bool write_xz(const std::string& path, const std::string& recording);

// A live host that has ended when all rounds have been taken.
class LiveRounds final : public Source {
 public:
  // `rounds` outlives it. has_dispatches: this Xen has the records of the patches' second version.
  LiveRounds(const Rounds& rounds, std::uint32_t cpu_khz, std::uint32_t event_mask, bool has_dispatches);
  ~LiveRounds() override;
  [[nodiscard]] const Origin& origin() const override { return origin_; }
  Status read_pass(Pass& pass) override;
  [[nodiscard]] std::optional<std::string> domain_name(const DomidUse&) const override {
    return std::nullopt;
  }
  [[nodiscard]] int event_fd() const override {
    return event_fd_;
  } // readable: the next round may be taken at once

 private:
  const Rounds& rounds_;
  Origin origin_;
  std::size_t next_ = 0;
  int event_fd_;
};

} // namespace xenmon::model

#endif // XENMON_TESTS_MODEL_RECORDING_H
