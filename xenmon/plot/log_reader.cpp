// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot/log_reader.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "plot/line_reader.h"
#include "text.h"
#include "xenmon/region.h"

namespace xenmon {
namespace {

// logrotate's "log.csv.1" and "log.csv-20260131" are parts of "log.csv".
std::string without_rotation(const std::string& path) {
  const std::size_t digits = path.find_last_not_of("0123456789") + 1;
  if (digits == path.size() || digits < 2 || (path[digits - 1] != '.' && path[digits - 1] != '-'))
    return path;
  return path.substr(0, digits - 1);
}

// "PREFIX-dom<ID>.log" and "PREFIX-idle.log" are parts of "PREFIX".
std::string without_domain(const std::string& path) {
  constexpr std::string_view kEnd = ".log";
  constexpr std::string_view kIdle = "-idle";
  constexpr std::string_view kDomain = "-dom";
  if (!path.ends_with(kEnd)) return path;
  const std::string stem = path.substr(0, path.size() - kEnd.size());
  if (stem.ends_with(kIdle)) return stem.substr(0, stem.size() - kIdle.size());
  const std::size_t digits = stem.find_last_not_of("0123456789") + 1;
  if (digits == stem.size() || !std::string_view(stem).substr(0, digits).ends_with(kDomain)) return path;
  return stem.substr(0, digits - kDomain.size());
}

// A quoted name: each byte may be a quote, which is doubled then.
constexpr std::size_t kLongestQuoted = std::size_t{2} * XENMON_NAME_BYTES;

std::string file_name(const std::string& path) {
  return path == "-" ? "standard input" : printable(path.substr(path.rfind('/') + 1));
}

class Builder {
 public:
  explicit Builder(const std::string& path) : path_(path) {}

  Result<LogFile> read(LineReader& lines) {
    for (;;) {
      Line line;
      const Result<bool> got = lines.next(line);
      if (!got) return got.error();
      if (!*got) break;
      if (line.whole && line.text.empty()) continue;
      if (!begun_) {
        begun_ = true;
        if (line.whole) begin(line.text);
      }
      if (line.whole && goes_on(line.text, lines.number())) continue;
      if (!line.whole || !take(line.text)) malformed(lines.number());
    }
    give_up_open();
    if (!begun_ || !is_log_) {
      return Error{
          (path_ == "-" ? "standard input" : printable(path_)) +
          (begun_ ? " is not a log of xenmon -n or xenmon --format." : " is empty: nothing was logged.")};
    }
    if (file_.parts.empty()) new_part();
    return std::move(file_);
  }

 private:
  enum class Form { kFiles, kCsv, kJsonLines };

  struct Numbered {
    std::string text;
    std::uint64_t number;
  };

  // A name may contain line ends, and it is short. True if the line is used, because it starts, continues or
  // ends such a record. A quote that stays open for longer was cut off by something else.
  bool goes_on(std::string_view line, std::uint64_t number) {
    if (form_ != Form::kCsv) return false;
    if (open_.empty()) {
      if (csv_continues(line)) open_.push_back({std::string(line), number});
      return !open_.empty();
    }
    std::string joined;
    for (const Numbered& part : open_) joined += part.text + '\n';
    joined += line;
    if (!csv_continues(joined)) {
      if (take(joined)) {
        open_.clear();
        return true;
      }
    } else if (joined.size() <= open_.front().text.size() + kLongestQuoted) {
      open_.push_back({std::string(line), number});
      return true;
    }
    give_up_open();
    return false;
  }

  // The lines after the one that was cut off are records of their own.
  void give_up_open() {
    for (const Numbered& part : std::exchange(open_, {})) {
      if (!take(part.text)) malformed(part.number);
    }
  }

  void malformed(std::uint64_t number) {
    ++file_.malformed_lines;
    if (file_.first_malformed == 0) file_.first_malformed = number;
  }

