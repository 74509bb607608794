// SPDX-License-Identifier: GPL-2.0-or-later
//
// Findings as JSON, for programs: xenmon.Host's type Finding, field by field; `xenmon --diagnose --format
// json` prints the same.
#ifndef XENMON_XENMON_SERVE_FINDINGS_JSON_H
#define XENMON_XENMON_SERVE_FINDINGS_JSON_H

#include <cstdint>
#include <span>
#include <string>

#include "diagnose/finding.h"

namespace xenmon {

std::string finding_json(const Finding& finding);
// An array.
std::string findings_json(std::span<const Finding> findings);

// The whole answer of --diagnose: what it is of, and the findings.
std::string diagnosis_json(std::span<const Finding> findings, std::uint64_t start_ns, std::uint64_t end_ns);

} // namespace xenmon

#endif // XENMON_XENMON_SERVE_FINDINGS_JSON_H
