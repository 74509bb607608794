// SPDX-License-Identifier: GPL-2.0-or-later
#include "log/hosts_table.h"

#include <gtest/gtest.h>

#include "xenmon_screen_models.h"

namespace xenmon::test {
namespace {

TEST(HostsTable, HasEachHostInTheGivenOrderAndWhyThereAreNoFigures) {
  ScreenModel model = hosts_model();
  model.hosts.erase(model.hosts.begin() + 1);
  EXPECT_EQ(
      hosts_table(model),
      "host       CPUs   running   waiting      p99  worst domain    lost     age\n"
      "root@xen1    16     12.31      3.07   3.00ms  web d12            0     0 s\n"
      "xen3       no connection, last data 15:03:12: connect to host xen3 port 22: Connection refused.\n"
      "xen4       connecting\n"
      "recorded      4      0.25      0.01        -                     0   5 min\n");
  EXPECT_EQ(hosts_table({}), "host  CPUs   running   waiting      p99  worst domain    lost     age\n");
}

} // namespace
} // namespace xenmon::test
