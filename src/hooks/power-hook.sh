#!/bin/sh
# What slurm.conf names as its program. It hands the request to slurmctld-copilot, which has a connection to the Kubernetes API already
# and records what comes at the same time in one patch. When no answer comes soon, the program itself does the same: that the request may
# then be recorded twice is harmless.
program=@FOLDER@/slurm-@VERB@
socket=/run/slurm-power-agent/copilot.sock

# A person, or a call that slurmctld does not make, gets the program and its output.
if [ -t 2 ] || [ $# -ne 1 ]; then exec "$program" "$@"; fi
case $1 in -*) exec "$program" "$@" ;; esac
# slurmctld 22.05 starts its programs with the file descriptors 0 to 2 closed; nothing else may get these numbers. Those that are open stay
# open to the end of the program: from 23.02 on slurmctld reads 1 and 2, and up to 25.05 it may kill a program that has closed them when it
# ends or is reconfigured (run_command.c). `true >&1` would not tell: dash takes that for nothing to do.
[ -e /proc/self/fd/0 ] || exec </dev/null
[ -e /proc/self/fd/1 ] || exec >/dev/null
[ -e /proc/self/fd/2 ] || exec 2>/dev/null
if [ -S "$socket" ]; then
  code=$(/usr/bin/perl @FOLDER@/hand-over.pl "$socket" @VERB@ "$1") && case $code in [0-2]) exit "$code" ;; esac
fi
exec "$program" "$1"
