#!/usr/bin/env bash
# Says, a line each, how the last backup on this host ended, whether one is being made, and, where backups are made regularly,
# whether the timer runs, what time it is, when the newest backup here was complete, and when the next was due after it and
# after the timer was written.
# Argument: the folder for backups.
set -euo pipefail
export LC_ALL=C
unit=evenfloor-backup
timer=/etc/systemd/system/$unit.timer

echo "result $(systemctl show --property=Result --value $unit.service)"
echo "state $(systemctl show --property=ActiveState --value $unit.service)"
[ -e $timer ] || exit 0
echo "timer $(systemctl is-active $unit.timer || true)"
echo "now $(date +%s)"
made=$(find "$1" -maxdepth 1 -name 'evenfloor-*.tar.zst*' -printf '%Ts\n' | sort --numeric-sort | tail --lines=1) || true
[ -z "$made" ] || echo "made $made"
written=$(stat --format=%Y $timer)
since=$((${made:-0} > written ? made : written))
due=$(systemd-analyze calendar --base-time="@$since" -- "$(sed -n s/^OnCalendar=//p $timer)" \
  | sed -n 's/.*\(Next elapse\|(in UTC)\): \(.* \(UTC\|GMT\)\)$/\2/p' | tail --lines=1)
[ -z "$due" ] || echo "due $(date --date="$due" +%s)"
