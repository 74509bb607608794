// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/recording_metadata.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "source/host_settings.h"
#include "text.h"
#include "trace/record.h"

namespace xenmon {

namespace {

using Json = nlohmann::ordered_json;

// A number that fits, or `otherwise`.
template <class Number>
Number number_at(const Json& json, const char* key, Number otherwise) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return otherwise;
  const auto value = found->get<std::uint64_t>();
  return value > std::numeric_limits<Number>::max() ? otherwise : static_cast<Number>(value);
}

std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Kinds that are not known are passed over: a later version has written them.
std::vector<xenmon_setting> settings_in(const Json& json) {
  std::vector<xenmon_setting> settings;
  const auto found = json.find("settings");
  if (found == json.end() || !found->is_array()) return settings;
  for (const Json& entry : *found) {
    if (!entry.is_object()) continue;
    const auto value = entry.find("value");
    if (value == entry.end() || !value->is_number_unsigned()) continue;
    xenmon_setting setting{};
    setting.kind = setting_kind(text_at(entry, "kind"));
    setting.domid = number_at<std::uint32_t>(entry, "domid", 0);
    setting.index = number_at<std::uint32_t>(entry, "index", 0);
    setting.part = number_at<std::uint32_t>(entry, "part", 0);
    setting.value = value->get<std::uint64_t>();
    if (setting.kind != 0) settings.push_back(setting);
  }
  return settings;
}

Json settings_json(std::span<const xenmon_setting> settings) {
  Json json = Json::array();
  for (const xenmon_setting& setting : settings) {
    Json entry{{"kind", setting_name(setting.kind)}};
    if (setting.domid != 0 || setting_name(setting.kind).starts_with("domain") ||
        setting_name(setting.kind).starts_with("vcpu")) {
      entry["domid"] = setting.domid;
    }
    if (!setting_name(setting.kind).starts_with("domain")) entry["index"] = setting.index;
    if (setting.part != 0) entry["part"] = setting.part;
    entry["value"] = setting.value;
    json.push_back(std::move(entry));
  }
  return json;
}

std::vector<std::string> candidates(const std::string& recording) {
  std::vector<std::string> names{recording + ".json"};
  for (const std::string_view suffix : {".xz", ".zst", ".gz"}) {
    if (recording.size() > suffix.size() && recording.ends_with(suffix)) {
      names.push_back(recording.substr(0, recording.size() - suffix.size()) + ".json");
    }
  }
  return names;
}

} // namespace

Result<std::optional<RecordingMetadata>> load_metadata(const std::string& recording) {
  for (const std::string& name : candidates(recording)) {
    std::ifstream file(name);
    if (!file) continue;
    const Json json = Json::parse(file, nullptr, false);
    if (json.is_discarded() || !json.is_object()) {
      return Error{name + " is not valid JSON; repair it, or remove it and give --cpu-khz.",
                   ExitStatus::kFailed};
    }
    RecordingMetadata metadata;
    metadata.cpu_khz = number_at<std::uint32_t>(json, "cpu_khz", 0);
    metadata.xen_version = text_at(json, "xen_version");
    metadata.scheduler = text_at(json, "scheduler");
    metadata.event_mask = number_at<std::uint32_t>(json, "event_mask", 0);
    metadata.wall_epoch_ns = number_at<std::uint64_t>(json, "wall_epoch_ns", 0);
    if (const auto pcpus = json.find("pcpus"); pcpus != json.end() && pcpus->is_array()) {
      for (const Json& pcpu : *pcpus) {
        if (pcpu.is_number_unsigned() && pcpu.get<std::uint64_t>() < kMaxPcpus)
          metadata.pcpus.push_back(pcpu.get<std::uint32_t>());
      }
      std::sort(metadata.pcpus.begin(), metadata.pcpus.end());
      metadata.pcpus.erase(std::unique(metadata.pcpus.begin(), metadata.pcpus.end()), metadata.pcpus.end());
    }
    if (const auto domains = json.find("domains"); domains != json.end() && domains->is_array()) {
      for (const Json& domain : *domains) {
        if (!domain.is_object()) continue;
        const auto domid = number_at<std::uint32_t>(domain, "domid", UINT32_MAX);
        const std::string text = whole_text(text_at(domain, "name"));
        const auto use = number_at<std::uint32_t>(domain, "use", 0);
        if (domid != UINT32_MAX && !text.empty()) metadata.names[{domid, use}] = text;
      }
    }
    metadata.settings = settings_in(json);
    return std::optional(metadata);
  }
  return std::optional<RecordingMetadata>();
}

Result<PendingFile> write_metadata(const std::string& recording, const RecordingMetadata& metadata) {
  Json json;
  json["cpu_khz"] = metadata.cpu_khz;
  json["xen_version"] = metadata.xen_version;
  json["scheduler"] = metadata.scheduler;
  json["event_mask"] = metadata.event_mask;
  json["wall_epoch_ns"] = metadata.wall_epoch_ns;
  if (!metadata.pcpus.empty()) json["pcpus"] = metadata.pcpus;
  if (!metadata.settings.empty()) json["settings"] = settings_json(metadata.settings);
  json["domains"] = Json::array();
  for (const auto& [domain, text] : metadata.names)
    json["domains"].push_back({{"domid", domain.first}, {"use", domain.second}, {"name", text}});
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
  Result<PendingFile> file = PendingFile::create(recording + ".json");
  if (!file) return file;
  if (const int reason = file->append(std::as_bytes(std::span(text))); reason != 0) {
    errno = reason;
    return system_error("Cannot write " + file->name());
  }
  return file;
}

} // namespace xenmon
