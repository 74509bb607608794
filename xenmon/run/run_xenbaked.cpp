// SPDX-License-Identifier: GPL-2.0-or-later
#include "run/run_xenbaked.h"

#include <unistd.h>

#include <string>
#include <vector>

#include "daemon/daemon_process.h"
#include "text.h"

namespace xenmon {

Error run_xenbaked(const XenbakedRequest& request) {
  std::string program = xenbaked_program(request.xenbaked);
  std::vector<std::string> words = request.arguments;
  std::vector<char*> arguments{program.data()};
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(program.c_str(), arguments.data());
  return {"cannot run " + printable(program) + "; install xenbaked, or name it with --xenbaked.",
          ExitStatus::kFailed};
}

} // namespace xenmon
