#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Checks that code says its licence in the first line, or in the second after "#!". Code is: C and
# C++, Python, shell, CMake, man pages, and whatever starts with "#!". Not looked at, because the
# LICENSE file covers them by folder: documents (a reader of Markdown need not see it), data and
# JSON (no comments there), and patches (they carry the licence of the files that they change).
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

bad=0
while IFS= read -r file; do
  first=
  second=
  {
    IFS= read -r first || true
    IFS= read -r second || true
  } < <(head -c 400 -- "$file" | tr -d '\0')
  line=$first
  if [[ $first == '#!'* ]]; then line=$second; fi
  case $file in
    tests/data/* | *.md | *.json | *.patch) continue ;;
    *.h | *.c | *.cpp | *.py | *.sh | *.cmake | CMakeLists.txt | */CMakeLists.txt | *.[1-8]) ;;
    *) [[ $first == '#!'* ]] || continue ;;
  esac
  case $file in
    hypervisor/*) licence=GPL-2.0-only ;;
    include/*) licence=MIT ;;
    *) licence=GPL-2.0-or-later ;;
  esac
  if [[ ! $line =~ SPDX-License-Identifier:\ $licence(\ \*/)?$ ]]; then
    printf '%s: expected "SPDX-License-Identifier: %s" here: %s\n' "$file" "$licence" "${line:-(nothing)}"
    bad=1
  fi
done < <(tests/lint/sources.sh)
exit "$bad"
