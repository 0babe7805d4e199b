#!/usr/bin/env bash
# A PostgreSQL of one's own, for tests and to try things against: in a temporary folder, on a free port of 127.0.0.1, with passwords
# (SCRAM) and TLS. Needs Debian's `postgresql` (or any other since version 12) and `openssl`.
#
#   tests/postgres.sh run cargo test      starts it, runs the command, stops it
#   eval "$(tests/postgres.sh start)"     starts it, and sets what is below
#   tests/postgres.sh stop                stops what HINDSIGHT_POSTGRES_FOLDER names, and removes it
#
#   HINDSIGHT_POSTGRES          the URL of the database `synapse` for a role that may only read it, `reader`;
#                               the role `synapse`, which owns it, has the same password
#   HINDSIGHT_POSTGRES_CA       the certificate that signed the server's, which is for the name `localhost`
#   HINDSIGHT_POSTGRES_FOLDER   where all of it is
#
# `synapse` holds fixtures/synapse/postgres.sql. Where ../shared/real/db/beta.sql.gz is, the database `beta` holds that.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
password=only-for-tests

say() { printf '%s\n' "$*" >&2; }

# The folder with initdb and pg_ctl, which Debian keeps off the path.
programs() {
  local initdb
  initdb=$(command -v initdb || find /usr/lib/postgresql /usr/pgsql-* /opt/homebrew/opt /usr/local/opt -maxdepth 3 -name initdb 2>/dev/null | sort -V | tail -1)
  [ -n "$initdb" ] || { say "no initdb: install PostgreSQL (Debian: apt-get install postgresql)"; exit 1; }
  dirname "$(readlink -f "$initdb")"
}

# The server refuses to run as root.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && runuser -u "$(id -un postgres 2>/dev/null || echo nobody)" -- "$@")
  else
    "$@"
  fi
}

# An authority, and a certificate by it for `localhost`: what is its own authority is no server's certificate to strict clients.
certificates() {
  local folder=$1
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=Hindsight's tests" \
    -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$folder/server.key" -out "$folder/server.csr" 2>/dev/null
  printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' >"$folder/server.ext"
  openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
    -days 3650 -extfile "$folder/server.ext" -out "$folder/server.pem" 2>/dev/null
  chmod 600 "$folder"/*.key
}

configure() {
  local folder=$1
  cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder'
ssl = on
ssl_cert_file = '$folder/server.pem'
ssl_key_file = '$folder/server.key'
max_connections = 50
fsync = off
synchronous_commit = off
full_page_writes = off
CONF
  printf 'local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n' >"$folder/data/pg_hba.conf"
}

# On the first free port of some random ones; prints it.
launch() {
  local folder=$1 port
  for _ in $(seq 20); do
    port=$((20000 + RANDOM % 12000))
    if as_server "$bin/pg_ctl" -D "$folder/data" -l "$folder/log" -o "-p $port" -w -t 60 start >/dev/null 2>&1; then
      echo "$port"
      return
    fi
  done
  say "the server does not start:"
  tail -20 "$folder/log" >&2
  return 1
}

# A database of the role `synapse`, filled from standard input, which the role `reader` may read.
restore() {
  local name=$1
  sql postgres -c "CREATE DATABASE $name OWNER synapse ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"
  # Newer versions of pg_dump write \restrict, which older ones of psql do not know.
  sed '/^\\\(un\)\{0,1\}restrict /d' | PGUSER=synapse sql "$name" --single-transaction
  sql "$name" -c 'GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; ANALYZE'
}

sql() {
  local database=$1
  shift
  "$bin/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -d "$database" "$@" >/dev/null
}

start() {
  folder=$(mktemp -d "${TMPDIR:-/tmp}/hindsight-postgres.XXXXXX")
  trap 'stop "$folder"' EXIT
  echo "$password" >"$folder/password"
  certificates "$folder"
  if [ "$(id -u)" = 0 ]; then
    chown -R "$(id -un postgres 2>/dev/null || echo nobody)" "$folder"
  fi
  as_server "$bin/initdb" -D "$folder/data" -U admin --pwfile="$folder/password" -A scram-sha-256 -E UTF8 --locale=C --no-sync >/dev/null
  configure "$folder"
  chmod 755 "$folder"
  chmod 644 "$folder/ca.pem"
  port=$(launch "$folder")
  export PGPORT=$port PGUSER=admin PGPASSWORD=$password PGSSLMODE=disable
  sql postgres -c "CREATE ROLE synapse LOGIN PASSWORD '$password'" -c "CREATE ROLE reader LOGIN PASSWORD '$password'"
  restore synapse <"$here/fixtures/synapse/postgres.sql"
  local beta=$here/../shared/real/db/beta.sql.gz
  if [ -f "$beta" ]; then
    gunzip -c "$beta" | restore beta
  fi
  trap - EXIT
  unset PGPORT PGUSER PGPASSWORD PGSSLMODE
  export HINDSIGHT_POSTGRES=postgres://reader:$password@127.0.0.1:$port/synapse
  export HINDSIGHT_POSTGRES_CA=$folder/ca.pem HINDSIGHT_POSTGRES_FOLDER=$folder
}

stop() {
  local folder=$1
  as_server "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
  rm -rf "$folder"
}

bin=$(programs)
case "${1:-}" in
  start)
    start
    printf 'export %s=%q\n' HINDSIGHT_POSTGRES "$HINDSIGHT_POSTGRES" HINDSIGHT_POSTGRES_CA "$HINDSIGHT_POSTGRES_CA" \
      HINDSIGHT_POSTGRES_FOLDER "$HINDSIGHT_POSTGRES_FOLDER"
    ;;
  stop)
    [ -f "${HINDSIGHT_POSTGRES_FOLDER:?names the folder to stop}/data/PG_VERSION" ]
    stop "$HINDSIGHT_POSTGRES_FOLDER"
    ;;
  run)
    shift
    start
    trap 'stop "$folder"' EXIT
    "$@"
    ;;
  *)
    sed -n '2,15s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
