// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/json_text.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "text.h"

namespace xenmon {

std::string json_string(std::string_view text) {
  return escaped_json(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void JsonObject::begin(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  text_ += '"';
  text_ += name;
  text_ += "\":";
}

JsonObject& JsonObject::number(std::string_view name, std::uint64_t value) {
  begin(name);
  text_ += std::to_string(value);
  return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  begin(name);
  text_ += json_string(value);
  return *this;
}

JsonObject& JsonObject::flag(std::string_view name, bool value) {
  begin(name);
  text_ += value ? "true" : "false";
  return *this;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  begin(name);
  text_ += json;
  return *this;
}

std::string JsonObject::take() {
  text_ += '}';
  return std::move(text_);
}

void JsonArray::add(std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_ += json;
}

std::string JsonArray::take() {
  text_ += ']';
  return std::move(text_);
}

} // namespace xenmon
