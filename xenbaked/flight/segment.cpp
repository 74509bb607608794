// SPDX-License-Identifier: GPL-2.0-or-later
#include "flight/segment.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "text.h"
#include "trace/record.h"

namespace xenmon {

namespace {

using Json = nlohmann::ordered_json;

// Skippable frames (the format of zstd, RFC 8878): magic, length, and what readers of zstd skip.
constexpr std::uint32_t kHeadMagic = 0x184d2a5a;
constexpr std::uint32_t kIndexMagic = 0x184d2a5b;
constexpr std::size_t kFrameBytes = 8;
constexpr std::uint32_t kMaxHeadBytes = 16U << 20;
// The cheapest that halves a recording with a margin; docs/overhead.md has the figures.
constexpr int kLevel = -3;

std::vector<std::byte> frame(std::uint32_t magic, std::span<const std::byte> content) {
  std::vector<std::byte> out(kFrameBytes + content.size());
  const auto bytes = static_cast<std::uint32_t>(content.size());
  std::memcpy(out.data(), &magic, sizeof magic);
  std::memcpy(out.data() + sizeof magic, &bytes, sizeof bytes);
  std::copy(content.begin(), content.end(), out.begin() + kFrameBytes);
  return out;
}

// All of them, or false.
bool read_at(int fd, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t got = pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

template <class Number>
void take_number(const Json& json, const char* key, Number& number) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_unsigned()) return;
  const auto value = found->get<std::uint64_t>();
  if (value <= std::numeric_limits<Number>::max()) number = static_cast<Number>(value);
}

void take_text(const Json& json, const char* key, std::string& text) {
  const auto found = json.find(key);
  if (found != json.end() && found->is_string()) text = found->get<std::string>();
}

void take_domains(const Json& json, std::vector<FlightDomain>& domains) {
  const auto found = json.find("domains");
  if (found == json.end() || !found->is_array()) return;
  domains.clear();
  for (const Json& each : *found) {
    if (!each.is_object()) continue;
    FlightDomain domain;
    domain.id.domid = UINT32_MAX;
    take_number(each, "domid", domain.id.domid);
    take_number(each, "use", domain.id.use);
    take_number(each, "since_ns", domain.since_ns);
    std::uint64_t until_ns = UINT64_MAX;
    take_number(each, "until_ns", until_ns);
    if (until_ns != UINT64_MAX) domain.until_ns = until_ns;
    std::string name;
    take_text(each, "name", name);
    domain.name = whole_text(name);
    if (domain.id.domid != UINT32_MAX) domains.push_back(std::move(domain));
  }
}

bool take_head(std::string_view text, SegmentHead& head) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) return false;
  take_number(json, "sequence", head.sequence);
  take_number(json, "run", head.run);
  take_text(json, "boot_id", head.boot_id);
  take_number(json, "run_first_tsc", head.run_first_tsc);
  take_number(json, "begin_tsc", head.begin_tsc);
  take_number(json, "begin_wall_ns", head.begin_wall_ns);
  take_number(json, "end_tsc", head.end_tsc);
  take_number(json, "end_wall_ns", head.end_wall_ns);
  take_number(json, "records", head.records);
  take_number(json, "lost_records", head.lost_records);
  take_number(json, "gaps", head.gaps);
  take_number(json, "cpu_khz", head.metadata.cpu_khz);
  take_text(json, "xen_version", head.metadata.xen_version);
  take_text(json, "scheduler", head.metadata.scheduler);
  take_number(json, "event_mask", head.metadata.event_mask);
  if (const auto pcpus = json.find("pcpus"); pcpus != json.end() && pcpus->is_array()) {
    head.metadata.pcpus.clear();
    for (const Json& pcpu : *pcpus) {
      if (pcpu.is_number_unsigned() && pcpu.get<std::uint64_t>() < kMaxPcpus)
        head.metadata.pcpus.push_back(pcpu.get<std::uint32_t>());
    }
  }
  take_domains(json, head.domains);
  return true;
}

bool is_plausible(const ChunkIndex& index) {
  return index.raw_bytes > 0 && index.raw_bytes <= kMaxChunkBytes && index.packed_bytes > 0 &&
         index.first_tsc <= index.last_tsc;
}

} // namespace

