// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/service.h"

#include "rpc/json_text.h"

namespace xenmon {
namespace {

constexpr std::string_view kOwnName = "org.varlink.service";
constexpr std::string_view kOwnDescription =
    R"(# The Varlink Service Interface is provided by every varlink service. It
# describes the service and the interfaces it implements.
interface org.varlink.service

# Get a list of all the interfaces a service provides and information
# about the implementation.
method GetInfo() -> (
  vendor: string,
  product: string,
  version: string,
  url: string,
  interfaces: []string
)

# Get the description of an interface that is implemented by this service.
method GetInterfaceDescription(interface: string) -> (description: string)

# The requested interface was not found.
error InterfaceNotFound (interface: string)

# The requested method was not found
error MethodNotFound (method: string)

# The interface defines the requested method, but the service does not
# implement it.
error MethodNotImplemented (method: string)

# One of the passed parameters is invalid.
error InvalidParameter (parameter: string)

# Client is denied access
error PermissionDenied ()

# Method is expected to be called with 'more' set to true, but wasn't
error ExpectedMore ()
)";

Answer error_of(std::string_view error, std::string parameters) {
  return {std::string(kOwnName).append(".").append(error), std::move(parameters), nullptr};
}

} // namespace

Answer invalid_parameter(std::string_view name) {
  return error_of("InvalidParameter", JsonObject().text("parameter", name).take());
}

Answer method_not_found(const Call& call) {
  return error_of("MethodNotFound", JsonObject().text("method", call.method).take());
}

Answer expected_more() {
  return error_of("ExpectedMore", "{}");
}

Interface* Service::find(std::string_view name) const {
  for (Interface* interface : interfaces_)
    if (interface->name() == name) return interface;
  return nullptr;
}

Answer Service::info() const {
  JsonArray names;
  names.add(json_string(kOwnName));
  for (const Interface* interface : interfaces_) names.add(json_string(interface->name()));
  return {"",
          JsonObject()
              .text("vendor", product_.vendor)
              .text("product", product_.product)
              .text("version", product_.version)
              .text("url", product_.url)
              .raw("interfaces", names.take())
              .take(),
          nullptr};
}

Answer Service::own_call(Call& call) {
  if (call.method == "GetInfo") return info();
  if (call.method != "GetInterfaceDescription") return method_not_found(call);
  const auto name = call.parameters.text("interface");
  if (!name) return invalid_parameter("interface");
  const Interface* interface = find(*name);
  if (interface == nullptr && *name != kOwnName)
    return error_of("InterfaceNotFound", JsonObject().text("interface", *name).take());
  const std::string_view text = interface == nullptr ? kOwnDescription : interface->description();
  return {"", JsonObject().text("description", text).take(), nullptr};
}

Answer Service::call(Call& call) {
  if (call.interface == kOwnName) return own_call(call);
  if (Interface* interface = find(call.interface); interface != nullptr) return interface->call(call);
  return error_of("InterfaceNotFound", JsonObject().text("interface", call.interface).take());
}

} // namespace xenmon
