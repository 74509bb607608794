// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/log_record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "log/log_columns.h"
#include "text.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kLongestS = 1e10;    // three hundred years
constexpr double kHighestRate = 1e15; // of anything, and far below what a plot cannot scale

// Numbers of a record of the streams that are no sums.
enum Place : std::size_t { kPassed, kInterval, kDomid, kUid, kVcpu, kLost, kMissed, kPlaces };
constexpr std::array<std::string_view, kPlaces> kPlaceNames = {
    "passed_s", "interval_s", "domid", "domain_uid", "vcpu", "lost_records", "missed_samples"};

// Whether a rate is made of it; offline time tells that there is a state at all.
constexpr bool is_read(const SumInfo& sum) {
  if (sum.sum == &MetricSums::offline_ns) return true;
  for (const RateInfo& rate : kRateInfos)
    for (const auto term : info_of(rate.metric).of)
      if (term != nullptr && term == sum.sum) return true;
  return false;
}

// The numbers that are taken from a record: kPlaceNames, then the sums. NaN where it has none.
constexpr std::size_t kNumbers = kPlaces + kSums.size();
using Numbers = std::array<double, kNumbers>;
constexpr std::string_view name_of(std::size_t number) {
  if (number < kPlaces) return kPlaceNames[number];
  const SumInfo& sum = kSums[number - kPlaces];
  return is_read(sum) ? sum.name : "";
}

constexpr std::string_view kDomainName = "domain";
constexpr std::size_t kNotRead = SIZE_MAX; // in CsvColumns::places_

bool is_within(double number, double highest) {
  return number >= 0 && number <= highest; // false for NaN
}

std::optional<double> to_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool rates_are_sane(const MetricRates& rates) {
  return std::all_of(kRateInfos.begin(), kRateInfos.end(),
                     [&](const RateInfo& info) { return is_within(rates.*info.rate, kHighestRate); });
}

bool idle_rest_is_empty(const LogRecord& record) {
  return record.domid == XENMON_DOMID_IDLE && record.rates.waited == 0 && record.rates.blocked == 0;
}

std::optional<LogRecord> record_of(const Numbers& numbers, std::string_view name) {
  const auto get = [&](Place which) { return numbers[which]; };
  LogRecord record;
  record.end_s = get(kPassed);
  record.length_s = get(kInterval);
  const double domid = get(kDomid);
  const double uid = get(kUid);
  constexpr double kHighestUid = 1ULL << 53; // up to which a double is exact
  if (!is_within(record.end_s, kLongestS) || !is_within(record.length_s, kLongestS) || record.length_s == 0 ||
      !is_within(domid, UINT32_MAX) || domid != std::floor(domid) || !is_within(uid, kHighestUid)) {
    return std::nullopt;
  }
  record.domid = static_cast<std::uint32_t>(domid);
  record.uid = static_cast<std::uint64_t>(uid);
  record.name = printable(name);
  record.of_vcpu = !std::isnan(get(kVcpu));
  if (record.of_vcpu) return record;

  const double ns = record.length_s * 1e9;
  const auto value_of = [&](std::uint64_t MetricSums::*sum) {
    const auto info =
        std::find_if(kSums.begin(), kSums.end(), [&](const auto& one) { return one.sum == sum; });
    const double value = numbers[kPlaces + static_cast<std::size_t>(info - kSums.begin())];
    // Of the idle domain there is nothing in some of them.
    return record.domid == XENMON_DOMID_IDLE && !info->idle && std::isnan(value) ? 0 : value;
  };
  for (const RateInfo& info : kRateInfos) {
    double& rate = record.rates.*info.rate;
    for (const auto term : info_of(info.metric).of)
      if (term != nullptr) rate += value_of(term);
    rate /= info_of(info.metric).kind == MetricKind::kTime ? ns : record.length_s;
  }
  const double offline = value_of(&MetricSums::offline_ns) / ns;
  const double lost = get(kLost);
  const double missed = get(kMissed);
  if (!rates_are_sane(record.rates) || !(offline >= 0) || !(lost >= 0) || !(missed >= 0)) return std::nullopt;
  record.rates.other_time_known =
      record.rates.running + record.rates.waited + record.rates.blocked + offline > 0;
  if (idle_rest_is_empty(record)) record.rates.other_time_known = false;
  record.has_losses = lost > 0;
  record.has_missed_samples = missed > 0;
  return record;
}

// Removes `words` from the beginning of the text if they are there.
bool take(std::string_view& text, std::string_view words) {
  if (!text.starts_with(words)) return false;
  text.remove_prefix(words.size());
  return true;
}

} // namespace

void MetricRates::add(const MetricRates& other) {
  for (const RateInfo& info : kRateInfos) this->*info.rate += other.*info.rate;
  other_time_known = other_time_known || other.other_time_known;
}

bool is_files_header(std::string_view line) {
  return line.starts_with(kLogHeaderStart);
}

