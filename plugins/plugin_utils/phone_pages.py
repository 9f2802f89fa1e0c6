# Copyright: Evenfloor contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is handed out so that phones find their accounts: a page for each alias, a note for DHCP.

For the control node only: it has segno, which draws QR codes.
"""

from __future__ import annotations

import html

try:
    import segno
except ImportError:  # a control node that has only the collection
    segno = None

#: The softphones: what their pages say, and how their QR code writes an address. Without such a
#: way, the address is typed or pasted. The files are those of the package (provision_models).
SOFTPHONES = (
    ("Linphone", "linphone.xml", "https", "Scan this in Linphone's assistant (\u201cFetch"
     " remote configuration\u201d), or paste the address there."),
    ("Groundwire", "groundwire.xml", "provlinkbs", "Scan this with the camera. Groundwire gets one"
     " dialer."),
    ("Zoiper", "zoiper.xml", "", "Give this address as the address of the configuration."),
    ("MicroSIP", "MicroSIP.ini", "", "Save the file as MicroSIP.ini in %APPDATA%\\MicroSIP while"
     " MicroSIP is closed. MicroSIP gets one dialer."),
    ("baresip", "baresip-accounts", "", "Save the file as accounts in ~/.baresip."),
)  # fmt: skip
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:42em;margin:2em auto;padding:0 1em}"
    "code{overflow-wrap:anywhere}section{break-inside:avoid}"
)


def provisioning_address(hostvars, groups):
    """Return where phones fetch their accounts.

    Args:
        hostvars: Ansible's.
        groups: Ansible's.

    Returns:
        Such as ``https://login.example.com/provision/``, of the first login host that provisions
        phones; empty where none does.
    """
    for name in groups.get("login", []):
        variables = hostvars[name]
        if not variables.get("login_provisioning"):
            continue
        encrypts = variables.get("login_tls", "on") == "on"
        usual = 443 if encrypts else 80
        port = int(variables.get("login_port") or (443 if encrypts else 8080))
        host = _host(variables)
        host = f"[{host}]" if ":" in host else host
        place = host if port == usual else f"{host}:{port}"
        return f"{'https' if encrypts else 'http'}://{place}/provision/"
    return ""


def _host(variables):
    """Return the name or address that phones ask a login host by."""
    keys = ("login_address", "balancer_address", "server_ip", "ansible_host")
    names = [*(variables.get("login_names") or []), *map(variables.get, keys)]
    return str(next(filter(None, names), ""))


def phone_pages(tokens, agents, address, devices):
    """Make the files that are handed out.

    Args:
        tokens: the tokens by alias.
        agents: dicts with ``alias`` and ``name``.
        address: where phones fetch their accounts.
        devices: the MAC addresses of desk phones, by alias, as far as they are known.

    Returns:
        Dicts with ``path`` and ``content``.

    Raises:
        ValueError: the control node lacks segno.
    """
    if segno is None:
        raise ValueError(
            "the control node has no segno, which draws the QR codes: pip install segno==1.6.6"
        )
    names = {agent["alias"]: agent["name"] for agent in agents}
    pages = [
        {"path": f"phones/{alias}.html", "content": _page(alias, names.get(alias, ""), there)}
        for alias, token in tokens.items()
        for there in [f"{address}{token}/"]
    ]
    return [*pages, {"path": "phones/dhcp.conf", "content": dhcp_note(tokens, address, devices)}]


def _page(alias, name, address):
    title = html.escape(f"Phone of {alias}" + (f", {name}" if name else ""))
    sections = "".join(_section(address, *phone) for phone in SOFTPHONES)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="referrer" content="no-referrer">'
        f"<style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n"
        "<p>Whoever has this page can use this phone. Don't pass it on.</p>\n"
        f"{sections}<section><h2>A desk phone</h2><p>Type this as the address of its provisioning"
        f" server. The first phone that uses it keeps it.</p><code>{html.escape(address)}</code>"
        "</section>\n</body></html>\n"
    )


def _section(address, phone, file, scheme, words):
    link = html.escape(f"{address}{file}")
    code = ""
    if scheme:
        text = f"{address}{file}"
        if scheme != "https":
            text = f"{scheme}://{text.partition('://')[2]}"
        code = segno.make(text, error="m", micro=False).svg_inline(scale=4)
    return (
        f"<section><h2>{phone}</h2><p>{html.escape(words)}</p>{code}<p><code>{link}</code></p>"
        "</section>\n"
    )


def dhcp_note(tokens, address, devices):
    """Write the DHCP option 66 of each desk phone, for dnsmasq.

    An option for a whole site can't name a token, so each phone is known by its MAC address.

    Args:
        tokens: the tokens by alias.
        address: where phones fetch their accounts.
        devices: the MAC addresses by alias, as far as they are known.

    Returns:
        The file.
    """
    lines = [
        "# Where desk phones fetch their accounts: DHCP option 66, for dnsmasq. Write each phone's",
        "# MAC address into its line, and take the # away. Whoever reads this file, or listens in",
        "# the phones' network, can fetch the accounts of a phone that hasn't done so yet.",
    ]
    for alias, token in tokens.items():
        mac = devices.get(alias, "")
        typed = ":".join(mac[at : at + 2] for at in range(0, len(mac), 2)) or "MAC-OF-THE-PHONE"
        hidden = "" if mac else "# "
        lines += [
            f"{hidden}dhcp-host={typed},set:phone-{alias}",
            f"{hidden}dhcp-option=tag:phone-{alias},66,{address}{token}/",
        ]
    return "\n".join(lines) + "\n"
