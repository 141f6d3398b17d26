# A worker: slurmd in the foreground, with the resources of the Pod and not those of the machine.

install -d -m 0755 /var/spool/slurmd
podinfo=/etc/slurmd-podinfo
word_of() { [ ! -r "$podinfo/$1" ] || cat "$podinfo/$1"; }
label() { [ ! -r "$podinfo/labels" ] || sed -n "s|^$1=\"\(.*\)\"$|\1|p" "$podinfo/labels"; }

resources=()
cpus=$(word_of cpu_limit)
memory=$(word_of memory_limit)
feature=$(label kai.alibabacloud.com/slurm-feature)
[ -z "$cpus" ] || resources+=("CPUs=$cpus")
[ -z "$memory" ] || resources+=("RealMemory=$memory")
[ -z "$feature" ] || resources+=("Feature=$feature")
# Set by the operator from the limits of the Pod.
[ -z "${WORKER_GRES:-}" ] || resources+=("Gres=$WORKER_GRES")

if (($#)); then run_main "$@"; fi

# conf_lines FILE...: the lines as Slurm reads them: without comments, and a line that ends in \ goes on in the next.
conf_lines() { sed -Es -e ':line' -e 's/#.*//' -e '/\\[[:space:]]*$/{ $!{ N; s/\\[[:space:]]*\n//; b line' -e '} }' "$@"; }

# value_in LINE KEY: what a line of Slurm's configuration gives to a key.
value_in() { sed -n "s/^\(.*[[:space:]]\)\{0,1\}$2[[:space:]]*=[[:space:]]*\"\{0,1\}\([^\"[:space:]]*\).*/\2/Ip" <<<"$1"; }

# is_named NAMES: whether a host list holds this node.
is_named() { [[ $'\n'$(scontrol show hostnames "$1")$'\n' == *$'\n'"$HOSTNAME"$'\n'* ]]; }

# The Gres that slurm.conf, or what it includes, gives to this node; fails where they do not name it.
gres_in_slurm_conf() {
  local file files=() line names gres default=''
  for file in /etc/slurm/*.conf; do [ "$file" = /etc/slurm/gres.conf ] || files+=("$file"); done
  # The last line of a file may have no end.
  while read -r line || [ -n "$line" ]; do
    names=$(value_in "$line" NodeName)
    gres=$(value_in "$line" Gres)
    if [ "${names^^}" = DEFAULT ]; then
      # A later DEFAULT line adds to an earlier one.
      default=${gres:-$default}
    elif is_named "$names"; then
      printf '%s\n' "${gres:-$default}"
      return
    fi
  done < <(conf_lines "${files[@]}" | sed -n '/^[[:space:]]*NodeName[[:space:]]*=/Ip')
  return 1
}

# Whether gres.conf itself tells where the GPUs of this node are. AutoDetect in a line with the node's name goes before that of all.
gpus_are_in_gres_conf() {
  local line names name detect of_all='' of_node=''
  [ -r /etc/slurm/gres.conf ] || return 1
  while read -r line || [ -n "$line" ]; do
    names=$(value_in "$line" NodeName)
    if [ -n "$names" ] && ! is_named "$names"; then continue; fi
    name=$(value_in "$line" Name)
    if [ "${name,,}" = gpu ]; then return 0; fi
    detect=$(value_in "$line" AutoDetect)
    if [ -n "$names" ]; then of_node=${detect:-$of_node}; else of_all=${detect:-$of_all}; fi
  done < <(conf_lines /etc/slurm/gres.conf)
  detect=${of_node:-$of_all}
  case ${detect,,} in "" | off) return 1 ;; *) return 0 ;; esac
}

# write_gpus GRES: tells slurmd the device files of this node's GPUs. Slurm ignores a GPU without one, and which ones a Pod gets is
# known only here: they keep the machine's numbers.
write_gpus() {
  local gpus words word type='' count=1 devices=()
  # Sockets, as in gpu:2(S:0,1), Slurm ignores here.
  gpus=$(sed 's/([^)]*)//g' <<<"$1" | tr , '\n' | sed -En '/^gpu(:|$)/p')
  if [ -z "$gpus" ] || gpus_are_in_gres_conf; then return; fi
  if [[ $gpus == *$'\n'* ]]; then
    say "this node has GPUs of several types ($1), and their files do not tell which is which: name the files in gres.conf"
    return
  fi
  # gpu[:type][:no_consume][:count]. Only the last word is a count (Slurm 22.05 src/common/gres.c): gpu:4090:2 has two of type 4090.
  IFS=: read -ra words <<<"$gpus"
  if ((${#words[@]} > 1)) && [[ ${words[-1]} =~ ^[0-9]+$ ]]; then
    count=$((10#${words[-1]}))
    unset 'words[-1]'
  fi
  for word in "${words[@]:1}"; do [ "${word,,}" = no_consume ] || type=$word; done
  # Beside them there are nvidiactl, nvidia-uvm and the like.
  mapfile -t devices < <(for word in /dev/nvidia[0-9]*; do [ ! -c "$word" ] || echo "$word"; done | sort -V)
  if ((${#devices[@]} < count)); then
    say "slurm.conf gives this node $gpus, and of /dev/nvidia0 and so on there is here: ${devices[*]:-nothing}. slurmctld will not use" \
      "a node with too few GPUs. The Pod must ask for $count in its limits, such as nvidia.com/gpu: $count, and get them"
  elif ((${#devices[@]} > count)); then
    say "slurm.conf gives this node $gpus, and there are more here: ${devices[*]}. Slurm gets to know of the first $count only"
    devices=("${devices[@]:0:count}")
  fi
  {
    echo
    [ -n "$(conf_value gres.conf AutoDetect)" ] || echo 'AutoDetect=off'
    for word in "${devices[@]}"; do echo "NodeName=$HOSTNAME Name=gpu ${type:+Type=$type }File=$word"; done
  } >>/etc/slurm/gres.conf
}

# For slurmctld a node has booted if it did so in or after the second in which it was woken. It reckons with the seconds of uptime that
# slurmd gives, which count how often the machine's uptime ticked since slurmd's start: a tick right after it makes a start of now one of
# a second ago, and of a Pod that came within that second the node would never come up. So slurmd starts when the last tick is not longer
# ago than the wake-up, which was before the kubelet made this Pod's files.
wait_for_boot_to_count() {
  local made up i
  made=$(stat --format=%.2Y "$podinfo" 2>/dev/null || date +%s.%2N)
  # At most for one second: clocks may be set.
  for ((i = 0; i < 20; i++)); do
    read -r up _ </proc/uptime
    # All three are cut to hundredths.
    if (($(date +%s%2N) - ${made/[.,]/} >= 10#${up#*.} + 2)); then return; fi
    sleep 0.05
  done
}

# -b: this start is a boot. Without it slurmctld would go on waiting for a node that it woke.
options=(-D -b -N "$HOSTNAME")
if gres=$(gres_in_slurm_conf); then
  write_gpus "$gres"
else
  write_gpus "${WORKER_GRES:-}"
  # -Z: a node that slurm.conf does not know. Of one that it does slurmd 22.05 says "Duplicated NodeName" and ends.
  options+=(-Z --conf "${resources[*]}")
fi
wait_for_boot_to_count
run_main slurmd "${options[@]}"
