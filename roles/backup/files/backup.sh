#!/usr/bin/env bash
# Makes a backup of the database: one file, which is complete or isn't there at all. Its settings come from the unit's
# environment. What it did last is in the file .last beside the backups.
set -euo pipefail
export LC_ALL=C
umask 077

work=$BACKUP_DIRECTORY/.work
start=$SECONDS

note() {
  echo "$*"
  echo "$*" > "$BACKUP_DIRECTORY/.last"
}

refuse() {
  note "no backup was made: $*"
  exit 1
}

ask() {
  timeout 10 mariadb --batch --skip-column-names --execute="$1"
}

# So that an order that is dead before it says anything doesn't show what the one before it did.
note "no backup was made: it was interrupted"

# Of several databases the last that is healthy makes it: the first is the one that is written to.
for member in $BACKUP_MEMBERS; do
  IFS='|' read -r name address port <<< "$member"
  said=$(timeout 3 bash -c 'exec 3<> "/dev/tcp/$0/$1" && head --lines=1 <&3' "$address" "$port" 2> /dev/null) || true
  if [ "$said" = writable ]; then
    maker=$name
    break
  fi
done
if [ -n "$BACKUP_MEMBERS" ]; then
  [ -n "${maker:-}" ] || refuse "none of the databases is in operation"
  if [ "$maker" != "$BACKUP_HOST" ]; then
    note "$maker makes the backup"
    exit 0
  fi
fi

# An empty database, or another's, would push the good backups out.
cluster=$(ask "SELECT cluster_name FROM \`$BACKUP_DATABASE\`.evenfloor_cluster") \
  || refuse "MariaDB doesn't answer, or has no database $BACKUP_DATABASE"
[ "$cluster" = "$BACKUP_CLUSTER" ] || refuse "the database is of the cluster '$cluster', not of '$BACKUP_CLUSTER'"
[ "$(ask "SELECT COUNT(*) > 0 FROM \`$BACKUP_DATABASE\`.phones")" = 1 ] || refuse "the database has no phones"
version=$(ask "SELECT VERSION()")
program=$(mariadb-backup --version 2>&1)
[[ $program == *" ${version%%-*}-"* ]] || refuse "MariaDB is $version, but '$program'; install the same version and restart MariaDB"

# What a run that was killed has left.
rm -rf "$work" "$BACKUP_DIRECTORY"/.part-*

# A full disk would stop the database: there has to be room for the copy and for the file made of it.
needed=$((2 * $(du --summarize --block-size=1M "$(ask "SELECT @@datadir")" | cut --fields=1)))
there=$(($(df --output=avail --block-size=1M "$BACKUP_DIRECTORY" | tail --lines=1)))
[ "$there" -gt "$needed" ] || refuse "$BACKUP_DIRECTORY has $there MB left, and $needed MB may be needed"

trap 'rm -rf "$work" "$BACKUP_DIRECTORY"/.part-*' EXIT
mkdir -p "$work/data"
made=$(date --utc +%Y%m%dT%H%M%SZ)
file=$BACKUP_DIRECTORY/evenfloor-$made.tar.zst${BACKUP_KEY:+.age}
part=$BACKUP_DIRECTORY/.part-$made

# Each step may end the whole. MariaDB's own words are in the journal then.
run() {
  mariadb-backup "$@" --target-dir="$work/data" 2> "$work/log" || { tail --lines=20 "$work/log" >&2; return 1; }
}

echo "copying the database"
run --backup --galera-info || refuse "mariadb-backup failed; journalctl -u evenfloor-backup says why"
echo "checking the copy"
run --prepare || refuse "the copy can't be used; journalctl -u evenfloor-backup says why"

echo "writing $file"
printf '%s\n' "cluster=$cluster" "database=$BACKUP_DATABASE" "version=$version" "made=$made" "host=$BACKUP_HOST" > "$work/about"
encrypt() {
  if [ -n "$BACKUP_KEY" ]; then age --encrypt --recipient "$BACKUP_KEY"; else cat; fi
}
tar --create --directory="$work" about data | zstd --quiet | encrypt > "$part" \
  || refuse "$file can't be written"
if [ -z "$BACKUP_KEY" ]; then
  zstd --quiet --test "$part" || refuse "$file can't be read again"
fi
sync "$part"
mv "$part" "$file"
sync "$BACKUP_DIRECTORY"

# The name begins with the time.
ls -1r "$BACKUP_DIRECTORY" | grep '^evenfloor-[0-9TZ]*\.tar\.zst' | tail --lines=+$((BACKUP_KEEP + 1)) \
  | while read -r old; do
    echo "removing $old"
    rm "${BACKUP_DIRECTORY:?}/$old"
  done

[ -n "$BACKUP_KEY" ] && how="encrypted" || how="not encrypted"
note "backup: $file, $(stat --format=%s "$file" | numfmt --to=iec), $how, made in $((SECONDS - start)) s"
