# The accounting daemon in a Pod of its own.

install_secret slurmdbd.conf
if [ ! -r /etc/slurm/slurmdbd.conf ]; then
  say "there is no $conf_path/slurmdbd.conf"
  exit 1
fi
exec slurmdbd -D
