# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of xenbaked's options and their values; see xenbaked(8).

_xenbaked() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  case $previous in
    --totals) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$word") ; return ;;
    --slow-waits) mapfile -t COMPREPLY < <(compgen -W "100us 1ms 10ms" -- "$word") ; return ;;
    --speed) mapfile -t COMPREPLY < <(compgen -W "1 2 4 10 max" -- "$word") ; return ;;
    --evt-mask) mapfile -t COMPREPLY < <(compgen -W "0x00129000 0x00121000 0x01007000" -- "$word") ; return ;;
    --flight) mapfile -t COMPREPLY < <(compgen -W "10m 10m,512M 1h,2G" -- "$word") ; return ;;
    --flight-on-wait) mapfile -t COMPREPLY < <(compgen -W "10ms 50ms 100ms" -- "$word") ; return ;;
    --last) mapfile -t COMPREPLY < <(compgen -W "30s 2m 10m" -- "$word") ; return ;;
    --flight-dir) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$word") ; return ;;
    --region | --replay | --record | --capture | --timeline) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ; return ;;
    -m | --ms_per_sample | --ms-per-sample | -s | --poll-sleep | -t | --log-thresh | --history | --cpu-khz | --ready-fd | --control-fd | --since | --until | --from)
      return ;;
    --held-at) mapfile -t COMPREPLY < <(compgen -W "end" -- "$word") ; return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "-m --ms_per_sample --ms-per-sample -s --poll-sleep -t --log-thresh --history
    --slow-waits --region --world-readable --replay --cpu-khz --speed --follow --loop --held-at --control-fd
    --record --flight --flight-dir --flight-on-wait --capture --since --until --last --timeline --from --totals --evt-mask --noallocated --restore --stock-records --unconfined --ready-fd -V --version -h --help" -- "$word")
}
complete -F _xenbaked xenbaked
