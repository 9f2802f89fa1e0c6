# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files in which credentials are handed out."""

from __future__ import annotations

import csv
import io

AGENT_COLUMNS = ("alias", "name", "extension", "login_password")
REGISTRATION_COLUMNS = ("extension", "dialer", "server_ip", "registration_password")
#: The file for extensions that no seat of the inventory has.
OTHERS = "others"


def as_csv(rows, columns):
    """Lay rows out as CSV with a heading.

    Args:
        rows: dicts.
        columns: the keys that are written, in their order.

    Returns:
        The text.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def credential_files(credentials, seats):
    """Make the files: one for people, and one for each seat's softphone.

    Args:
        credentials: what the module ``credentials_info`` returned.
        seats: dicts with ``name`` and ``extensions``.

    Returns:
        Dicts with ``path`` and ``content``. Registrations whose extension no seat has are in
        ``seats/others.csv``.
    """
    registrations = credentials["registrations"]
    on_seats = {extension for seat in seats for extension in seat["extensions"]}
    others = {row["extension"] for row in registrations} - on_seats
    files = [{"path": "agents.csv", "content": as_csv(credentials["agents"], AGENT_COLUMNS)}]
    for name, extensions in [
        *((seat["name"], set(seat["extensions"])) for seat in seats),
        (OTHERS, others),
    ]:
        rows = [row for row in registrations if row["extension"] in extensions]
        content = as_csv(rows, REGISTRATION_COLUMNS)
        files.append({"path": f"seats/{name}.csv", "content": content})
    return files