  // The first line shows which form this is.
  void begin(std::string_view line) {
    if (line.front() == '{') {
      form_ = Form::kJsonLines;
    } else if ((columns_ = CsvColumns::from_header(line))) {
      form_ = Form::kCsv;
      is_log_ = true;
    } else {
      is_log_ = is_files_header(line);
    }
  }

  // False if the line is malformed.
  bool take(std::string_view line) {
    switch (form_) {
      case Form::kJsonLines:
        // A verdict on the trace as a whole; no name can contain this unescaped.
        if (line.find("\"verdict\":") != std::string_view::npos) return true;
        return add(parse_json_line(line));
      case Form::kCsv:
        // Another log after this one has a header of its own.
        if (const auto columns = CsvColumns::from_header(line)) {
          columns_ = columns;
          return true;
        }
        return add(columns_->parse(line));
      case Form::kFiles:
        break;
    }
    if (line.front() != '#') return add(parse_files_line(line));
    if (const auto remark = parse_files_remark(line)) heed(*remark);
    return true;
  }

  void heed(const FilesRemark& remark) {
    if (remark.new_domain) {
      ++owner_uid_;
      owner_name_ = remark.name;
      return;
    }
    LogInterval& interval = interval_at(remark.end_s);
    interval.has_losses |= remark.has_losses;
    interval.has_missed_samples |= remark.has_missed_samples;
  }

  bool add(const std::optional<LogRecord>& record) {
    if (!record) return false;
    is_log_ = true;
    if (record->of_vcpu) return true;
    LogInterval& interval = interval_at(record->end_s);
    interval.length_s = std::max(interval.length_s, record->length_s);
    interval.has_losses |= record->has_losses;
    interval.has_missed_samples |= record->has_missed_samples;
    LogPart& part = file_.parts.back();
    const std::size_t index = part.intervals.size() - 1;
    const bool files = form_ == Form::kFiles;
    LogDomain& domain = part.domains[{record->domid, files ? owner_uid_ : record->uid}];
    const std::string& name = files ? owner_name_ : record->name;
    if (!name.empty()) domain.name = name;
    if (domain.rates.empty() || domain.rates.back().first != index) {
      domain.rates.emplace_back(index, record->rates);
    } else {
      domain.rates.back().second.add(record->rates);
    }
    return true;
  }

  // The current interval, or a new one.
  LogInterval& interval_at(double end_s) {
    if (file_.parts.empty() ||
        (!file_.parts.back().intervals.empty() && end_s < file_.parts.back().intervals.back().end_s)) {
      new_part();
    }
    std::vector<LogInterval>& intervals = file_.parts.back().intervals;
    if (intervals.empty() || intervals.back().end_s < end_s) intervals.push_back({end_s, 0, false, false});
    return intervals.back();
  }

  void new_part() {
    LogPart part;
    part.one_of_many = form_ == Form::kFiles;
    const std::string rotated = without_rotation(path_);
    part.log = part.one_of_many ? without_domain(rotated) : rotated;
    part.name = file_name(part.log);
    if (!file_.parts.empty()) {
      const std::string number = std::to_string(file_.parts.size() + 1);
      part.log += '\n' + number; // a path that cannot be confused with another log's
      part.name += ", log " + number;
    }
    file_.parts.push_back(std::move(part));
    owner_uid_ = 0;
    owner_name_.clear();
  }

  const std::string& path_;
  LogFile file_;
  Form form_ = Form::kFiles;
  std::optional<CsvColumns> columns_;
  std::vector<Numbered> open_; // the lines of a record that is not complete yet
  bool begun_ = false;
  bool is_log_ = false; // something in it was as only a log has it
  // For -n: how many owners of the domid have been replaced, and the current one.
  std::uint64_t owner_uid_ = 0;
  std::string owner_name_;
};

} // namespace

Result<LogFile> read_log(const std::string& path) {
  auto lines = LineReader::open(path);
  if (!lines) return lines.error();
  return Builder(path).read(*lines);
}

} // namespace xenmon
