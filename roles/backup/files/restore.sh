#!/usr/bin/env bash
# Puts a backup in the place of a database's empty folder. Nothing is touched before the backup is unpacked, checked and ready.
# From then on MariaDB doesn't start until it is in place, and another run of this finishes what was interrupted.
# Arguments: the backup, the file of its key or "", the cluster's name, the database's name, a file of SQL to run in what was
# unpacked, look.sh.
set -euo pipefail
export LC_ALL=C
umask 077
file=$1 key=$2 cluster=$3 database=$4 statements=$5 look=$6

name=$(basename "$file")
data=/var/lib/mysql
# Being unpacked; ready to take the place of all that is in the folder; and all that counts in the folder, on its way up.
part=$data/.evenfloor-restore-part
ready=$data/.evenfloor-restore
moving=$data/.evenfloor-moving
from=.evenfloor-restored-from
guard=/etc/systemd/system/mariadb.service.d/evenfloor-restore.conf
log=$(mktemp)
trap 'rm -f "$log"' EXIT

refuse() {
  rm -rf "$part"
  echo "$name: $*. Nothing has been changed" >&2
  exit 1
}

is_encrypted() {
  [ "$(head --bytes=21 "$file" | tr -d '\0')" = age-encryption.org/v1 ]
}

plain() {
  if is_encrypted; then age --decrypt --identity "$key" "$file"; else cat "$file"; fi
}

# Somebody may have made a database since the playbook looked.
look_again() {
  local found
  found=$(bash "$look" "$database")
  [ "$found" = empty ] || refuse "the database isn't empty any more: $found"
}

unpack() {
  rm -rf "$part"
  look_again
  install -d -o mysql -g mysql -m 0755 "$data"
  install -d -o mysql -g mysql -m 0700 "$part"
  ! is_encrypted || [ -n "$key" ] || refuse "it is encrypted; say with -e backup_identity=FILE where its key is"
  if ! { plain | zstd --decompress --quiet | tar --extract --no-same-owner --directory="$part"; } 2> "$log"; then
    ! grep -q identit "$log" || refuse "the key that backup_identity names doesn't open it ($(grep -m 1 identit "$log"))"
    refuse "it is damaged or incomplete ($(head --lines=1 "$log"))"
  fi
  [ -e "$part/about" ] || refuse "backup.yml hasn't made it"
  about() { sed -n "s/^$1=//p" "$part/about"; }
  [ "$(about cluster)" = "$cluster" ] || refuse "it is of the cluster '$(about cluster)', and the inventory's is '$cluster'"
  [ "$(about database)" = "$database" ] || refuse "its database is '$(about database)', and the inventory's is '$database'"
  series() { sed 's/^\([0-9]*\.[0-9]*\).*/\1/'; }
  there=$(mariadbd --version | sed 's/.*Ver //')
  [ "$(about version | series)" = "$(series <<< "$there")" ] \
    || refuse "it is of MariaDB $(about version), and MariaDB here is ${there%% *}; install the same version"
}

# What the folder of a single database or of a new cluster of them doesn't have, and what must not be done twice.
prepare() {
  rm -f "$part"/data/{backup-my.cnf,grastate.dat,gvwstate.dat,galera.cache,mariadb_backup_*,xtrabackup_*}
  echo "$name" > "$part/data/$from"
  chown -R mysql:mysql "$part"
  runuser -u mysql -- mariadbd --no-defaults --bootstrap --datadir="$part/data" < "$statements" > "$log" 2>&1 || {
    cat "$log" >&2
    refuse "MariaDB doesn't start with it"
  }
  sync "$part"
  mkdir -p "$(dirname "$guard")"
  printf '[Unit]\nConditionPathExists=!%s\nConditionPathExists=!%s\n' "$ready" "$moving" > "$guard"
  chmod 0644 "$guard"
  systemctl daemon-reload
  mv "$part" "$ready"
}

finish() {
  systemctl stop mariadb
  if [ ! -e "$moving" ]; then
    find "$data" -mindepth 1 -maxdepth 1 ! -path "$ready" -exec rm -rf {} +
    mv "$ready" "$moving"
  fi
  find "$moving/data" -mindepth 1 -maxdepth 1 -exec mv -t "$data" {} +
  sync "$data"
  rm -rf "$moving"
}

exec 9> /run/evenfloor-restore.lock
flock --timeout 120 9 || {
  echo "another restore is under way on this host" >&2
  exit 1
}
if [ -e "$data/$from" ] && [ ! -e "$moving" ]; then
  echo "$(cat "$data/$from") is in place already"
else
  if [ ! -e "$ready" ] && [ ! -e "$moving" ]; then
    unpack
    look_again
    prepare
  fi
  finish
  echo "$(cat "$data/$from") is in place"
fi
if [ -e "$guard" ]; then
  rm -f "$guard"
  systemctl daemon-reload
fi
