#!/bin/sh
# Ensures that MariaDB is a member of the cluster and has read its newest files.
# Arguments: how many databases there should be, and the files. Says "restarted" if it did that.
wanted=$1
shift

status() {
  timeout 5 mariadb --batch --skip-column-names --execute="SHOW STATUS LIKE '$1'" 2> /dev/null | cut -f 2
}

# An arbitrator is a member without data, and has no address.
databases() {
  status wsrep_incoming_addresses | tr ',' '\n' | grep -c .
}

if [ "$(status wsrep_cluster_status)" = Primary ]; then
  [ $# -gt 0 ] && [ -n "$(find "$@" -newer /run/mysqld/mysqld.pid)" ] || exit 0
  size=$(databases)
  # The first member's cluster grows while it is made.
  if [ "$size" -gt 1 ] && [ "$size" -lt "$wanted" ]; then
    echo "only $size of $wanted databases are members; bring the others back before this one is restarted" >&2
    exit 1
  fi
  if [ "$size" -eq 1 ]; then
    echo "this is the only member; bring the others back before it is restarted" >&2
    exit 1
  fi
fi

systemctl daemon-reload
systemctl restart mariadb || exit 1
# The data has come by now; what was written meanwhile follows.
tries=120
until [ "$(status wsrep_local_state)" = 4 ]; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo "it has started, but didn't catch up with the others" >&2; exit 1; }
  sleep 1
done
echo restarted
