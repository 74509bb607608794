// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/screen_model.h"

namespace xenmon {

bool DomainModel::idle() const {
  return domid == XENMON_DOMID_IDLE;
}

std::string domain_label(const DomainModel& domain) {
  if (domain.idle()) return "Idle";
  const std::string id = "d" + std::to_string(domain.domid);
  return domain.name.empty() ? id : domain.name + " " + id;
}

std::string window_text(std::uint64_t nominal_ns) {
  constexpr std::uint64_t kMs = 1'000'000;
  if (nominal_ns % 1'000'000'000 != 0) return std::to_string(nominal_ns / kMs) + " ms";
  return std::to_string(nominal_ns / 1'000'000'000) + " s";
}

} // namespace xenmon
