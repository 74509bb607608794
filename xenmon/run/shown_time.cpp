// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/shown_time.h"

#include <utility>

namespace xenmon {

Status ShownTime::go_to(const std::string& day_time) {
  PublisherSettings settings = past_settings_;
  settings.at = day_time;
  Result<Publisher> found = find_publisher(settings);
  if (!found) return found.error();
  past_ = std::make_unique<Past>(std::move(*found));
  return ok();
}

} // namespace xenmon