std::optional<LogRecord> parse_files_line(std::string_view line) {
  constexpr std::size_t kPassedMs = 0;
  constexpr std::size_t kDom = 2;
  constexpr std::size_t kFirst = 3; // of kLogColumns
  std::array<double, kFirst + kLogColumns.size()> columns{};
  std::size_t count = 0;
  while (!line.empty()) {
    const std::size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    const auto number = to_number(word);
    if (!number || count == columns.size()) return std::nullopt;
    columns[count++] = *number;
  }
  if (count != columns.size()) return std::nullopt;

  LogRecord record;
  record.end_s = columns[kPassedMs] / 1e3;
  const double dom = columns[kDom];
  if (!is_within(record.end_s, kLongestS) || !(dom == -1 || is_within(dom, UINT32_MAX)) ||
      dom != std::floor(dom)) {
    return std::nullopt;
  }
  record.domid = dom == -1 ? XENMON_DOMID_IDLE : static_cast<std::uint32_t>(dom);
  for (const RateInfo& info : kRateInfos) {
    const auto column = std::find_if(kLogColumns.begin(), kLogColumns.end(), [&](const LogColumn& one) {
      return one.metric == info.metric && !one.in_percent;
    });
    double& rate = record.rates.*info.rate;
    rate = columns[kFirst + static_cast<std::size_t>(column - kLogColumns.begin())];
    if (info_of(info.metric).kind == MetricKind::kTime) rate /= 1e9;
  }
  if (!rates_are_sane(record.rates)) return std::nullopt;
  if (idle_rest_is_empty(record)) record.rates.other_time_known = false;
  return record;
}

std::optional<FilesRemark> parse_files_remark(std::string_view line) {
  FilesRemark remark;
  if (take(line, "# a new domain ")) {
    remark.new_domain = true;
    const std::size_t begin = line.find('(');
    const std::size_t end = line.rfind("); ");
    if (begin != std::string_view::npos && end != std::string_view::npos && begin < end)
      remark.name = printable(line.substr(begin + 1, end - begin - 1));
    return remark;
  }
  if (!take(line, "# in the interval ending at ")) return std::nullopt;
  const std::size_t end = line.find(':');
  const auto passed_ms = to_number(line.substr(0, end));
  if (!passed_ms || !is_within(*passed_ms / 1e3, kLongestS)) return std::nullopt;
  remark.end_s = *passed_ms / 1e3;
  remark.has_losses = line.find(" lost", end) != std::string_view::npos;
  remark.has_missed_samples = line.find(" missed", end) != std::string_view::npos;
  return remark;
}

bool csv_continues(std::string_view line) {
  return std::count(line.begin(), line.end(), '"') % 2 != 0; // a quote that is part of the text is doubled
}

bool split_csv(std::string_view line, std::vector<std::string>& fields) {
  fields.clear();
  for (std::size_t at = 0;; ++at) { // at the start of a field, later at the comma after it
    std::string field;
    if (at < line.size() && line[at] == '"') {
      for (++at;; ++at) {
        if (at >= line.size()) return false;
        if (line[at] == '"') {
          if (at + 1 >= line.size() || line[at + 1] != '"') break;
          ++at;
        }
        field += line[at];
      }
      ++at;
      if (at < line.size() && line[at] != ',') return false;
    } else {
      const std::size_t end = std::min(line.find(',', at), line.size());
      field = line.substr(at, end - at);
      if (field.find('"') != std::string::npos) return false;
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) return true;
  }
}

std::optional<CsvColumns> CsvColumns::from_header(std::string_view line) {
  std::vector<std::string> names;
  if (!split_csv(line, names)) return std::nullopt;
  const auto place_of = [&](std::string_view name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  CsvColumns columns;
  columns.count_ = names.size();
  columns.name_ = place_of(kDomainName);
  if (columns.name_ == names.size()) return std::nullopt;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    columns.places_.push_back(name_of(i).empty() ? kNotRead : place_of(name_of(i)));
    if (columns.places_[i] == names.size()) return std::nullopt;
  }
  return columns;
}

std::optional<LogRecord> CsvColumns::parse(std::string_view line) const {
  std::vector<std::string> fields;
  if (!split_csv(line, fields) || fields.size() != count_) return std::nullopt;
  Numbers numbers;
  numbers.fill(kNone);
  for (std::size_t i = 0; i < kNumbers; ++i) {
    if (places_[i] == kNotRead) continue;
    const std::string& field = fields[places_[i]];
    const auto number = field.empty() ? kNone : to_number(field);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  return record_of(numbers, fields[name_]);
}

std::optional<LogRecord> parse_json_line(std::string_view line) {
  const nlohmann::json object = nlohmann::json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  Numbers numbers;
  numbers.fill(kNone);
  for (std::size_t i = 0; i < kNumbers; ++i) {
    if (name_of(i).empty()) continue;
    const auto member = object.find(name_of(i));
    if (member == object.end()) continue;
    if (!member->is_number()) return std::nullopt;
    numbers[i] = member->get<double>();
  }
  std::string name;
  if (const auto member = object.find(kDomainName); member != object.end()) {
    if (!member->is_string()) return std::nullopt;
    name = member->get<std::string>();
  }
  return record_of(numbers, name);
}

} // namespace xenmon
