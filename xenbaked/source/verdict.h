// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is wrong with a trace as a whole: one sentence each, for every reader of its figures. Found by the
// source, the merge and the baker; published in the region and printed with the totals.
//
// A verdict has a kind (XENMON_VERDICT_*, include/xenmon/region.h) and a subject, for example a pCPU's
// number. A later one of the same kind and subject replaces the earlier one, so the list stays short. It
// holds at most kMost; more are left out.
#ifndef XENMON_XENBAKED_SOURCE_VERDICT_H
#define XENMON_XENBAKED_SOURCE_VERDICT_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xenmon {

struct Verdict {
  std::uint32_t kind = 0; // XENMON_VERDICT_*
  std::uint32_t subject = 0;
  std::string text; // a whole sentence, at most XENMON_VERDICT_TEXT_BYTES - 1 bytes
};

class Verdicts {
 public:
  static constexpr std::size_t kMost = 32;

  void say(std::uint32_t kind, std::uint32_t subject, std::string text) {
    for (Verdict& verdict : all_) {
      if (verdict.kind != kind || verdict.subject != subject) continue;
      if (verdict.text != text) ++changes_;
      verdict.text = std::move(text);
      return;
    }
    if (all_.size() == kMost) return;
    all_.push_back({kind, subject, std::move(text)});
    ++changes_;
  }

  [[nodiscard]] std::span<const Verdict> all() const { return all_; }
  // Differs from an earlier value if a verdict was added since.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

 private:
  std::vector<Verdict> all_;
  std::uint64_t changes_ = 0;
};

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_VERDICT_H
