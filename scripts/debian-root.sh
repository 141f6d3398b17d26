#!/usr/bin/env bash
# Makes a root folder of another Debian with that Debian's Slurm in it, to be entered with chroot: the tests compare our
# answers with newer Slurms too, and record what those print. About a minute, once per machine: it lies in the user's
# cache and is reused until this file changes. Needs root.
#
#   debian-root.sh SUITE                  make it unless made already; the last line of stdout is the folder
#   debian-root.sh SUITE --print-folder   only print that folder; exit 1 when it is not made yet
#
# SUITE is trixie (Debian 13, Slurm 24.11) or sid (Debian's development, whatever Slurm it has by now: remove the folder
# to have it made anew).
set -euo pipefail

packages=(slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge)

suite=${1:-}
case $suite in
  trixie | sid) ;;
  *)
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac

. "$(dirname "${BASH_SOURCE[0]}")/setup-functions.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/slurm-power-agent
script_hash=$(sha256sum <"${BASH_SOURCE[0]}")
folder=$cache/$suite-${script_hash:0:12}

say() { printf '%s: %s\n' "$suite" "$*" >&2; }

finish_if_made() {
  if [[ -x $folder/usr/bin/scontrol ]]; then
    echo "$folder"
    exit 0
  fi
}

# Files that a killed run left may still have /proc or /sys mounted in them: never remove through a mount.
remove_work_folder() {
  local mounted
  mounted=$(awk -v folder="$1/" 'index($5, folder) == 1 { print $5 }' /proc/self/mountinfo | tac)
  if [[ -n $mounted ]]; then xargs -d '\n' umount <<<"$mounted"; fi
  rm -rf --one-file-system "$1"
}

# The mirror that the machine already uses for Debian 12 has the other suites too.
make_root() {
  local mirror
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(LABEL)' 'Created-By: Packages' |
    awk '$2 == "bookworm" && $3 == "Debian" && !seen++ { print $1 }')
  if [[ -z $mirror ]]; then
    echo "no Debian 12 (bookworm) package source is set up on this machine"
    return 1
  fi
  debootstrap --variant=minbase --include="$(IFS=,; echo "${packages[*]}")" "$suite" "$work/root" "$mirror"
  rm -rf "$work/root/var/cache/apt/archives/"*.deb "$work/root/var/lib/apt/lists/"*
  # The least with which scontrol starts; working on hostlists it asks no slurmctld.
  mkdir -p "$work/root/etc/slurm"
  printf '%s\n' ClusterName=none SlurmctldHost=localhost NodeName=none >"$work/root/etc/slurm/slurm.conf"
  chroot "$work/root" scontrol --version
}

finish_if_made
if [[ ${2:-} == --print-folder ]]; then
  say "not made yet: run bash scripts/setup.sh $suite"
  exit 1
fi
if ((EUID != 0)); then
  say "debootstrap and chroot need root"
  exit 1
fi

mkdir -p "$cache"
exec 9>"$cache/$suite.lock"
if ! flock -n 9; then
  say "another run is making it, waiting for it"
  flock 9
fi
finish_if_made

# Left by a run that was killed: only the holder of the lock may have such a folder.
for left in "$cache/$suite-work".*; do
  if [[ -d $left ]]; then remove_work_folder "$left"; fi
done
work=$(mktemp -d "$cache/$suite-work.XXXXXX")
trap 'trap - EXIT; remove_work_folder "$work"' EXIT
trap 'exit 130' INT TERM HUP

mapfile -t missing < <(missing_packages debootstrap)
if ((${#missing[@]} > 0)); then step "$suite" "install ${missing[*]}" install_packages "${missing[@]}"; fi
step "$suite" "Debian $suite with ${packages[*]} from debootstrap" make_root
mv -T "$work/root" "$folder"
say "made in $SECONDS s"
echo "$folder"
