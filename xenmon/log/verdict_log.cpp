// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/verdict_log.h"

#include <algorithm>
#include <iostream>
#include <utility>

#include "journal.h"

namespace xenmon {
namespace {

void add_once(std::vector<std::string>& list, const std::string& sentence) {
  if (std::find(list.begin(), list.end(), sentence) == list.end()) list.push_back(sentence);
}

} // namespace

void VerdictLog::look(const RegionReader& reader) {
  std::vector<std::string> now;
  if (!reader.read_verdicts(now)) return;
  damage_ = reader.damage_verdict();
  if (damage_) std::erase(now, *damage_);
  if (daemon_start_ != reader.header().daemon_start) {
    daemon_start_ = reader.header().daemon_start;
    for (const std::string& sentence : present_) add_once(past_, sentence);
  }
  present_ = std::move(now);
}

void VerdictLog::reach_end() {
  if (damage_) add_once(present_, *damage_);
}

std::vector<std::string> VerdictLog::take() {
  std::vector<std::string> fresh;
  for (const auto* list : {&past_, &present_}) {
    for (const std::string& sentence : *list) {
      if (std::find(told_.begin(), told_.end(), sentence) != told_.end()) continue;
      fresh.push_back(sentence);
      told_.push_back(sentence);
    }
  }
  return fresh;
}

void VerdictLog::say_all() const {
  std::vector<std::string> all;
  for (const auto* list : {&past_, &present_}) {
    for (const std::string& sentence : *list) add_once(all, sentence);
  }
  for (const std::string& sentence : all) std::cerr << message_lines("xenmon", Priority::kWarning, sentence);
}

} // namespace xenmon
