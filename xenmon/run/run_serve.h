// SPDX-License-Identifier: GPL-2.0-or-later
//
// "xenmon serve": the region for other programs, by Varlink.
#ifndef XENMON_XENMON_RUN_RUN_SERVE_H
#define XENMON_XENMON_RUN_RUN_SERVE_H

#include "base/result.h"
#include "command_line/serve_options.h"

namespace xenmon {

// Serves whoever is there: the socket that systemd has handed over (sd_listen_fds(3)), whether it listens or
// is one connection, or else standard input and output. Returns when the client has gone.
Status run_serve(const ServeOptions& options);

} // namespace xenmon

#endif // XENMON_XENMON_RUN_RUN_SERVE_H
