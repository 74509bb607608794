// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/hosts_table.h"

#include <algorithm>
#include <array>

#include "model/host_lines.h"
#include "text.h"

namespace xenmon {
namespace {

struct Column {
  HostKey key;
  std::size_t width;
};
// Before and after the domain, which is text and as wide as it must be.
constexpr std::array kBefore = {Column{HostKey::kPcpus, 6}, Column{HostKey::kRunning, 10},
                                Column{HostKey::kWaiting, 10}, Column{HostKey::kP99, 9}};
constexpr std::array kAfter = {Column{HostKey::kLost, 8}, Column{HostKey::kAge, 8}};

std::string left(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, columns_of(text)), ' ');
}

std::string right(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

template <class TextOf>
std::string cells(const std::array<Column, 4>& before, const TextOf& text_of) {
  std::string text;
  for (const Column& column : before) text += right(text_of(column.key), column.width);
  return text;
}

} // namespace

std::string hosts_table(const ScreenModel& model) {
  std::size_t name_width = std::string("host").size();
  std::size_t domain_width = std::string("worst domain").size();
  for (const HostLineModel& line : model.hosts) {
    name_width = std::max(name_width, columns_of(line.name));
    domain_width = std::max(domain_width, columns_of(line.worst_domain));
  }
  const auto title = [](HostKey key) { return std::string(kHostKeys[static_cast<std::size_t>(key)].title); };
  std::string text =
      left("host", name_width) + cells(kBefore, title) + "  " + left("worst domain", domain_width);
  for (const Column& column : kAfter) text += right(title(column.key), column.width);
  text += '\n';
  for (const HostLineModel& line : model.hosts) {
    text += left(line.name, name_width);
    if (line.trouble.empty()) {
      const auto text_of = [&](HostKey key) { return host_text(key, line); };
      text += cells(kBefore, text_of) + "  " + left(line.worst_domain, domain_width);
      for (const Column& column : kAfter) text += right(text_of(column.key), column.width);
    } else {
      text += "  " + line.trouble;
    }
    text += '\n';
  }
  return text;
}

} // namespace xenmon
