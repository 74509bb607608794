// SPDX-License-Identifier: MIT
//
// A number and what is counted, in the singular or the plural.
#ifndef XENMON_BASE_COUNTED_H
#define XENMON_BASE_COUNTED_H

#include <cstdint>
#include <string>
#include <string_view>

namespace xenmon {

// "1 wait of a vCPU", "0 waits of vCPUs".
inline std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count).append(" ").append(count == 1 ? one : many);
}
// "1 record", "2 records": for words whose plural has just an s.
inline std::string counted(std::uint64_t count, std::string_view one) {
  return counted(count, one, std::string(one) + 's');
}

} // namespace xenmon

#endif // XENMON_BASE_COUNTED_H
