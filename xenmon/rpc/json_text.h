// SPDX-License-Identifier: GPL-2.0-or-later
//
// A JSON object as text, written field by field. Answers of several MB are made of these, and nothing else of
// them is kept in memory.
#ifndef XENMON_XENMON_RPC_JSON_TEXT_H
#define XENMON_XENMON_RPC_JSON_TEXT_H

#include <cstdint>
#include <string>
#include <string_view>

namespace xenmon {

// A JSON string with its quotes, which does nothing to a terminal. Bytes that are not UTF-8 become U+FFFD.
std::string json_string(std::string_view text);

class JsonObject {
 public:
  // Names are ours: they need no escaping.
  JsonObject& number(std::string_view name, std::uint64_t value);
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& flag(std::string_view name, bool value);
  // JSON as it is.
  JsonObject& raw(std::string_view name, std::string_view json);

  // The whole object; nothing may be added after it.
  std::string take();

 private:
  void begin(std::string_view name);

  std::string text_ = "{";
};

// The same for an array of JSON texts.
class JsonArray {
 public:
  void add(std::string_view json);
  std::string take();

 private:
  std::string text_ = "[";
};

} // namespace xenmon

#endif // XENMON_XENMON_RPC_JSON_TEXT_H
