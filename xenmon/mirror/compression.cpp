// SPDX-License-Identifier: GPL-2.0-or-later
#include "mirror/compression.h"

#include <zstd.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace xenmon {
namespace {

constexpr int kLevel = 1;
// Half a MiB: the sender's memory is bounded by it, and so is what a receiver must have.
constexpr int kWindowLog = 19;
constexpr std::size_t kHeadBytes = 1 + sizeof(std::uint32_t);
constexpr std::size_t kPiece = 65'536;

Error damaged() {
  return Error{
      "What arrived from the other host is damaged; check the connection, and that both have the same "
      "xenmon."};
}

} // namespace

void MessageCompressor::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

MessageCompressor::MessageCompressor() : context_(ZSTD_createCCtx()) {
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
}

void MessageCompressor::add(MirrorMessage kind, std::string_view body) {
  const auto length = static_cast<std::uint32_t>(body.size());
  std::array<char, sizeof length> head;
  std::memcpy(head.data(), &length, sizeof length);
  pending_ += static_cast<char>(kind);
  pending_.append(head.data(), head.size());
  pending_ += body;
}

void MessageCompressor::flush(std::string& out) {
  ZSTD_inBuffer input = {pending_.data(), pending_.size(), 0};
  std::array<char, kPiece> piece;
  for (std::size_t left = 1; left != 0;) {
    ZSTD_outBuffer output = {piece.data(), piece.size(), 0};
    left = ZSTD_compressStream2(context_.get(), &output, &input, ZSTD_e_flush);
    if (ZSTD_isError(left) != 0) break; // no memory: the receiver sees a message that does not end
    out.append(piece.data(), output.pos);
  }
  pending_.clear();
  // The first batch of a session is large, and the only one.
  if (pending_.capacity() > (std::size_t{1} << 20)) pending_.shrink_to_fit();
}

void MessageDecompressor::Free::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

MessageDecompressor::MessageDecompressor() : context_(ZSTD_createDCtx()) {
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
}

Status MessageDecompressor::receive(std::string_view bytes, const Take& take) {
  ZSTD_inBuffer input = {bytes.data(), bytes.size(), 0};
  std::array<char, kPiece> piece;
  for (bool full = true; input.pos < input.size || full;) {
    ZSTD_outBuffer output = {piece.data(), piece.size(), 0};
    if (ZSTD_isError(ZSTD_decompressStream(context_.get(), &output, &input)) != 0) return damaged();
    full = output.pos == output.size;
    pending_.append(piece.data(), output.pos);
    if (Status taken = take_messages(take); !taken) return taken;
  }
  return ok();
}

Status MessageDecompressor::take_messages(const Take& take) {
  std::size_t at = 0;
  while (pending_.size() - at >= kHeadBytes) {
    std::uint32_t length = 0;
    std::memcpy(&length, pending_.data() + at + 1, sizeof length);
    if (length > kMostMirrorBytes) return damaged();
    if (pending_.size() - at - kHeadBytes < length) break;
    const auto kind = static_cast<MirrorMessage>(pending_[at]);
    if (Status taken = take(kind, std::string_view(pending_).substr(at + kHeadBytes, length)); !taken)
      return taken;
    at += kHeadBytes + length;
  }
  pending_.erase(0, at);
  return ok();
}

} // namespace xenmon
