// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/record_line.h"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>

#include "text.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

bool is_formula(std::string_view text) {
  return !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
}

std::string quoted(const std::string& text) {
  return escaped_json(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

} // namespace

std::string csv_line(std::span<const std::string> fields, CsvFormulas formulas) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != fields.data()) line += ',';
    const bool guarded = formulas == CsvFormulas::kGuarded && is_formula(field);
    line += csv_field(guarded ? "'" + field : field);
  }
  line += '\r';
  return line;
}

std::string csv_header(std::span<const RecordColumn> columns) {
  std::string line;
  for (const RecordColumn& column : columns) {
    if (&column != columns.data()) line += ',';
    line += column.name;
  }
  return line + "\r\n";
}

std::string json_line(std::span<const RecordColumn> columns, std::span<const std::string> fields) {
  std::string line = "{";
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].empty()) continue;
    if (line.size() > 1) line += ',';
    line += '"';
    line += columns[i].name;
    line += "\":";
    line += columns[i].quoted ? quoted(fields[i]) : fields[i];
  }
  line += '}';
  return line;
}

std::string verdict_line(const std::string& passed_s, const std::string& sentence) {
  constexpr std::array kColumns = {RecordColumn{"passed_s", false}, RecordColumn{"verdict", true}};
  const std::array fields = {passed_s, sentence};
  return json_line(kColumns, fields);
}

std::string wall_time_text(std::uint64_t ns, int decimals) {
  const auto second = static_cast<std::time_t>(ns / kSecond);
  std::tm parts{};
  std::array<char, 24> date;
  if (gmtime_r(&second, &parts) == nullptr ||
      std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
    return "";
  }
  std::array<char, 12> fraction;
  std::snprintf(fraction.data(), fraction.size(), "%09" PRIu64, ns % kSecond);
  return std::string(date.data()) + "." + std::string(fraction.data(), static_cast<std::size_t>(decimals)) +
         "Z";
}

} // namespace xenmon
