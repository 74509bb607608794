// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/byte_reader.h"

#include <archive.h>
#include <fcntl.h>
#include <lzma.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "base/descriptor.h"

namespace xenmon {

namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
// What `xz -9` needs is 65 MiB; a file may ask for 4 GiB.
constexpr std::uint64_t kLzmaMemory = std::uint64_t{128} << 20;
constexpr std::size_t kMagicBytes = 6;
constexpr std::string_view kXzMagic(
    "\xfd"
    "7zXZ\0",
    6);
constexpr std::string_view kGzipMagic("\x1f\x8b");
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd");

// As they stand in the file.
class PlainReader final : public ByteReader {
 public:
  PlainReader(int fd, bool own, bool waits, const ByteReaderOptions& options)
      : fd_(fd), own_(own ? fd : -1), waits_(waits), follow_(options.follow), stop_fd_(options.stop_fd) {}

  // The first bytes, which read() returns all the same; fewer at the end.
  std::string_view peek() {
    while (magic_used_ < magic_.size()) {
      const std::size_t got = take(std::span(magic_).subspan(magic_used_));
      if (got == 0) break;
      magic_used_ += got;
    }
    return {reinterpret_cast<const char*>(magic_.data()), magic_used_};
  }

  std::size_t read(std::span<std::byte> into) override {
    if (magic_given_ < magic_used_) {
      const std::size_t given = std::min(into.size(), magic_used_ - magic_given_);
      std::memcpy(into.data(), magic_.data() + magic_given_, given);
      magic_given_ += given;
      return given;
    }
    return take(into);
  }
  [[nodiscard]] End end() const override { return end_; }

 private:
  std::size_t take(std::span<std::byte> into) {
    while (end_ == End::kNone) {
      if (waits_ && !wait()) break;
      const ssize_t got = ::read(fd_, into.data(), into.size());
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) {
        if (follow_) return 0;
        end_ = End::kOver;
      } else if (errno != EINTR && errno != EAGAIN) {
        end_ = End::kUnread;
      }
    }
    return 0;
  }

