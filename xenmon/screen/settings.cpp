// SPDX-License-Identifier: GPL-2.0-or-later
#include "screen/settings.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/unfinished_file.h"
#include "model/view_metrics.h"
#include "text.h"

namespace xenmon {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMs = 1'000'000;
// In the order of View.
constexpr std::array<const char*, kViews> kViewNames = {"domains", "vcpus", "cpus",
                                                        "latency", "host",  "hosts"};
constexpr std::uint64_t kShortestMs = 100;
constexpr std::uint64_t kLongestWindowMs = 10'000; // a region holds no more
constexpr std::uint64_t kLongestRefreshMs = 60'000;

bool flag(const Json& json, const char* name, bool otherwise) {
  const auto found = json.find(name);
  return found != json.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

std::string word(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t time_ns(const Json& json, const char* name, std::uint64_t longest_ms, std::uint64_t otherwise) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_unsigned()) return otherwise;
  const auto ms = found->get<std::uint64_t>();
  return ms < kShortestMs || ms > longest_ms ? otherwise : ms * kMs;
}

void take_sorts(const Json& json, ViewState& view) {
  const auto sorts = json.find("sort");
  if (sorts == json.end() || !sorts->is_object()) return;
  for (std::size_t i = 0; i < kViews; ++i) {
    const auto sort = sorts->find(kViewNames[i]);
    if (sort == sorts->end() || !sort->is_object()) continue;
    const std::vector<std::string> names = sort_names(static_cast<View>(i));
    const auto found = std::find(names.begin(), names.end(), word(*sort, "by"));
    if (found == names.end()) continue;
    view.sorts[i] = {static_cast<std::size_t>(found - names.begin()), flag(*sort, "reversed", false)};
  }
}

void take(const Json& json, Settings& settings) {
  ViewState& view = settings.view;
  const auto shown = std::find(kViewNames.begin(), kViewNames.end(), word(json, "view"));
  if (shown != kViewNames.end()) view.view = static_cast<View>(shown - kViewNames.begin());
  const std::string basis = word(json, "percent_of");
  if (basis == "pcpu" || basis == "vcpus") view.basis = basis == "pcpu" ? Basis::kPcpu : Basis::kVcpus;
  view.window = flag(json, "tables_of_the_short_window", view.window == WindowId::kShort) ? WindowId::kShort
                                                                                          : WindowId::kLong;
  view.latency_since_start = flag(json, "latency_since_start", view.latency_since_start);
  if (const auto rows = json.find("rows"); rows != json.end() && rows->is_object()) {
    for (const Metric metric : kDomainRows) {
      const char* option = info_of(metric).option;
      if (*option != '\0') view.rows.set(metric, flag(*rows, option, view.rows.contains(metric)));
    }
  }
  take_sorts(json, view);
  settings.refresh_ns = time_ns(json, "refresh_ms", kLongestRefreshMs, settings.refresh_ns);
  const WindowLengths windows = {
      time_ns(json, "long_window_ms", kLongestWindowMs, settings.windows_ns[kLongWindow]),
      time_ns(json, "short_window_ms", kLongestWindowMs, settings.windows_ns[kShortWindow])};
  if (windows[kShortWindow] <= windows[kLongWindow]) settings.windows_ns = windows;
}

Json to_json(const Settings& settings) {
  const ViewState& view = settings.view;
  Json json;
  json["view"] = kViewNames[static_cast<std::size_t>(view.view)];
  json["percent_of"] = view.basis == Basis::kPcpu ? "pcpu" : "vcpus";
  json["tables_of_the_short_window"] = view.window == WindowId::kShort;
  json["latency_since_start"] = view.latency_since_start;
  for (const Metric metric : kDomainRows) {
    const char* option = info_of(metric).option;
    if (*option != '\0') json["rows"][option] = view.rows.contains(metric);
  }
  for (std::size_t i = 0; i < kViews; ++i) {
    const std::vector<std::string> names = sort_names(static_cast<View>(i));
    const Sort& sort = view.sorts[i];
    json["sort"][kViewNames[i]] = {{"by", names[std::min(sort.key, names.size() - 1)]},
                                   {"reversed", sort.reversed}};
  }
  json["refresh_ms"] = settings.refresh_ns / kMs;
  json["long_window_ms"] = settings.windows_ns[kLongWindow] / kMs;
  json["short_window_ms"] = settings.windows_ns[kShortWindow] / kMs;
  return json;
}

} // namespace

std::string settings_path(const std::function<const char*(const char*)>& variable) {
  // By the XDG base directory specification a relative path does not count.
  const char* config = variable("XDG_CONFIG_HOME");
  if (config != nullptr && config[0] == '/') return std::string(config) + "/xenmon/settings.json";
  const char* home = variable("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.config/xenmon/settings.json";
  return "";
}

Status load_settings(const std::string& path, Settings& settings) {
  std::ifstream file(path);
  if (!file) return ok();
  const Json json = Json::parse(file, nullptr, false);
  if (!json.is_object())
    return Error{printable(path) + " could not be parsed and was ignored; press S to overwrite it."};
  take(json, settings);
  return ok();
}

Status save_settings(const std::string& path, const Settings& settings) {
  if (path.empty()) return Error{"settings cannot be saved: neither XDG_CONFIG_HOME nor HOME is set."};
  std::error_code problem;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), problem);
  if (const int reason = replace_file(path, to_json(settings).dump(2) + '\n', 0666))
    return Error{"settings cannot be saved: " + printable(path) + ": " + std::strerror(reason) + "."};
  return ok();
}

} // namespace xenmon
