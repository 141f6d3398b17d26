# The REST daemon. It refuses to run as root and as SlurmUser; users prove who they are with a token.

export SLURM_JWT=daemon
exec setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups slurmrestd -a rest_auth/jwt 0.0.0.0:6820
