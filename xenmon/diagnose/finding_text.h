// SPDX-License-Identifier: GPL-2.0-or-later
//
// Findings as lines for people: everything in them is printable.
#ifndef XENMON_XENMON_DIAGNOSE_FINDING_TEXT_H
#define XENMON_XENMON_DIAGNOSE_FINDING_TEXT_H

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "diagnose/finding.h"

namespace xenmon {

// What a line of a finding is, so that a screen can paint it.
enum class FindingPart { kSentence, kFigures, kSince, kRemedy, kCommand, kHarm, kProof };

struct FindingLine {
  FindingPart part;
  const char* name; // "" of the sentence
  std::string text;
};

// In the order in which they are shown. end_ns: the end of the window, for "since when".
std::vector<FindingLine> finding_lines(const Finding& finding, std::uint64_t end_ns);

// All of them as text, with a line before the first that says what they are of. `width`: where lines are
// broken, between words.
std::string findings_text(std::span<const Finding> findings, std::uint64_t start_ns, std::uint64_t end_ns,
                          std::size_t width);

// The text in pieces of at most `columns`, broken between words where possible.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns);

} // namespace xenmon

#endif // XENMON_XENMON_DIAGNOSE_FINDING_TEXT_H
