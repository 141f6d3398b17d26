# For scripts that source it: programs built from the Go module proxy, once per machine. Bash; needs setup-functions.sh.
#
#   build_with_go NAME FOLDER GO_MINOR TEXT COMMAND...
#
# puts into FOLDER, in the user's cache, what COMMAND leaves in $work/bin, and does nothing when FOLDER is there. COMMAND runs
# with GOBIN, GOPATH and GOCACHE below $work: nothing is shared with the user's own Go, as the modules are hundreds of MB that
# nobody needs afterwards. TEXT and progress go to standard error, as `step NAME TEXT` does it.
# Exits with 3 and one line on standard error where there is no Go, or one older than 1.GO_MINOR.
build_with_go() {
  local name=$1 folder=$2 go_minor=$3 text=$4 go_version cache=${2%/*}
  shift 4
  [[ ! -d $folder ]] || return 0
  # Go's own installer puts it there, and not into PATH; a go of the distribution is often too old.
  PATH=/usr/local/go/bin:$PATH
  if ! command -v go >/dev/null; then
    echo "$name: there is no Go on this machine to build it with" >&2
    exit 3
  fi
  go_version=$(go env GOVERSION)
  if [[ $go_version =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] < go_minor)); then
    echo "$name: $go_version is too old to build it with: go1.$go_minor is needed" >&2
    exit 3
  fi

  mkdir -p "$cache"
  exec 9>"$cache/$name.lock"
  if ! flock -n 9; then
    echo "$name: another build is running, waiting for it" >&2
    flock 9
  fi
  [[ ! -d $folder ]] || return 0

  # Left by a build that was killed: only the holder of the lock may have such a folder.
  rm -rf "$cache/$name-build".*
  work=$(mktemp -d "$cache/$name-build.XXXXXX")
  trap 'trap - EXIT; rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
  export GOBIN=$work/bin GOPATH=$work/gopath GOCACHE=$work/gocache GOFLAGS=-modcacherw CGO_ENABLED=0
  step "$name" "$text" "$@"
  mv -T "$work/bin" "$folder"
}
