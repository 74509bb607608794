// SPDX-License-Identifier: GPL-2.0-or-later
//
// A recording's bytes, decompressed, as a range that grows at its end: mapped when the file is plain, else
// read as they are asked for (byte_reader.h).
#ifndef XENMON_XENBAKED_SOURCE_BYTE_SUPPLY_H
#define XENMON_XENBAKED_SOURCE_BYTE_SUPPLY_H

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "source/byte_reader.h"

namespace xenmon {

class ByteSupply {
 public:
  ByteSupply() = default;
  ByteSupply(const ByteSupply&) = delete;
  ByteSupply& operator=(const ByteSupply&) = delete;
  virtual ~ByteSupply() = default;

  // Makes bytes [0, upto) available if there are that many, and returns how many are (maybe more). May wait
  // for a pipe. Moves data() unless stable(). If there are fewer, end() says why.
  virtual std::size_t ensure(std::size_t upto) = 0;
  [[nodiscard]] virtual const std::byte* data() const = 0;
  // Drops the first n bytes; the others move to the front.
  virtual void discard(std::size_t n) = 0;
  // data() never moves, and discard() must not be called.
  [[nodiscard]] virtual bool stable() const = 0;
  // kNone: there is more, or (if the file is followed) there may be later.
  [[nodiscard]] virtual ByteReader::End end() const = 0;
  virtual Status rewind() = 0;
};

// Errors: cannot be opened, is empty, is a directory, cannot be followed.
Result<std::unique_ptr<ByteSupply>> open_bytes(const ByteReaderOptions& options);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_BYTE_SUPPLY_H
