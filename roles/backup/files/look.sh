#!/usr/bin/env bash
# Says what is in the folder of a database: "empty"; "unfinished", where a restore was interrupted; "restored FILE", where the
# restored database is in place and the rest of the run is missing; or in words what keeps a restore from beginning.
# Argument: the database's name.
set -euo pipefail
database=$1
data=/var/lib/mysql

ask() {
  timeout 10 mariadb --batch --skip-column-names --execute="$1" 2> /dev/null || echo an unknown number of
}

if [ -e "$data/.evenfloor-restore" ] || [ -e "$data/.evenfloor-moving" ]; then
  echo unfinished
elif [ -e "$data/.evenfloor-restored-from" ]; then
  echo "restored $(cat "$data/.evenfloor-restored-from")"
elif [ -d "$data/$database" ]; then
  echo "it has a database $database: $(ask "SELECT COUNT(*) FROM \`$database\`.phones") phones," \
    "$(ask "SELECT COUNT(*) FROM \`$database\`.vicidial_live_agents") agents logged in"
elif grep -qs '^uuid: *[0-9a-f-]*[1-9a-f]' "$data/grastate.dat"; then
  echo "it was a member of several databases"
else
  others=$(find "$data" -mindepth 1 -maxdepth 1 -type d ! -name '[.#]*' \
    ! -name mysql ! -name sys ! -name performance_schema ! -name test ! -name lost+found -printf '%f ' 2> /dev/null) || true
  [ -z "$others" ] && echo empty || echo "it has other databases: $others"
fi