std::vector<std::byte> encode_head(const SegmentHead& head, bool complete) {
  Json json;
  json["sequence"] = head.sequence;
  json["run"] = head.run;
  json["boot_id"] = head.boot_id;
  json["run_first_tsc"] = head.run_first_tsc;
  json["begin_tsc"] = head.begin_tsc;
  json["begin_wall_ns"] = head.begin_wall_ns;
  if (complete) {
    json["end_tsc"] = head.end_tsc;
    json["end_wall_ns"] = head.end_wall_ns;
    json["records"] = head.records;
    json["lost_records"] = head.lost_records;
    json["gaps"] = head.gaps;
  }
  json["cpu_khz"] = head.metadata.cpu_khz;
  json["xen_version"] = head.metadata.xen_version;
  json["scheduler"] = head.metadata.scheduler;
  json["event_mask"] = head.metadata.event_mask;
  json["pcpus"] = head.metadata.pcpus;
  json["domains"] = Json::array();
  for (const FlightDomain& domain : head.domains) {
    Json each{{"domid", domain.id.domid}, {"use", domain.id.use}, {"since_ns", domain.since_ns}};
    if (domain.until_ns) each["until_ns"] = *domain.until_ns;
    if (!domain.name.empty()) each["name"] = domain.name;
    json["domains"].push_back(std::move(each));
  }
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
  return frame(kHeadMagic, std::as_bytes(std::span(text)));
}

std::vector<std::byte> encode_index(const ChunkIndex& index) {
  return frame(kIndexMagic, std::as_bytes(std::span(&index, 1)));
}

std::optional<Segment> read_segment(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  Segment segment;
  bool has_head = false;
  std::uint64_t at = 0;
  while (size - at >= kFrameBytes) {
    std::array<std::uint32_t, 2> begin{};
    if (!read_at(fd, at, std::as_writable_bytes(std::span(begin)))) break;
    const auto [magic, bytes] = begin;
    if (bytes > size - at - kFrameBytes) break;
    if (magic == kHeadMagic && bytes <= kMaxHeadBytes) {
      std::string text(bytes, '\0');
      if (!read_at(fd, at + kFrameBytes, std::as_writable_bytes(std::span(text)))) break;
      if (!take_head(text, segment.head)) break;
      has_head = true;
      at += kFrameBytes + bytes;
    } else if (magic == kIndexMagic && bytes == sizeof(ChunkIndex)) {
      SegmentChunk chunk;
      if (!read_at(fd, at + kFrameBytes, std::as_writable_bytes(std::span(&chunk.index, 1)))) break;
      chunk.offset = at + kFrameBytes + bytes;
      if (!is_plausible(chunk.index) || chunk.index.packed_bytes > size - chunk.offset) break;
      segment.chunks.push_back(chunk);
      at = chunk.offset + chunk.index.packed_bytes;
    } else {
      break;
    }
    segment.readable_bytes = at;
  }
  if (!has_head) return std::nullopt;
  return segment;
}

ChunkPacker::ChunkPacker() : context_(ZSTD_createCCtx()) {
  auto* context = static_cast<ZSTD_CCtx*>(context_);
  if (context == nullptr) return;
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
}

ChunkPacker::~ChunkPacker() {
  ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context_));
}

std::span<const std::byte> ChunkPacker::pack(std::span<const std::byte> raw) {
  if (context_ == nullptr) return {};
  packed_.resize(std::max(packed_.size(), ZSTD_compressBound(raw.size())));
  const std::size_t bytes = ZSTD_compress2(static_cast<ZSTD_CCtx*>(context_), packed_.data(), packed_.size(),
                                           raw.data(), raw.size());
  if (ZSTD_isError(bytes) != 0) return {};
  return std::span(packed_).first(bytes);
}

bool read_chunk(int fd, const SegmentChunk& chunk, std::vector<std::byte>& raw) {
  std::vector<std::byte> packed(chunk.index.packed_bytes);
  if (!read_at(fd, chunk.offset, packed)) return false;
  raw.resize(chunk.index.raw_bytes);
  const std::size_t bytes = ZSTD_decompress(raw.data(), raw.size(), packed.data(), packed.size());
  return ZSTD_isError(bytes) == 0 && bytes == raw.size();
}

} // namespace xenmon
