// SPDX-License-Identifier: GPL-2.0-or-later
//
// Makes and destroys domains that run small_guest, much faster than xl does and with domids of one's choice:
//
//   small_domains create COMMAND_LINE NAME[=DOMID]...     prints the domids, one a line
//   small_domains pause DOMID...                          none of them runs any more when it returns
//   small_domains destroy DOMID...
//
// Of what xl does this is what the hypervisor and a reader of names can see: no devices, and in Xenstore
// nothing but the name. Xen itself hands out a domid again only after 32,751 others.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h>
#include <xenguest.h>
#include <xenstore.h>

#define KERNEL "/boot/small_guest"
#define MEMORY_MB 4 // the domain builder's page tables reach so far at least

static bool build(xc_interface* xc, uint32_t domid, const char* command_line) {
  struct xc_dom_image* image = xc_dom_allocate(xc, command_line, NULL);
  if (image == NULL) return false;
  image->container_type = XC_DOM_PV_CONTAINER;
  image->max_vcpus = 1;
  const bool built = xc_dom_kernel_file(image, KERNEL) == 0 && xc_dom_boot_xen_init(image, xc, domid) == 0 &&
                     xc_dom_parse_image(image) == 0 && xc_dom_mem_init(image, MEMORY_MB) == 0 &&
                     xc_dom_boot_mem_init(image) == 0 && xc_dom_build_image(image) == 0 &&
                     xc_dom_boot_image(image) == 0;
  xc_dom_release(image);
  return built;
}

static bool create(xc_interface* xc, struct xs_handle* store, const char* command_line, char* name) {
  uint32_t domid = 0; // any
  char* wanted = strchr(name, '=');
  if (wanted != NULL) {
    *wanted = '\0';
    domid = (uint32_t)strtoul(wanted + 1, NULL, 10);
  }
  struct xen_domctl_createdomain config = {.max_vcpus = 1,
                                           .max_evtchn_port = 1023,
                                           .max_grant_frames = 4,
                                           .grant_opts = XEN_DOMCTL_GRANT_version(1)};
  if (xc_domain_create(xc, &domid, &config) != 0) return false;
  char path[64];
  snprintf(path, sizeof path, "/local/domain/%u/name", domid);
  if (!xs_write(store, XBT_NULL, path, name, (unsigned)strlen(name)) ||
      xc_domain_max_vcpus(xc, domid, 1) != 0 ||
      xc_domain_setmaxmem(xc, domid, MEMORY_MB * 1024 + 1024) != 0 || !build(xc, domid, command_line) ||
      xc_domain_unpause(xc, domid) != 0)
    return false;
  printf("%u\n", domid);
  return true;
}

static bool pause_domain(xc_interface* xc, struct xs_handle* store, const char* text) {
  (void)store;
  return xc_domain_pause(xc, (uint32_t)strtoul(text, NULL, 10)) == 0;
}

// Returns when the hypervisor has released it.
static bool destroy(xc_interface* xc, struct xs_handle* store, const char* text) {
  const uint32_t domid = (uint32_t)strtoul(text, NULL, 10);
  char path[64];
  snprintf(path, sizeof path, "/local/domain/%u", domid);
  if (xc_domain_destroy(xc, domid) != 0) return false;
  xs_rm(store, XBT_NULL, path);
  xc_domaininfo_t info;
  while (xc_domain_getinfolist(xc, domid, 1, &info) == 1 && info.domain == domid) {
  }
  return true;
}

int main(int argc, char** argv) {
  bool (*each)(xc_interface*, struct xs_handle*, const char*) = NULL;
  const bool creates = argc > 3 && strcmp(argv[1], "create") == 0;
  if (argc > 2 && strcmp(argv[1], "pause") == 0) each = pause_domain;
  if (argc > 2 && strcmp(argv[1], "destroy") == 0) each = destroy;
  if (!creates && each == NULL) {
    fputs("Usage: small_domains create COMMAND_LINE NAME[=DOMID]... | pause DOMID... | destroy DOMID...\n",
          stderr);
    return 2;
  }
  xc_interface* xc = xc_interface_open(NULL, NULL, 0);
  struct xs_handle* store = xs_open(0);
  if (xc == NULL || store == NULL) {
    perror("small_domains: no access to Xen");
    return 1;
  }
  for (int i = creates ? 3 : 2; i < argc; ++i) {
    if (creates ? !create(xc, store, argv[2], argv[i]) : !each(xc, store, argv[i])) {
      perror("small_domains");
      return 1;
    }
  }
  xs_close(store);
  xc_interface_close(xc);
  return 0;
}
