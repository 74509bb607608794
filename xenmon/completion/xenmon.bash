# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion of xenmon's options and their values, and those of its other forms; see xenmon(1).

_xenmon_plot() {
  local word=$1 previous=$2
  case $previous in
    --figure) mapfile -t COMPREPLY < <(compgen -W "gotten blocked waited io io-per-execution executions
      time-per-execution" -- "$word") ; return ;;
    --domain | --from | --until | --against | --title) return ;;
  esac
  if [[ $word == -?* && $previous != -o && $previous != --output ]]; then
    mapfile -t COMPREPLY < <(compgen -W "-o --output --figure --domain --idle --from --until --against --title --script
      -V --version -h --help" -- "$word")
    return
  fi
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

_xenmon_capture() {
  local word=$1 previous=$2
  case $previous in
    --last) mapfile -t COMPREPLY < <(compgen -W "30s 2m 10m" -- "$word") ; return ;;
    --dir) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$word") ; return ;;
    -o | --output | --xenbaked) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ; return ;;
    --since | --until) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "--since --until --last --dir -o --output --xenbaked -V --version -h --help" -- "$word")
}

_xenmon_timeline() {
  local word=$1 previous=$2
  case $previous in
    --until) mapfile -t COMPREPLY < <(compgen -W "end" -- "$word") ; return ;;
    --slow-waits) mapfile -t COMPREPLY < <(compgen -W "1ms 10ms 100ms" -- "$word") ; return ;;
    --from | --cpu-khz) return ;;
  esac
  if [[ $word == -?* && $previous != -o && $previous != --output ]]; then
    mapfile -t COMPREPLY < <(compgen -W "--from --until --slow-waits --cpu-khz -o --output --xenbaked -V --version -h --help" -- "$word")
    return
  fi
  compopt -o filenames
  mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

_xenmon() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == plot ]]; then
    _xenmon_plot "$word" "$previous"
    return
  fi
  if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == capture ]]; then
    _xenmon_capture "$word" "$previous"
    return
  fi
  if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == timeline ]]; then
    _xenmon_timeline "$word" "$previous"
    return
  fi
  if [[ $COMP_CWORD -gt 1 && ${COMP_WORDS[1]} == serve ]]; then
    if [[ $previous == --region ]]; then
      compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
      mapfile -t COMPREPLY < <(compgen -W "--region -V --version -h --help" -- "$word")
    fi
    return
  fi
  if [[ $COMP_CWORD -eq 1 && $word == [a-z]* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "plot capture timeline serve" -- "$word")
    return
  fi
  case $previous in
    --format) mapfile -t COMPREPLY < <(compgen -W "csv jsonl" -- "$word") ; return ;;
    --slow-waits) mapfile -t COMPREPLY < <(compgen -W "100us 1ms 10ms 100ms 1s" -- "$word") ; return ;;
    --speed) mapfile -t COMPREPLY < <(compgen -W "1 2 4 10 max" -- "$word") ; return ;;
    -o | --output | -p | --prefix | --region | --replay) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -f -- "$word") ; return ;;
    --flight-dir) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -d -- "$word") ; return ;;
    --host) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word") ; return ;;
    --connect) mapfile -t COMPREPLY < <(compgen -c -- "$word") ; return ;;
    --xenbaked) compopt -o filenames
      mapfile -t COMPREPLY < <(compgen -c -f -- "$word") ; return ;;
    -t | --time | -i | --interval | --ms_per_sample | --ms-per-sample | --cpu | --cpu-khz) return ;;
    --at) mapfile -t COMPREPLY < <(compgen -W "end" -- "$word") ; return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "-l --live -n --notlive -p --prefix --format -o --output --vcpus --csv-safe --once
    --slow-waits -t --time -i --interval --ms_per_sample --ms-per-sample --cpu
    --allocated --noallocated --blocked --noblocked --waited --nowaited --excount --noexcount --iocount --noiocount
    --no-color --host --connect --region --replay --cpu-khz --speed --follow --loop --at --flight-dir --xenbaked -V --version -h --help" -- "$word")
}
complete -F _xenmon xenmon
