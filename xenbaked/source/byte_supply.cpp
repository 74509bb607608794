// SPDX-License-Identifier: GPL-2.0-or-later
#include "source/byte_supply.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/descriptor.h"
#include "trace/events.h"
#include "trace/record.h"

namespace xenmon {

namespace {

using End = ByteReader::End;

// A file that is truncated meanwhile causes a SIGBUS, which main reports.
class MappedSupply final : public ByteSupply {
 public:
  MappedSupply(void* map, std::size_t bytes) : map_(map), bytes_(bytes) {}
  ~MappedSupply() override { munmap(map_, bytes_); }

  std::size_t ensure(std::size_t) override { return bytes_; }
  [[nodiscard]] const std::byte* data() const override { return static_cast<const std::byte*>(map_); }
  void discard(std::size_t) override {}
  [[nodiscard]] bool stable() const override { return true; }
  [[nodiscard]] End end() const override { return End::kOver; }
  Status rewind() override { return ok(); }

 private:
  void* map_;
  std::size_t bytes_;
};

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;

class StreamedSupply final : public ByteSupply {
 public:
  StreamedSupply(ByteReaderOptions options, std::unique_ptr<ByteReader> reader)
      : options_(std::move(options)), reader_(std::move(reader)) {}

  std::size_t ensure(std::size_t upto) override {
    while (used_ < upto && reader_->end() == End::kNone) {
      if (buffer_.size() < used_ + kReadBytes)
        buffer_.resize(std::max(used_ + kReadBytes, buffer_.size() + buffer_.size() / 2));
      const std::size_t got = reader_->read(std::span(buffer_).subspan(used_, kReadBytes));
      if (got == 0) break;
      used_ += got;
    }
    return used_;
  }
  [[nodiscard]] const std::byte* data() const override { return buffer_.data(); }
  void discard(std::size_t n) override {
    std::memmove(buffer_.data(), buffer_.data() + n, used_ - n);
    used_ -= n;
  }
  [[nodiscard]] bool stable() const override { return false; }
  [[nodiscard]] End end() const override { return reader_->end(); }
  Status rewind() override {
    if (options_.file == "-")
      return Error{"Standard input cannot be played again; give a file or leave out --loop.",
                   ExitStatus::kUsage};
    struct stat status {};
    if (stat(options_.file.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
      return Error{options_.file + " is not a regular file and cannot be played again; give one.",
                   ExitStatus::kUsage};
    Result<std::unique_ptr<ByteReader>> again = open_reader(options_);
    if (!again) return again.error();
    reader_ = std::move(*again);
    used_ = 0;
    return ok();
  }

 private:
  ByteReaderOptions options_;
  std::unique_ptr<ByteReader> reader_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
};

// The whole file if it is a plain recording; null if it is something else.
Result<std::unique_ptr<ByteSupply>> map_plain(const std::string& file) {
  std::unique_ptr<ByteSupply> none;
  struct stat status {};
  // A FIFO is opened once: otherwise its writer would see that its reader has gone.
  if (stat(file.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) return none;
  const Descriptor opened(open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  const int fd = opened.get();
  if (fd < 0) return system_error("Cannot open " + file);
  std::uint32_t word = 0;
  const bool plain = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                     pread(fd, &word, sizeof word, 0) == sizeof word &&
                     (word & 0x0fffffffU) == event::kCpuChange;
  if (!plain) return none;
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* map = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED) return system_error("Cannot map " + file);
  return std::unique_ptr<ByteSupply>(std::make_unique<MappedSupply>(map, bytes));
}

} // namespace

Result<std::unique_ptr<ByteSupply>> open_bytes(const ByteReaderOptions& options) {
  if (options.file != "-" && !options.follow && !options.in_rounds) {
    Result<std::unique_ptr<ByteSupply>> mapped = map_plain(options.file);
    if (!mapped || *mapped) return mapped;
  }
  Result<std::unique_ptr<ByteReader>> reader = open_reader(options);
  if (!reader) return reader.error();
  return std::unique_ptr<ByteSupply>(std::make_unique<StreamedSupply>(options, std::move(*reader)));
}

} // namespace xenmon
