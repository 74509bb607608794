// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/live_host.h"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

namespace xenmon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kFeatureDom0 = 1u << 11; // XENFEAT_dom0
constexpr std::size_t kSubmapDigits = 8;

// The file's text without the newline at its end; nullopt if it cannot be read.
std::optional<std::string> read_text(const fs::path& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Linux prints the submaps as eight hexadecimal digits each, submap 0 last.
HostFacts::Dom0 dom0_by_features(std::string_view features) {
  if (features.size() < kSubmapDigits) return HostFacts::Dom0::kUnknown;
  const std::string_view digits = features.substr(features.size() - kSubmapDigits);
  std::uint32_t submap = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), submap, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return HostFacts::Dom0::kUnknown;
  return (submap & kFeatureDom0) != 0 ? HostFacts::Dom0::kYes : HostFacts::Dom0::kNo;
}

HostFacts::Dom0 find_dom0(const std::string& tree) {
  if (const auto capabilities = read_text(tree + "/proc/xen/capabilities"))
    return capabilities->find("control_d") != std::string::npos ? HostFacts::Dom0::kYes
                                                                : HostFacts::Dom0::kNo;
  if (const auto features = read_text(tree + "/sys/hypervisor/properties/features"))
    return dom0_by_features(*features);
  return HostFacts::Dom0::kUnknown;
}

} // namespace

HostFacts read_host_facts(const std::string& tree) {
  HostFacts facts;
  facts.tree = tree;
  std::error_code ignored;
  facts.xen = read_text(tree + "/sys/hypervisor/type") == "xen" || fs::exists(tree + "/proc/xen", ignored);
  facts.dom0 = find_dom0(tree);
  facts.root = ::geteuid() == 0;
  return facts;
}

std::optional<TraceReader> find_trace_reader(const std::string& tree) {
  std::optional<TraceReader> found;
  std::error_code error;
  for (fs::directory_iterator entry(tree + "/proc", error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string directory = entry->path().filename().string();
    pid_t pid = 0;
    const auto [stop, bad] = std::from_chars(directory.data(), directory.data() + directory.size(), pid);
    if (bad != std::errc{} || stop != directory.data() + directory.size() || pid == ::getpid()) continue;
    const auto name = read_text(entry->path() / "comm");
    if (name != "xentrace" && name != "xenbaked") continue;
    if (!found || pid < found->pid) found = TraceReader{*name, pid};
  }
  return found;
}

} // namespace xenmon
