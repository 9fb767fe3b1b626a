#!/usr/bin/env bash
# A PostgreSQL server for one run: on a free port of this machine only, and not as root, which it refuses.
# usage: postgres.sh FOLDER make    makes and starts it in a folder that is not there yet, and prints its URL
#        postgres.sh FOLDER start   starts it where it was stopped, and waits until it answers
#        postgres.sh FOLDER crash   ends it at once, as a crash would
#        postgres.sh FOLDER stop    the same, if it runs
set -euo pipefail
folder=$1

bin() { find /usr/lib/postgresql -path '*/bin/postgres' -printf '%h\n' 2> /dev/null | sort -V | tail -n 1; }
as_postgres() { if [[ $(id -u) == 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi; }
control() { (cd / && as_postgres "$(bin)/pg_ctl" -D "$folder/data" -w "$@" > /dev/null); }

make() {
  local port password
  if [[ -z $(bin) ]]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql > /dev/null
  fi
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
  mkdir "$folder"
  printf '%s\n' "$password" > "$folder.password"
  if [[ $(id -u) == 0 ]]; then
    chown postgres "$folder" "$folder.password"
  fi
  (cd / && as_postgres "$(bin)/initdb" -D "$folder/data" -U fnvet -A scram-sha-256 --pwfile "$folder.password" > /dev/null)
  printf "port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\n" "$port" "$folder" | as_postgres tee -a "$folder/data/postgresql.conf" > /dev/null
  control -l "$folder/log" start
  printf 'postgres://fnvet:%s@127.0.0.1:%s/postgres\n' "$password" "$port"
}

case ${2:-} in
  make) make ;;
  start) control -l "$folder/log" start ;;
  crash) control -m immediate stop ;;
  stop) [[ ! -d "$folder/data" ]] || control -m immediate stop 2> /dev/null || true ;;
  *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
esac
