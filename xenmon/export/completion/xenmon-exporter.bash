# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of xenmon-exporter's options and their values; see xenmon-exporter(8).

_xenmon_exporter() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $previous in
    --region | --textfile) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ; return ;;
    --listen | --every) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "--listen --textfile --every --vcpus --region -V --version -h --help" -- "$word")
}
complete -F _xenmon_exporter xenmon-exporter
