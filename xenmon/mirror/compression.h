// SPDX-License-Identifier: GPL-2.0-or-later
//
// A stream of messages as one zstd stream. What was sent before helps to compress what comes.
#ifndef XENMON_XENMON_MIRROR_COMPRESSION_H
#define XENMON_XENMON_MIRROR_COMPRESSION_H

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mirror/message.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace xenmon {

class MessageCompressor {
 public:
  MessageCompressor();

  void add(MirrorMessage kind, std::string_view body);
  // What has been added, ready to be sent, appended to `out`.
  void flush(std::string& out);

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };

  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  std::string pending_;
};

class MessageDecompressor {
 public:
  MessageDecompressor();

  // Takes bytes in pieces of any length, and hands on each message that is complete. An Error for what is
  // damaged, or what `take` returns.
  using Take = std::function<Status(MirrorMessage kind, std::string_view body)>;
  Status receive(std::string_view bytes, const Take& take);

 private:
  Status take_messages(const Take& take);

  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };

  std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  std::string pending_;
};

} // namespace xenmon

#endif // XENMON_XENMON_MIRROR_COMPRESSION_H
