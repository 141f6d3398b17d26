# The head: slurmctld in the foreground, and beside it slurmdbd, sshd, the copilot and logrotate, as far as there are such.

# What slurmctld starts has no environment; this is how it finds the Kubernetes API.
install -d -m 0755 /var/k8s-info
printf '%s\n' "${KUBERNETES_SERVICE_HOST:-}" >/var/k8s-info/k8s_svc_host
printf '%s\n' "${KUBERNETES_SERVICE_PORT:-}" >/var/k8s-info/k8s_svc_port

# Users log in here, and the Pod's token is not theirs. Kubernetes lets everybody read it, but for Pods with an fsGroup, and
# that would give all files of a shared /home to one group.
if [ -d /run/secrets/kubernetes.io ]; then
  chgrp slurm /run/secrets/kubernetes.io
  chmod 0750 /run/secrets/kubernetes.io
fi

# A new volume often is root's alone, and a user could not enter. One that holds something is as the site wants it.
if mountpoint -q /home && listing=$(ls --almost-all --ignore=lost+found /home) && [ -z "$listing" ]; then
  chmod 0755 /home || say "users may be unable to enter /home, which is empty"
fi

install_secret slurmdbd.conf
install_secret jwt_hs256.key
state=$(conf_value slurm.conf StateSaveLocation)
state=${state:-/var/spool/slurmctld}
install -d -o slurm -g slurm -m 0700 "$state"
install -d -o slurm -g slurm -m 0755 /var/log/slurm
install -d -o slurm -g slurm -m 0750 /run/slurm-power-agent
for log in /var/log/slurm-resume.log /var/log/slurm-suspend.log "$(conf_value slurm.conf SlurmctldLogFile)"; do
  [ -n "$log" ] || continue
  touch "$log"
  chown slurm:slurm "$log"
  chmod 0640 "$log"
done

if [ -r /etc/slurm/slurmdbd.conf ] && command -v slurmdbd >/dev/null; then
  # Elsewhere, if DbdHost says so.
  case $(conf_value slurmdbd.conf DbdHost) in
    "" | localhost | 127.0.0.1 | "$HOSTNAME") keep slurmdbd slurmdbd -D ;;
  esac
fi

if [ -x /usr/sbin/sshd ]; then
  keys=/etc/ssh
  # On a volume they outlive the Pod: who logs in is not warned of a new host each time.
  if mountpoint -q "$state"; then keys=$state/ssh-host-keys; fi
  install -d -m 0755 /run/sshd
  [ -d "$keys" ] || install -d -m 0700 "$keys"
  sshd_options=()
  for type in rsa ecdsa ed25519; do
    key=$keys/ssh_host_${type}_key
    [ -s "$key" ] || ssh-keygen -q -N '' -t "$type" -f "$key"
    sshd_options+=(-o "HostKey=$key")
  done
  keep sshd /usr/sbin/sshd -D -e "${sshd_options[@]}"
fi

if [ -x /opt/slurm-power-agent/slurmctld-copilot ]; then
  keep slurmctld-copilot as_user slurm /opt/slurm-power-agent/slurmctld-copilot
else
  say "this image has no /opt/slurm-power-agent/slurmctld-copilot: what slurm-resume and slurm-suspend lose is not repeated"
fi

if command -v logrotate >/dev/null; then
  while sleep 3600; do logrotate /etc/logrotate.conf || say "logrotate failed"; done &
fi

# Accounting. slurmctld registers with slurmdbd when it starts from nothing; with state of its own and without slurmdbd it goes on
# and never does (24.11). The number that it gave itself in a time without accounting slurmdbd does not know: it would end
# with CLUSTER ID MISMATCH. So the cluster must be known there before slurmctld starts the first time; later it need not wait.
register_cluster() {
  local cluster known=$state/known-to-slurmdbd found
  cluster=$(conf_value slurm.conf ClusterName)
  until found=$(timeout 60 sacctmgr --noheader --parsable2 show cluster "$cluster" format=Cluster); do
    if [ -e "$known" ]; then
      say "slurmdbd does not answer; slurmctld keeps its records until it does"
      return
    fi
    say "slurmdbd does not answer; slurmctld starts when it does, as it must register there first"
    sleep 5
  done
  if [ -z "$found" ]; then
    # Holds "name|number", or the name alone in older releases.
    if [ "$(cut --delimiter='|' --fields=1 "$state/clustername" 2>/dev/null)" = "$cluster" ]; then rm "$state/clustername"; fi
    if ! sacctmgr --immediate add cluster "$cluster"; then
      say "slurmdbd does not take cluster $cluster; there may be no records of its jobs"
      return
    fi
  fi
  touch "$known"
}
case $(conf_value slurm.conf AccountingStorageType) in
  */slurmdbd) register_cluster ;;
esac

if (($#)); then run_main "$@"; fi
run_main slurmctld -D
