// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include <string>

#include "client/history.h"
#include "client/known_pcpus.h"
#include "client/region_follower.h"
#include "log/line_output.h"
#include "log/once_table.h"
#include "model/model_builder.h"
#include "run/first_figures.h"
#include "run/front_end.h"

namespace xenmon {
namespace {

constexpr std::uint64_t kEnoughNs = 950'000'000; // of a second: the parts outside whole samples are missing

} // namespace

Status run_once(const Options& options, Publisher& publisher) {
  RegionFollower follower({.path = publisher.region});
  const Attachment& attachment = follower.attachment();
  History history;
  if (Status awaited = await_figures(options, publisher, follower, history, kEnoughNs); !awaited)
    return awaited;
  if (Status exists =
          check_pcpu(options.pcpu, follower.feed().tables(), history.length_ns(WindowId::kLong), true);
      !exists)
    return exists;
  const std::string text = once_table(build_screen_model(history, follower.feed(), attachment, options.pcpu));
  if (Status written = write_lines(STDOUT_FILENO, text, "standard output"); !written) return written;
  return end_after_figures(publisher, attachment, "the table");
}

} // namespace xenmon
