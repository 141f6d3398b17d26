# The REST daemon. It refuses to run as root and as SlurmUser; users prove who they are with a token.

export SLURM_JWT=daemon
daemon=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups slurmrestd)
options=(-a rest_auth/jwt)
case $(conf_value slurm.conf AccountingStorageType) in
  */slurmdbd) ;;
  *)
    # Where there is no accounting, the plugins that ask slurmdbd end slurmrestd (22.05, 24.11). What there is differs by release.
    plugins=$("${daemon[@]}" -s list 2>&1 | sed -En '/openapi\/(slurm)?db/d; s|.*(openapi/[^[:space:]]+).*|\1|p' | paste -sd ,)
    options+=(-s "$plugins")
    ;;
esac
# As a container's first process it would ignore SIGTERM, and each of its Pods would take its whole grace to end.
run_main "${daemon[@]}" "${options[@]}" 0.0.0.0:6820
