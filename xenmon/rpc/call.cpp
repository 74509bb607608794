// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/call.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "rpc/json_text.h"

namespace xenmon {
namespace {

using Json = nlohmann::json;

// A call is an object with an object in it; what is deeper than this is left out.
constexpr int kDeepest = 4;

Parameters::Value value_of(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return std::monostate{};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      // Beyond what Varlink's int has.
      if (number > static_cast<std::uint64_t>(INT64_MAX)) return static_cast<double>(number);
      return static_cast<std::int64_t>(number);
    }
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    default:
      return Parameters::Compound{};
  }
}

Error no_call(const char* why) {
  return Error{std::string("This is no Varlink call: ") + why +
               "; send a JSON object that ends with a NUL byte."};
}

bool is_true(const Json& message, const char* name) {
  const auto found = message.find(name);
  return found != message.end() && found->is_boolean() && found->get<bool>();
}

} // namespace

const Parameters::Value* Parameters::find(const std::string& name) const {
  const auto found = values_.find(name);
  return found == values_.end() || std::holds_alternative<std::monostate>(found->second) ? nullptr
                                                                                         : &found->second;
}

void Parameters::refuse(const std::string& name) {
  if (wrong_.empty()) wrong_ = name;
}

std::optional<double> Parameters::number(const std::string& name) {
  const Value* value = find(name);
  if (value == nullptr) return {};
  if (const auto* whole = std::get_if<std::int64_t>(value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(value)) return *number;
  refuse(name);
  return {};
}

std::optional<std::uint64_t> Parameters::count(const std::string& name) {
  const Value* value = find(name);
  if (value == nullptr) return {};
  const auto* whole = std::get_if<std::int64_t>(value);
  if (whole != nullptr && *whole >= 0) return static_cast<std::uint64_t>(*whole);
  refuse(name);
  return {};
}

bool Parameters::flag(const std::string& name) {
  const Value* value = find(name);
  if (value == nullptr) return false;
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  refuse(name);
  return false;
}

std::optional<std::string> Parameters::text(const std::string& name) {
  const Value* value = find(name);
  if (value == nullptr) return {};
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  refuse(name);
  return {};
}

Result<Call> parse_call(std::string_view message) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kDeepest; };
  const Json json = Json::parse(message.begin(), message.end(), shallow, false);
  if (!json.is_object()) return no_call("it is no JSON object");
  const auto method = json.find("method");
  if (method == json.end() || !method->is_string()) return no_call("it names no method");
  Call call;
  const auto& full = method->get_ref<const std::string&>();
  const std::size_t dot = full.rfind('.');
  if (dot == std::string::npos) return no_call("its method has no interface");
  call.interface = full.substr(0, dot);
  call.method = full.substr(dot + 1);
  call.more = is_true(json, "more");
  call.oneway = is_true(json, "oneway");
  call.upgrade = is_true(json, "upgrade");
  const auto parameters = json.find("parameters");
  if (parameters == json.end() || parameters->is_null()) return call;
  if (!parameters->is_object()) return no_call("its parameters are no object");
  for (const auto& [name, value] : parameters->items()) call.parameters.set(name, value_of(value));
  return call;
}

Result<Reply> parse_reply(std::string_view message) {
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth <= kDeepest; };
  const Json json = Json::parse(message.begin(), message.end(), shallow, false);
  // What echoes sends our call.
  if (!json.is_object() || json.contains("method")) return Error{"This is no reply of a Varlink service."};
  Reply reply;
  reply.continues = is_true(json, "continues");
  const auto error = json.find("error");
  if (error != json.end() && error->is_string()) reply.error = error->get<std::string>();
  return reply;
}

std::string call_message(std::string_view method, std::string_view parameters, bool upgrade) {
  std::string message =
      JsonObject().text("method", method).raw("parameters", parameters).flag("upgrade", upgrade).take();
  message += '\0';
  return message;
}

std::string reply_message(std::string_view parameters, bool continues) {
  std::string message = JsonObject().raw("parameters", parameters).take();
  if (continues) {
    message.pop_back();
    message += ",\"continues\":true}";
  }
  message += '\0';
  return message;
}

std::string error_message(std::string_view name, std::string_view parameters) {
  std::string message = JsonObject().text("error", name).raw("parameters", parameters).take();
  message += '\0';
  return message;
}

} // namespace xenmon
