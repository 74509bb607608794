// SPDX-License-Identifier: GPL-2.0-or-later
//
// A recording's bytes, decompressed: mapped when the file is plain, read by libarchive otherwise.
#ifndef XENMON_XENBAKED_SOURCE_BYTE_SUPPLY_H
#define XENMON_XENBAKED_SOURCE_BYTE_SUPPLY_H

#include <cstddef>
#include <memory>
#include <string>

#include "xenmon/result.h"

namespace xenmon {

class ByteSupply {
 public:
  ByteSupply() = default;
  ByteSupply(const ByteSupply&) = delete;
  ByteSupply& operator=(const ByteSupply&) = delete;
  virtual ~ByteSupply() = default;

  // Makes bytes [0, upto) available if there are so many, and returns how many are (maybe more). May
  // block on a pipe. Moves data() unless stable(). Damaged compression ends the supply early.
  virtual std::size_t ensure(std::size_t upto) = 0;
  [[nodiscard]] virtual const std::byte* data() const = 0;
  // Forgets the first n bytes; the others move to the front.
  virtual void discard(std::size_t n) = 0;
  // data() never moves and discard() is not to be called.
  [[nodiscard]] virtual bool stable() const = 0;
  // The supply ended because its compression is damaged, not because it was over.
  [[nodiscard]] virtual bool damaged() const { return false; }
  virtual Status rewind() = 0;
};

// `file` "-" is standard input. Errors: cannot be opened, is empty, is a directory.
Result<std::unique_ptr<ByteSupply>> open_bytes(const std::string& file);

} // namespace xenmon

#endif // XENMON_XENBAKED_SOURCE_BYTE_SUPPLY_H
