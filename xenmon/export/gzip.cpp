// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/gzip.h"

#include <zlib.h>

#include <limits>

namespace xenmon {
namespace {

constexpr int kWindowBits = 15 + 16; // the largest window, and gzip's header
constexpr int kMemoryLevel = 8;      // zlib's usual one

} // namespace

std::optional<std::string> gzip(std::string_view text) {
  if (text.size() > std::numeric_limits<uInt>::max() / 2) return std::nullopt;
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string compressed(deflateBound(&stream, text.size()), '\0');
  // zlib does not write there; its interface is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (!done) return std::nullopt;
  return compressed;
}

} // namespace xenmon
