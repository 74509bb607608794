// SPDX-License-Identifier: GPL-2.0-or-later
//
// Expositions that are being sent, so that many scrapers at once cost what one costs.
//
//   - What was rendered within the last kFreshNs is handed out again: a hundred scrapers at once make at most
//     one rendering for each format.
//   - A reader that is slow keeps what it reads. If all that is being read is more than the limit, there is
//     nothing for further readers until others are done. So memory is bounded whatever readers do.
//
// One thread.
#ifndef XENMON_XENMON_EXPORT_BODY_CACHE_H
#define XENMON_XENMON_EXPORT_BODY_CACHE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/attachment.h"
#include "export/encoder.h"

namespace xenmon {

using Body = std::shared_ptr<const std::string>;

class BodyCache {
 public:
  static constexpr std::uint64_t kFreshNs = 200'000'000;
  static constexpr std::size_t kMostBytes = std::size_t{64} << 20;

  using Render = std::function<std::string(Format)>;
  BodyCache(Render render, Clock clock, std::size_t most_bytes = kMostBytes)
      : render_(std::move(render)), clock_(std::move(clock)), most_bytes_(most_bytes) {}

  struct Answer {
    Body body; // null: too much is being read already
    bool gzipped = false;
  };
  Answer get(Format format, bool gzip_wanted);

  // Of all bodies that somebody still holds, the cache included.
  std::size_t bytes_held();

 private:
  struct Entry {
    Body plain;
    Body gzipped; // made when the first reader wants it
    std::uint64_t made_ns = 0;
  };
  Body keep(std::string text);

  Render render_;
  Clock clock_;
  std::size_t most_bytes_;
  std::array<Entry, kFormats> entries_; // by Format
  std::vector<std::weak_ptr<const std::string>> held_;
};

} // namespace xenmon

#endif // XENMON_XENMON_EXPORT_BODY_CACHE_H
