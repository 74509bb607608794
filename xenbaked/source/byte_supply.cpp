// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/byte_supply.h"

#include <archive.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

namespace {

class MappedSupply final : public ByteSupply {
 public:
  MappedSupply(void* map, std::size_t bytes) : map_(map), bytes_(bytes) {}
  ~MappedSupply() override { munmap(map_, bytes_); }

  std::size_t ensure(std::size_t) override { return bytes_; }
  [[nodiscard]] const std::byte* data() const override { return static_cast<const std::byte*>(map_); }
  void discard(std::size_t) override {}
  [[nodiscard]] bool stable() const override { return true; }
  Status rewind() override { return ok(); }

 private:
  void* map_;
  std::size_t bytes_;
};

struct ArchiveFree {
  void operator()(struct archive* handle) const { archive_read_free(handle); }
};
using ArchiveHandle = std::unique_ptr<struct archive, ArchiveFree>;

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

Result<ArchiveHandle> open_archive(const std::string& file) {
  const std::string name = file == "-" ? "Standard input" : file;
  ArchiveHandle handle(archive_read_new());
  if (!handle) return Error{"Not enough memory to read " + name + ".", ExitStatus::kFailed};
  archive_read_support_filter_xz(handle.get());
  archive_read_support_filter_zstd(handle.get());
  archive_read_support_filter_gzip(handle.get());
  archive_read_support_format_raw(handle.get());
  archive_read_support_format_empty(handle.get());
  struct archive_entry* entry = nullptr;
  // It could be opened as a file by now, so what goes wrong here is in its contents.
  int status = archive_read_open_filename(handle.get(), file == "-" ? nullptr : file.c_str(), kReadBytes);
  if (status == ARCHIVE_OK) status = archive_read_next_header(handle.get(), &entry);
  if (status == ARCHIVE_EOF) return Error{name + " is empty: nothing was recorded.", ExitStatus::kFailed};
  if (status != ARCHIVE_OK) {
    return Error{name + " is damaged: it cannot be decompressed; make or copy it again.",
                 ExitStatus::kFailed};
  }
  return handle;
}

class StreamedSupply final : public ByteSupply {
 public:
  StreamedSupply(std::string file, ArchiveHandle handle)
      : file_(std::move(file)), handle_(std::move(handle)) {}

  std::size_t ensure(std::size_t upto) override {
    while (used_ < upto && !over_) {
      if (buffer_.size() < used_ + kReadBytes)
        buffer_.resize(std::max(used_ + kReadBytes, buffer_.size() * 2));
      const la_ssize_t got = archive_read_data(handle_.get(), buffer_.data() + used_, kReadBytes);
      if (got <= 0) {
        over_ = true;
        damaged_ = got < 0;
      } else {
        used_ += static_cast<std::size_t>(got);
      }
    }
    return used_;
  }
  [[nodiscard]] const std::byte* data() const override { return buffer_.data(); }
  void discard(std::size_t n) override {
    std::memmove(buffer_.data(), buffer_.data() + n, used_ - n);
    used_ -= n;
  }
  [[nodiscard]] bool stable() const override { return false; }
  [[nodiscard]] bool damaged() const override { return damaged_; }
  Status rewind() override {
    if (file_ == "-")
      return Error{"Standard input cannot be played again; give a file or leave out --loop.",
                   ExitStatus::kUsage};
    struct stat status {};
    if (stat(file_.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
      return Error{file_ + " is no regular file and cannot be played again; give one.", ExitStatus::kUsage};
    Result<ArchiveHandle> again = open_archive(file_);
    if (!again) return again.error();
    handle_ = std::move(*again);
    used_ = 0;
    over_ = damaged_ = false;
    return ok();
  }

 private:
  std::string file_;
  ArchiveHandle handle_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
  bool over_ = false;
  bool damaged_ = false;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

} // namespace

Result<std::unique_ptr<ByteSupply>> open_bytes(const std::string& file) {
  // Open until it is open once more: who writes into a FIFO gives up when its last reader closes it.
  const Descriptor fd(file == "-" ? -1 : open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (file != "-") {
    if (fd.get() < 0) return system_error("Cannot open " + file);
    struct stat status {};
    if (fstat(fd.get(), &status) != 0) return system_error("Cannot look at " + file);
    if (S_ISDIR(status.st_mode))
      return Error{file + " is a directory; name a recording.", ExitStatus::kFailed};
    if (S_ISREG(status.st_mode)) {
      if (status.st_size == 0) return Error{file + " is empty: nothing was recorded.", ExitStatus::kFailed};
      std::uint32_t word = 0;
      if (pread(fd.get(), &word, sizeof word, 0) == sizeof word &&
          (word & 0x0fffffffU) == event::kCpuChange) {
        const auto bytes = static_cast<std::size_t>(status.st_size);
        void* map = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
        if (map == MAP_FAILED) return system_error("Cannot map " + file);
        return std::unique_ptr<ByteSupply>(std::make_unique<MappedSupply>(map, bytes));
      }
    }
  }
  Result<ArchiveHandle> handle = open_archive(file);
  if (!handle) return handle.error();
  return std::unique_ptr<ByteSupply>(std::make_unique<StreamedSupply>(file, std::move(*handle)));
}

} // namespace xenmon
