// SPDX-License-Identifier: GPL-2.0-or-later
//
// The messages of a mirror's stream. The stream is one zstd stream, flushed after each batch. In it a message
// is its kind (a byte), its length (four bytes, little-endian), and its body.
//
// A session begins with Facts. Facts are repeated when another daemon follows. Everything else refers to the
// tables and histograms that were sent since the last Facts, which begin empty.
#ifndef XENMON_XENMON_MIRROR_MESSAGE_H
#define XENMON_XENMON_MIRROR_MESSAGE_H

#include <cstddef>
#include <cstdint>

namespace xenmon {

// Both sides must have the same; see docs/rpc.md.
inline constexpr std::uint64_t kMirrorVersion = 2;

enum class MirrorMessage : std::uint8_t {
  kFacts = 1,  // the region: what does not change while its daemon lives
  kUpdate = 2, // samples, waits, and what has changed in tables, histograms and counters
  kBeat = 3,   // whether the region's daemon is there, several times a second; verdicts
  // Which counts of histograms have passed 2^32, as of the update that follows: in a session's first update
  // if there are any, and when they have changed.
  kCarries = 4,
};

// Longer than any host's; a longer message is damage.
inline constexpr std::size_t kMostMirrorBytes = std::size_t{64} << 20;

// A Beat comes at least this often.
inline constexpr std::uint64_t kBeatNs = 500'000'000;

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_MESSAGE_H
