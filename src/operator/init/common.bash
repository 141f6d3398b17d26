# What every container of a cluster does first: munge, the configuration, users from LDAP where they are configured.
# Runs as root, in any image that has bash, coreutils, util-linux, munge and Slurm.
set -euo pipefail

say() { printf '%s init: %s\n' "$(date -u +%FT%TZ)" "$*" >&2; }

# Runs a program beside the main one for as long as the container lives. Each of its ends is said; then it starts again.
keep() {
  local name=$1 code
  shift
  while :; do
    code=0
    "$@" || code=$?
    say "$name ended with exit code $code; starts again in 5 s"
    sleep 5
  done &
}

# Runs the container's main program as a child of this shell, hands signals on to it, and ends as it ends. The first process of a container
# must take leave of every process whose parent has ended, such as slurmstepd and what logins leave behind; Slurm's daemons do not, and
# each would stay as a zombie until no process can be made.
run_main() {
  local signal early='' main='' code=0
  for signal in HUP INT QUIT TERM USR1 USR2; do
    # shellcheck disable=SC2064
    trap "early=$signal; [ -z \"\$main\" ] || kill -$signal \"\$main\" 2>/dev/null || :" "$signal"
  done
  # In the background bash ignores these two, and so would everything that the program starts.
  (
    trap - INT QUIT
    exec "$@"
  ) &
  main=$!
  [ -z "$early" ] || kill "-$early" "$main" 2>/dev/null || :
  # A signal ends `wait` before the program has ended.
  while kill -0 "$main" 2>/dev/null; do wait "$main" || :; done
  wait "$main" || code=$?
  exit "$code"
}

# as_user USER COMMAND...
as_user() { setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups "${@:2}"; }

# wait_for PATH WHAT: some programs must not start before others listen.
wait_for() {
  local i
  for ((i = 0; i < 100; i++)); do
    [ -e "$1" ] && return
    sleep 0.1
  done
  say "$2 is not ready after 10 s ($1 is missing); going on"
}

munge_path={{.MungeKeyPath}}
conf_path={{.SlurmConfPath}}

if [ ! -r "$munge_path/munge.key" ]; then
  say "there is no $munge_path/munge.key; mount the Secret with the munge key at $munge_path"
  exit 1
fi
install -d -o munge -g munge -m 0700 /etc/munge /var/log/munge
install -d -o munge -g munge -m 0711 /var/lib/munge
install -d -o munge -g munge -m 0755 /run/munge
install -o munge -g munge -m 0400 "$munge_path/munge.key" /etc/munge/munge.key
rm -f /run/munge/munge.socket.2
keep munged as_user munge munged --foreground
wait_for /run/munge/munge.socket.2 munged

if [ ! -r "$conf_path/slurm.conf" ]; then
  say "there is no $conf_path/slurm.conf; mount it, with its companions, at $conf_path"
  exit 1
fi
install -d -m 0755 /etc/slurm
for file in "$conf_path"/*; do
  # slurmdbd.conf and keys hold secrets: only who needs them copies them.
  case ${file##*/} in
    slurmdbd.conf | *.key)
      case $(stat --dereference --format=%a "$file") in
        *[4-7]) say "every user here can read $file, which holds a secret: give the volume that is mounted at $conf_path a defaultMode of 0400" ;;
      esac
      continue
      ;;
  esac
  [ ! -f "$file" ] || install -m 0644 "$file" /etc/slurm/
done

# Copies a file with a secret, if there is one, for SlurmUser alone.
install_secret() { [ ! -r "$conf_path/$1" ] || install -o slurm -g slurm -m 0600 "$conf_path/$1" "/etc/slurm/$1"; }

# conf_value FILE KEY: the last value of a key, as Slurm reads it.
conf_value() {
  [ ! -r "/etc/slurm/$1" ] || sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*\"\{0,1\}\([^\"#[:space:]]*\).*/\1/Ip" "/etc/slurm/$1" | tail -n 1
}

if [ -r /var/nslcd/nslcd.conf ]; then
  if command -v nslcd >/dev/null; then
    install -o root -g nslcd -m 0640 /var/nslcd/nslcd.conf /etc/nslcd.conf
    install -d -o nslcd -g nslcd -m 0755 /run/nslcd
    keep nslcd nslcd --nofork
    wait_for /run/nslcd/socket nslcd
  else
    say "/var/nslcd/nslcd.conf is mounted but this image has no nslcd: users of LDAP are unknown here"
  fi
fi
