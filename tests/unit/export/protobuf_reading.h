// SPDX-License-Identifier: GPL-2.0-or-later
//
// Reads protobuf messages for tests: what was written, field by field, knowing nothing of what it means.
#ifndef XENMON_TESTS_PROTOBUF_READING_H
#define XENMON_TESTS_PROTOBUF_READING_H

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace xenmon::test {

struct ProtobufField {
  std::uint32_t number = 0;
  std::uint32_t wire = 0; // 0 varint, 1 eight bytes, 2 a length and bytes
  std::uint64_t whole = 0;
  std::string_view bytes;

  [[nodiscard]] double real() const {
    double value = 0;
    std::memcpy(&value, &whole, sizeof value);
    return value;
  }
};

inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : rest_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty() || failed_; }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  std::string_view delimited() {
    const std::uint64_t length = varint();
    if (length > rest_.size()) failed_ = true;
    const std::string_view bytes = failed_ ? std::string_view() : rest_.substr(0, length);
    rest_.remove_prefix(bytes.size());
    return bytes;
  }
  ProtobufField field() {
    ProtobufField field;
    const std::uint64_t tag = varint();
    field.number = static_cast<std::uint32_t>(tag >> 3);
    field.wire = tag & 7;
    if (field.wire == 0) {
      field.whole = varint();
    } else if (field.wire == 1 && rest_.size() >= 8) {
      std::memcpy(&field.whole, rest_.data(), 8);
      rest_.remove_prefix(8);
    } else if (field.wire == 2) {
      field.bytes = delimited();
    } else {
      failed_ = true;
    }
    return field;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

inline std::vector<ProtobufField> fields_of(std::string_view message) {
  std::vector<ProtobufField> fields;
  ProtobufReader reader(message);
  while (!reader.at_end()) fields.push_back(reader.field());
  if (reader.failed()) fields.clear();
  return fields;
}

inline std::vector<ProtobufField> fields_of(std::string_view message, std::uint32_t number) {
  std::vector<ProtobufField> found;
  for (const ProtobufField& field : fields_of(message)) {
    if (field.number == number) found.push_back(field);
  }
  return found;
}

} // namespace xenmon::test

#endif // XENMON_TESTS_PROTOBUF_READING_H
