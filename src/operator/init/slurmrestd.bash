# The REST daemon. It refuses to run as root and as SlurmUser; users prove who they are with a token.

export SLURM_JWT=daemon
daemon=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups slurmrestd)
options=(-a rest_auth/jwt)
case $(conf_value slurm.conf AccountingStorageType) in
  */slurmdbd) ;;
  *)
    # Where there is no accounting, the plugins that ask slurmdbd end slurmrestd (22.05, 24.11). What there is differs by release.
    if ! known=$("${daemon[@]}" -s list 2>&1); then
      say "slurmrestd does not list its plugins: $known"
      exit 1
    fi
    plugins=$(sed -En '/openapi\/(slurm)?db/d; s|.*(openapi/[^[:space:]]+).*|\1|p' <<<"$known" | paste -sd ,)
    if [ -z "$plugins" ]; then
      say "slurmrestd has no plugin that does without slurmdbd: $known"
      exit 1
    fi
    options+=(-s "$plugins")
    ;;
esac
# As a container's first process it would ignore SIGTERM, and each of its Pods would take its whole grace to end.
run_main "${daemon[@]}" "${options[@]}" 0.0.0.0:6820
