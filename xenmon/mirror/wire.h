// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers and records as bytes of the mirror's stream: whole numbers in groups of seven bits, so that small
// ones are short; records as they are in the region, in little-endian words.
#ifndef XENMON_XENMON_MIRROR_WIRE_H
#define XENMON_XENMON_MIRROR_WIRE_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace xenmon {

// A small negative number as a small positive one.
constexpr std::uint64_t zigzag(std::int64_t number) {
  return (static_cast<std::uint64_t>(number) << 1) ^ static_cast<std::uint64_t>(number >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t number) {
  return static_cast<std::int64_t>((number >> 1) ^ (~(number & 1) + 1));
}

class WireWriter {
 public:
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_ += static_cast<char>(value | 0x80);
      value >>= 7;
    }
    bytes_ += static_cast<char>(value);
  }
  void difference(std::int64_t value) { number(zigzag(value)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  template <class Record>
  void record(const Record& value) {
    static_assert(std::is_trivially_copyable_v<Record>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

// Reads what may be damaged: after the first mistake everything reads as 0, and ok() is false.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return fail();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return fail();
  }
  std::int64_t difference() { return unzigzag(number()); }
  std::uint32_t number32() {
    const std::uint64_t value = number();
    return value <= UINT32_MAX ? static_cast<std::uint32_t>(value) : static_cast<std::uint32_t>(fail());
  }
  // How many things follow, each of at least so many bytes: no more memory is taken than what has arrived
  // justifies.
  std::size_t count(std::size_t least_bytes = 1) {
    const std::uint64_t value = number();
    return value <= bytes_.size() / least_bytes ? static_cast<std::size_t>(value)
                                                : static_cast<std::size_t>(fail());
  }
  std::string_view text() {
    const std::size_t length = count();
    const std::string_view value = bytes_.substr(0, length);
    bytes_.remove_prefix(length);
    return value;
  }
  template <class Record>
  Record record() {
    static_assert(std::is_trivially_copyable_v<Record>);
    Record value{};
    if (bytes_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::uint64_t fail() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_WIRE_H
