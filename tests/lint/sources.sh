#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Prints the project's own files, one a line, relative to the root: what git tracks or would add.
# Without git (an unpacked archive) everything outside build/.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

list() {
  if command -v git >/dev/null && [[ -e .git ]]; then
    git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard
  else
    find . -name .git -prune -o -path ./build -prune -o -name __pycache__ -prune -o -type f -printf '%P\n'
  fi
}

# git also names files that were deleted and not yet committed.
list | LC_ALL=C sort -u | while IFS= read -r file; do
  if [[ -f $file ]]; then printf '%s\n' "$file"; fi
done
