// SPDX-License-Identifier: GPL-2.0-or-later
//
// The bytes of a file, a pipe or standard input, in order and decompressed: .xz, .zst, .gz or plain, by what
// they begin with.
//
// All that can be decompressed is handed out before damage at the end is reported. So .xz and .gz are read
// with their own libraries: libarchive, which reads .zst, discards the last 64 KiB before the damage, and
// does not check gzip's checksum.
//
// Waiting for a pipe, even for one without a writer, ends when a stop is requested.
#ifndef XENMON_XENBAKED_SOURCE_BYTE_READER_H
#define XENMON_XENBAKED_SOURCE_BYTE_READER_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"

namespace xenmon {

struct ByteReaderOptions {
  std::string file; // "-" is standard input
  int stop_fd = -1; // readable once nothing more needs to be waited for; -1: never
  // The file may still grow: its end is not an end. Only for regular files that are not compressed.
  bool follow = false;
  // Read it round by round, as a stream is, even if it is plain and could be mapped.
  bool in_rounds = false;
};

class ByteReader {
 public:
  enum class End : std::uint8_t {
    kNone,    // not yet, or (follow) nothing more at the moment
    kOver,    // the file's own end
    kDamaged, // the rest cannot be decompressed, or is missing
    kUnread,  // the system cannot read it
    kStopped, // a stop was requested while waiting
  };

  ByteReader() = default;
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;
  virtual ~ByteReader() = default;

  // Some of the following bytes; returns how many. 0: end() says why.
  virtual std::size_t read(std::span<std::byte> into) = 0;
  [[nodiscard]] virtual End end() const = 0;
};

// Errors: cannot be opened, is a directory, is empty, cannot be followed.
Result<std::unique_ptr<ByteReader>> open_reader(const ByteReaderOptions& options);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_BYTE_READER_H