  bool wait() {
    std::array<pollfd, 2> entries{{{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
    while (poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
    }
    if (entries[1].revents != 0) end_ = End::kStopped;
    return end_ == End::kNone;
  }

  int fd_;
  Descriptor own_; // none for standard input
  bool waits_;     // a pipe or a device
  bool follow_;
  int stop_fd_;
  std::array<std::byte, kMagicBytes> magic_{};
  std::size_t magic_used_ = 0;
  std::size_t magic_given_ = 0;
  End end_ = End::kNone;
};

// What the two decompressors have in common: compressed bytes, and that an end within a stream is damage.
class Decompressing : public ByteReader {
 public:
  explicit Decompressing(std::unique_ptr<PlainReader> from) : from_(std::move(from)), input_(kReadBytes) {}
  [[nodiscard]] End end() const override { return end_; }

 protected:
  // More compressed bytes; none at the end of the file.
  std::span<std::byte> more() { return std::span(input_).first(from_->read(input_)); }
  // Where the compressed bytes end, and whether that is in the middle.
  void finish(bool inside) {
    end_ = from_->end();
    if (end_ == End::kOver && inside) end_ = End::kDamaged;
  }
  void damaged() { end_ = End::kDamaged; }

 private:
  std::unique_ptr<PlainReader> from_;
  std::vector<std::byte> input_;
  End end_ = End::kNone;
};

class XzReader final : public Decompressing {
 public:
  explicit XzReader(std::unique_ptr<PlainReader> from) : Decompressing(std::move(from)) {}
  ~XzReader() override { lzma_end(&stream_); }
  bool start() { return lzma_stream_decoder(&stream_, kLzmaMemory, LZMA_CONCATENATED) == LZMA_OK; }

  std::size_t read(std::span<std::byte> into) override {
    stream_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
    stream_.avail_out = into.size();
    while (end() == End::kNone && stream_.avail_out == into.size()) {
      lzma_action action = LZMA_RUN;
      if (stream_.avail_in == 0) {
        const std::span<std::byte> bytes = more();
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        stream_.avail_in = bytes.size();
        if (bytes.empty()) action = LZMA_FINISH;
      }
      const lzma_ret result = lzma_code(&stream_, action);
      if (result == LZMA_STREAM_END || result == LZMA_BUF_ERROR) {
        finish(result != LZMA_STREAM_END);
      } else if (result == LZMA_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (result != LZMA_OK) {
        damaged();
      }
    }
    return into.size() - stream_.avail_out;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class GzipReader final : public Decompressing {
 public:
  explicit GzipReader(std::unique_ptr<PlainReader> from) : Decompressing(std::move(from)) {}
  ~GzipReader() override { inflateEnd(&stream_); }
  bool start() { return inflateInit2(&stream_, kGzipWindow) == Z_OK; }

  std::size_t read(std::span<std::byte> into) override {
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(into.size());
    while (end() == End::kNone && stream_.avail_out == into.size()) {
      if (stream_.avail_in == 0) {
        const std::span<std::byte> bytes = more();
        stream_.next_in = reinterpret_cast<Bytef*>(bytes.data());
        stream_.avail_in = static_cast<uInt>(bytes.size());
        if (bytes.empty()) {
          finish(inside_);
          break;
        }
      }
      if (!inside_) {
        // Between members; tapes and some tools fill up with zeros.
        while (stream_.avail_in > 0 && *stream_.next_in == 0) {
          ++stream_.next_in;
          --stream_.avail_in;
        }
        if (stream_.avail_in == 0) continue;
        inflateReset(&stream_);
        inside_ = true;
      }
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        inside_ = false;
      } else if (result == Z_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        damaged();
      }
    }
    return into.size() - stream_.avail_out;
  }

 private:
  static constexpr int kGzipWindow = 15 + 16; // the largest window, in gzip's format

  z_stream stream_{};
  bool inside_ = true;
};

// By libarchive, which asks for compressed bytes when it wants some.
class ZstdReader final : public ByteReader {
 public:
  explicit ZstdReader(std::unique_ptr<PlainReader> from)
      : from_(std::move(from)), input_(kReadBytes), handle_(archive_read_new()) {}
  ~ZstdReader() override { archive_read_free(handle_); }

  bool start() {
    if (handle_ == nullptr) return false;
    archive_read_support_filter_zstd(handle_);
    archive_read_support_format_raw(handle_);
    return true;
  }

  std::size_t read(std::span<std::byte> into) override {
    if (!opened_) open();
    if (end_ != End::kNone) return 0;
    const la_ssize_t got = archive_read_data(handle_, into.data(), into.size());
    if (got > 0) return static_cast<std::size_t>(got);
    settle(got == 0);
    return 0;
  }
  [[nodiscard]] End end() const override { return end_; }

 private:
  void open() {
    opened_ = true;
    struct archive_entry* entry = nullptr;
    int status = archive_read_open(handle_, this, nullptr, &ZstdReader::give, nullptr);
    if (status == ARCHIVE_OK) status = archive_read_next_header(handle_, &entry);
    if (status != ARCHIVE_OK) settle(status == ARCHIVE_EOF);
  }
  void settle(bool whole) {
    if (!whole && archive_errno(handle_) == ENOMEM) throw std::bad_alloc();
    end_ = from_->end();
    if (!whole && (end_ == End::kNone || end_ == End::kOver)) end_ = End::kDamaged;
    if (whole && end_ == End::kNone) end_ = End::kOver;
  }
  static la_ssize_t give(struct archive* /*handle*/, void* self, const void** bytes) {
    auto* reader = static_cast<ZstdReader*>(self);
    *bytes = reader->input_.data();
    return static_cast<la_ssize_t>(reader->from_->read(reader->input_));
  }

  std::unique_ptr<PlainReader> from_;
  std::vector<std::byte> input_;
  struct archive* handle_;
  bool opened_ = false;
  End end_ = End::kNone;
};

template <class Reader>
Result<std::unique_ptr<ByteReader>> started(std::unique_ptr<PlainReader> plain, const std::string& name) {
  auto reader = std::make_unique<Reader>(std::move(plain));
  if (!reader->start()) return Error{"Not enough memory to decompress " + name + ".", ExitStatus::kFailed};
  return std::unique_ptr<ByteReader>(std::move(reader));
}

} // namespace

Result<std::unique_ptr<ByteReader>> open_reader(const ByteReaderOptions& options) {
  const bool standard = options.file == "-";
  const std::string name = standard ? "Standard input" : options.file;
  // Without waiting: a FIFO may never get a writer. The first read waits for one.
  const int fd =
      standard ? STDIN_FILENO : open(options.file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return system_error("Cannot open " + name);
  struct stat status {};
  const bool known = fstat(fd, &status) == 0;
  const Error unknown = system_error("Cannot examine " + name);
  auto plain = std::make_unique<PlainReader>(fd, !standard, !known || !S_ISREG(status.st_mode), options);
  if (!known) return unknown;
  if (S_ISDIR(status.st_mode)) return Error{name + " is a directory; name a recording.", ExitStatus::kFailed};
  if (options.follow && !S_ISREG(status.st_mode))
    return Error{name + " is not a regular file and grows without --follow; leave it out.",
                 ExitStatus::kUsage};

  const std::string_view magic = plain->peek();
  if (plain->end() == ByteReader::End::kUnread) return system_error("Cannot read " + name);
  if (magic.empty() && plain->end() == ByteReader::End::kStopped)
    return Error{"Nothing had arrived from " + name + " when it was stopped.", ExitStatus::kFailed};
  if (magic.empty() && !options.follow)
    return Error{name + " is empty: nothing was recorded.", ExitStatus::kFailed};
  const bool xz = magic.starts_with(kXzMagic);
  const bool gzip = magic.starts_with(kGzipMagic);
  const bool zstd = magic.starts_with(kZstdMagic);
  if (options.follow && (xz || gzip || zstd))
    return Error{name + " is compressed and cannot be followed; leave out --follow.", ExitStatus::kUsage};
  if (xz) return started<XzReader>(std::move(plain), name);
  if (gzip) return started<GzipReader>(std::move(plain), name);
  if (zstd) return started<ZstdReader>(std::move(plain), name);
  return std::unique_ptr<ByteReader>(std::move(plain));
}

} // namespace xenmon
