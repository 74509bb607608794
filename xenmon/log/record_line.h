// SPDX-License-Identifier: GPL-2.0-or-later
//
// One record as a line for other programs: CSV (RFC 4180) or a JSON object. A record is its fields as
// text, in the order of its columns; an empty one is not known or does not apply.
#ifndef XENMON_XENMON_LOG_RECORD_LINE_H
#define XENMON_XENMON_LOG_RECORD_LINE_H

#include <cstdint>
#include <span>
#include <string>

namespace xenmon {

struct RecordColumn {
  const char* name;
  bool quoted; // a JSON string
};

// Whether a field that a spreadsheet would take for a formula, or for the end of a cell, gets an apostrophe
// in front.
enum class CsvFormulas { kWhole, kGuarded };

// Empty fields stay empty. The line ends with its CR.
std::string csv_line(std::span<const std::string> fields, CsvFormulas formulas = CsvFormulas::kWhole);
// The columns' names, with the line's end.
std::string csv_header(std::span<const RecordColumn> columns);
// Empty fields are left out.
std::string json_line(std::span<const RecordColumn> columns, std::span<const std::string> fields);

// {"passed_s":12.345678901,"verdict":"..."}; the time may be "".
std::string verdict_line(const std::string& passed_s, const std::string& sentence);

// UTC, RFC 3339, with this many decimals, at most 9: "2026-11-23T07:48:49.123Z".
std::string wall_time_text(std::uint64_t ns, int decimals);

} // namespace xenmon

#endif // XENMON_XENMON_LOG_RECORD_LINE_H
