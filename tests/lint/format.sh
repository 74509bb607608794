#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Checks the C and C++ sources against .clang-format; with --fix rewrites them. Left out are
# hypervisor/, which follows Xen's own style, and region.h, a C document laid out by hand.
#
# Every clang-format release lays some lines out differently, so the one of Debian 12 is the judge.
# With another one this exits with 125: skipped.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

if [[ $(clang-format --version) != *'version 14.'* ]]; then
  echo "the layout is judged by clang-format 14 (Debian 12); this is $(clang-format --version)"
  exit 125
fi

bad=0
while IFS= read -r file; do
  if [[ ${1-} == --fix ]]; then
    clang-format -i "$file"
  elif ! clang-format --dry-run -Werror "$file" 2>/dev/null; then
    echo "$file: not as .clang-format has it (tests/lint/format.sh --fix)"
    bad=1
  fi
done < <(tests/lint/sources.sh | grep -E '\.(h|c|cpp)$' | grep -vE '^(hypervisor/|include/xenmon/region\.h$)')
exit "$bad"
