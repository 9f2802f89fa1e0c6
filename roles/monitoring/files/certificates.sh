#!/bin/sh
# Writes for Prometheus when the certificates end that hosts show. A host that shows none is left out: that it
# doesn't answer, others say.
# $1: a line for each: host, port, address:port, and for openssl's -starttls the protocol or nothing. $2: where to.
set -eu
metric=evenfloor_certificate_end_timestamp_seconds
umask 022
{
  printf '# HELP %s When the certificate ends that a host shows on a port.\n# TYPE %s gauge\n' "$metric" "$metric"
  while read -r host port target starttls; do
    end=$(timeout 10 openssl s_client -connect "$target" ${starttls:+-starttls "$starttls"} < /dev/null 2> /dev/null |
      openssl x509 -noout -enddate 2> /dev/null | cut -d= -f2)
    test -z "$end" || printf '%s{host="%s",port="%s"} %s\n' "$metric" "$host" "$port" "$(date -d "$end" +%s)"
  done < "$1"
} > "$2.new"
mv "$2.new" "$2"
