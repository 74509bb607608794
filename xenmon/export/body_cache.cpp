// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/body_cache.h"

#include <utility>

#include "export/gzip.h"

namespace xenmon {

std::size_t BodyCache::bytes_held() {
  std::size_t bytes = 0;
  std::erase_if(held_, [&bytes](const std::weak_ptr<const std::string>& held) {
    const Body body = held.lock();
    if (body) bytes += body->size();
    return !body;
  });
  return bytes;
}

Body BodyCache::keep(std::string text) {
  text.shrink_to_fit();
  const Body body = std::make_shared<const std::string>(std::move(text));
  held_.emplace_back(body);
  return body;
}

BodyCache::Answer BodyCache::get(Format format, bool gzip_wanted) {
  const std::uint64_t now = clock_();
  for (Entry& entry : entries_) {
    if (entry.plain && now - entry.made_ns >= kFreshNs) entry = {};
  }
  Entry& entry = entries_[static_cast<std::size_t>(format)];
  if (!entry.plain) {
    if (bytes_held() >= most_bytes_) return {};
    entry.plain = keep(render_(format));
    entry.made_ns = now;
  }
  if (!gzip_wanted) return {entry.plain, false};
  if (!entry.gzipped) {
    if (auto compressed = gzip(*entry.plain)) entry.gzipped = keep(std::move(*compressed));
  }
  if (!entry.gzipped) return {entry.plain, false};
  return {entry.gzipped, true};
}

} // namespace xenmon
