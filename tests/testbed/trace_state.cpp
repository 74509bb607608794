// SPDX-License-Identifier: GPL-2.0-or-later
//
// What Xen's tracing is set to: one line of JSON.
//
//   {"mask": 268431360, "pages": 32, "on": true, "features": 7}
//
// mask: which events are traced. pages: the size of a pCPU's buffer; 0 if there are none. on: whether
// anything is traced at all, null unless it is probed for. Xen does not report that, so --probe empties the
// buffers, lets everything through for a moment and looks whether hypercalls leave a record. So --probe
// must not be used while another program reads the buffers. features: which records of our patches this Xen
// has (docs/trace-records.md); 0 for stock Xen.
//
//   trace_state [--probe]
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

extern "C" {
#include <xencall.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>
}
#include <xen/trace.h>

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kFeaturesAt = 44;
// One leaves a record. The more there are, the surer it is that one is made on a pCPU that is traced.
constexpr int kHypercalls = 100;

struct Closer {
  void operator()(xencall_handle* handle) const { xencall_close(handle); }
  void operator()(xc_interface* handle) const { xc_interface_close(handle); }
  void operator()(xenforeignmemory_handle* handle) const { xenforeignmemory_close(handle); }
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "trace_state: %s: %s.\n", what, std::strerror(errno));
  std::exit(1);
}

class Tracing {
 public:
  Tracing() : call_(xencall_open(nullptr, 0)), memory_(xenforeignmemory_open(nullptr, 0)) {
    if (!call_ || !memory_) fail("no hypercalls");
    request_ = static_cast<xen_sysctl*>(xencall_alloc_buffer(call_.get(), sizeof(xen_sysctl)));
    if (request_ == nullptr) fail("no hypercall buffer");
    if (const xen_sysctl_tbuf_op info = read(); info.buffer_mfn != 0) map(info);
  }
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;
  ~Tracing() { xencall_free_buffer(call_.get(), request_); }

  std::uint32_t mask() { return read().evt_mask; }
  // After the last field that stock Xen's header has.
  std::uint32_t features() {
    const xen_sysctl_tbuf_op info = read();
    static_assert(sizeof info == kFeaturesAt + sizeof(std::uint32_t));
    std::uint32_t features = 0;
    std::memcpy(&features, reinterpret_cast<const char*>(&info) + kFeaturesAt, sizeof features);
    return features;
  }
  [[nodiscard]] unsigned pages() const { return pages_; }

  bool is_on() {
    const std::uint32_t found = mask();
    for (volatile t_buf* buffer : buffers_) buffer->cons = buffer->prod;
    const std::vector<std::uint32_t> before = produced();
    set_mask(TRC_ALL);
    for (int i = 0; i < kHypercalls; ++i) read();
    set_mask(found);
    return produced() != before;
  }

 private:
  xen_sysctl_tbuf_op control(std::uint32_t command, std::uint32_t mask) {
    *request_ = xen_sysctl{};
    request_->cmd = XEN_SYSCTL_tbuf_op;
    request_->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    request_->u.tbuf_op.cmd = command;
    request_->u.tbuf_op.evt_mask = mask;
    if (xencall1(call_.get(), __HYPERVISOR_sysctl, reinterpret_cast<std::uintptr_t>(request_)) < 0) {
      fail("XEN_SYSCTL_tbuf_op");
    }
    return request_->u.tbuf_op;
  }
  xen_sysctl_tbuf_op read() { return control(XEN_SYSCTL_TBUFOP_get_info, 0); }
  void set_mask(std::uint32_t mask) { control(XEN_SYSCTL_TBUFOP_set_evt_mask, mask); }

  void* map_frames(const std::vector<xen_pfn_t>& frames, int protection) {
    void* address =
        xenforeignmemory_map(memory_.get(), DOMID_XEN, protection, frames.size(), frames.data(), nullptr);
    if (address == nullptr) fail("cannot map what Xen shares");
    return address;
  }

  // The first page of each pCPU's buffer, where the positions stand.
  void map(const xen_sysctl_tbuf_op& info) {
    std::vector<xen_pfn_t> frames;
    for (std::uint32_t page = 0; page < info.size / kPageBytes; ++page)
      frames.push_back(info.buffer_mfn + page);
    const void* table = map_frames(frames, PROT_READ);
    const auto* head = static_cast<const t_info*>(table);
    pages_ = head->tbuf_size;
    for (unsigned cpu = 0; cpu <= last_cpu(); ++cpu) {
      const std::uint16_t offset = head->mfn_offset[cpu];
      if (offset == 0) continue;
      const xen_pfn_t first = static_cast<const std::uint32_t*>(table)[offset];
      buffers_.push_back(static_cast<t_buf*>(map_frames({first}, PROT_READ | PROT_WRITE)));
    }
  }

  static unsigned last_cpu() {
    const std::unique_ptr<xc_interface, Closer> xc(xc_interface_open(nullptr, nullptr, 0));
    xc_physinfo_t info{};
    if (!xc || xc_physinfo(xc.get(), &info) != 0) fail("xc_physinfo");
    return info.max_cpu_id;
  }

  [[nodiscard]] std::vector<std::uint32_t> produced() const {
    std::vector<std::uint32_t> positions;
    for (const volatile t_buf* buffer : buffers_) positions.emplace_back(buffer->prod);
    return positions;
  }

  std::unique_ptr<xencall_handle, Closer> call_;
  std::unique_ptr<xenforeignmemory_handle, Closer> memory_;
  xen_sysctl* request_ = nullptr;
  unsigned pages_ = 0;
  std::vector<volatile t_buf*> buffers_;
};

} // namespace

int main(int argc, char** argv) {
  const bool probe = argc == 2 && std::strcmp(argv[1], "--probe") == 0;
  if (argc > 1 && !probe) {
    std::fputs("Usage: trace_state [--probe]\n", stderr);
    return 2;
  }
  Tracing tracing;
  const std::uint32_t mask = tracing.mask();
  const char* on = !probe ? "null" : tracing.is_on() ? "true" : "false";
  std::printf("{\"mask\": %u, \"pages\": %u, \"on\": %s, \"features\": %u}\n", mask, tracing.pages(), on,
              tracing.features());
}
