#!/usr/bin/env bash
# A PostgreSQL cluster for the shop alone, run in the foreground so that a supervisor can supervise it.
# usage: database.sh FOLDER [--port N]        default port: PORT, or 4832; loopback and a socket in FOLDER's cluster only
#
# FOLDER/connection.json tells the catalog how to connect: address, password, certificate.  It is readable by its owner
# alone.  The cluster is made on the first start and reused afterwards.
set -euo pipefail

usage() { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
die() { printf 'database.sh: error: %s\n' "$1" >&2; [ $# -lt 2 ] || printf 'database.sh: hint: %s\n' "$2" >&2; exit 1; }

folder='' port=${PORT:-4832}
while [ $# -gt 0 ]; do
  case $1 in
    --port) [ $# -ge 2 ] || usage; port=$2; shift 2 ;;
    -*) usage ;;
    *) [ -z "$folder" ] || usage; folder=$1; shift ;;
  esac
done
[ -n "$folder" ] || usage
[[ $port =~ ^[0-9]{1,5}$ ]] || die "'$port' is not a port"

# Debian keeps the server's programs out of PATH, one folder per version; an existing cluster keeps its version.
find_bin() {
  local version=$1 found
  for found in "/usr/lib/postgresql/$version/bin" "$(pg_config --bindir 2>/dev/null || true)"; do
    [ -x "$found/postgres" ] && { echo "$found"; return; }
  done
  found=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
  [ -x "$found/postgres" ] && echo "$found"
}

umask 077
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd /
cluster=$folder/cluster

# PostgreSQL refuses to run as root.  setpriv becomes the command; runuser would stay in between and kill the server two
# seconds after passing a signal on.
as_owner=()
if [ "$(id -u)" = 0 ]; then
  id postgres >/dev/null 2>&1 || die "there is no user postgres" "install the package postgresql"
  as_owner=(setpriv --reuid=postgres --regid="$(id -g postgres)" --init-groups --)
  chmod 711 "$folder"
  if ! "${as_owner[@]}" test -x "$folder"; then
    # Somewhere above is a folder that only root may enter, as /root itself.  Each FOLDER has its own place then.
    cluster=/var/lib/postgresql/ringwall-shop/$(printf '%s' "$folder" | sha256sum | cut -c1-16)
    printf 'database.sh: user postgres cannot enter %s, the cluster is in %s\n' "$folder" "$cluster" >&2
    mkdir -p "${cluster%/*}"
    chmod 711 "${cluster%/*}"
  fi
fi
bin=$(find_bin "$(cat "$cluster/PG_VERSION" 2>/dev/null || true)") || die "PostgreSQL is not installed" "apt-get install postgresql"
connection=$folder/connection.json

# The cluster is made beside its place and then moved there, so one that was cut off while being made is never used.
secret=$folder/password
if [ ! -s "$cluster/PG_VERSION" ]; then
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$secret"
  rm -rf "$cluster.new"
  mkdir "$cluster.new"
  cp "$secret" "$cluster.password"
  [ "$(id -u)" != 0 ] || chown postgres: "$cluster.new" "$cluster.password"
  "${as_owner[@]}" "$bin/initdb" --pgdata="$cluster.new" --username=shop --pwfile="$cluster.password" --auth=scram-sha-256 \
    --data-checksums --encoding=UTF8 --locale=C.UTF-8 --no-instructions >&2
  rm "$cluster.password"
  "${as_owner[@]}" "$bin/postgres" --single -D "$cluster.new" postgres <<<'create database shop' >/dev/null
  mv "$cluster.new" "$cluster"
fi
if [ ! -s "$secret" ]; then
  # FOLDER was emptied while the cluster is elsewhere: its data stay, and it gets a new password.
  printf 'database.sh: %s is gone; setting a new password in %s\n' "$secret" "$cluster" >&2
  password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
  "${as_owner[@]}" "$bin/postgres" --single -D "$cluster" postgres <<<"alter role shop password '$password'" >/dev/null
  printf '%s' "$password" >"$secret"
fi

# A certificate of its own for the loopback connection; the catalog trusts exactly this one.
if ! "${as_owner[@]}" openssl x509 -in "$cluster/server.crt" -noout -checkend 2592000 >/dev/null 2>&1; then
  "${as_owner[@]}" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 825 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$cluster/server.key" -out "$cluster/server.crt" 2>/dev/null
fi

certificate=$(awk '{ printf "%s\\n", $0 }' "$cluster/server.crt")
cat >"$connection.tmp" <<JSON
{
  "host": "127.0.0.1",
  "port": $port,
  "user": "shop",
  "password": "$(cat "$secret")",
  "database": "shop",
  "certificate": "$certificate"
}
JSON
mv "$connection.tmp" "$connection"

# Small, because it shares its machine with everything else.  A socket path has at most 107 bytes.
sockets=$cluster
[ ${#sockets} -le 80 ] || sockets=''
exec "${as_owner[@]}" "$bin/postgres" -D "$cluster" \
  -c listen_addresses=127.0.0.1 -c port="$port" -c unix_socket_directories="$sockets" -c unix_socket_permissions=0700 \
  -c ssl=on -c password_encryption=scram-sha-256 \
  -c max_connections=30 -c shared_buffers=32MB -c max_wal_size=256MB -c jit=off \
  -c log_destination=stderr -c logging_collector=off -c log_line_prefix='%m [%p] ' -c log_timezone=UTC -c log_checkpoints=off \
  -c log_min_duration_statement=1000
