// SPDX-License-Identifier: GPL-2.0-or-later
//
// XENMON_SANITIZED, and XENMON_SANITIZED_FOR_THREADS, in builds with a sanitizer: it has some signals,
// operator new and the books of the allocator for itself. gcc and clang say it in different ways.
#ifndef XENMON_TESTS_UNIT_SANITIZED_H
#define XENMON_TESTS_UNIT_SANITIZED_H

#ifdef __SANITIZE_ADDRESS__
#define XENMON_SANITIZED
#endif
#ifdef __SANITIZE_THREAD__
#define XENMON_SANITIZED
#define XENMON_SANITIZED_FOR_THREADS
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define XENMON_SANITIZED
#endif
#if __has_feature(thread_sanitizer)
#define XENMON_SANITIZED
#define XENMON_SANITIZED_FOR_THREADS
#endif
#endif

#endif // XENMON_TESTS_UNIT_SANITIZED_H
