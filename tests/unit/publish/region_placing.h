// SPDX-License-Identifier: GPL-2.0-or-later
//
// So that a test sees what a region's file holds at the moment in which it is put in place.
#ifndef XENMON_TESTS_REGION_PLACING_H
#define XENMON_TESTS_REGION_PLACING_H

#include <functional>
#include <string>

namespace xenmon::test {

// Called with the path of a file that is about to be put in place; the linker (--wrap=renameat) leads there.
inline std::function<void(const std::string& path)> on_placing;

} // namespace xenmon::test

#endif // XENMON_TESTS_REGION_PLACING_H
