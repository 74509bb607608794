#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Runs clang-tidy on the programs and on the tests. Needs the release build (its compile_commands.json, generated
# headers, and ninja's record of which file includes which). A file that was clean is checked again only when the file,
# one of its headers, the checks or its flags have changed, or with --force.
#
# Every clang-tidy release adds checks, so the one of Debian 12 is the judge. With another one this
# exits with 125: skipped.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
if [[ $(clang-tidy --version) != *'version 14.'* ]]; then
  echo "the code is judged by clang-tidy 14 (Debian 12); this is another one"
  exit 125
fi
exec python3 -B tests/lint/tidy.py "$@"
