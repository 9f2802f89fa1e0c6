"""What operators write into an inventory over time."""

from hypothesis import strategies as st

ADDRESSES = [f"10.0.0.{number}" for number in range(1, 5)]
EXTENSIONS = [str(number) for number in range(101, 107)]


class Inventory:
    """The dialers and phone_aliases of an inventory, as an operator edits them.

    Attributes:
        server_ips: the dialers' addresses, in the inventory's order.
        aliases: what the entry of each extension says.
    """

    def __init__(self):
        self.server_ips = ADDRESSES[:3]
        self.aliases = {extension: {} for extension in EXTENSIONS[:3]}
        self._before = {}

    def dialers(self) -> list[dict]:
        """Return the dialers, as the module aliases takes them."""
        return [{"name": f"d{ip}", "server_ip": ip} for ip in self.server_ips]

    def entries(self) -> list[dict]:
        """Return phone_aliases: an entry for each extension."""
        entries = []
        for extension, given in self.aliases.items():
            chosen = [f"d{ip}" for ip in self.server_ips if ip in given.get("on", ADDRESSES)]
            settings = {key: value for key, value in given.items() if key != "on" and value}
            entries.append({"extensions": extension, "dialers": chosen or None, **settings})
        return entries

    def edit(self, kind, what) -> None:
        """Do one edit; one that makes no sense changes nothing."""
        if kind == "dialer":
            left = [ip for ip in self.server_ips if ip != what]
            self.server_ips = left if what in self.server_ips else [*left, what]
        elif kind == "range":
            first, last = sorted(what)
            known = {**self._before, **self.aliases}
            self._before.update(self.aliases)
            self.aliases = {e: known.get(e, {}) for e in EXTENSIONS[first : last + 1]}
        elif kind == "entry":
            extension, setting, value = what
            if extension in self.aliases:
                self.aliases[extension] = {**self.aliases[extension], setting: value}


_SETTINGS = [
    ("suffix", st.sampled_from(["x", "z", "q"])),
    ("name", st.sampled_from([None, "Sales"])),
    ("on", st.sets(st.sampled_from(ADDRESSES), min_size=1)),
    ("login_password", st.sampled_from([None, None, "given1", "given2"])),
    ("registration_password", st.sampled_from([None, None, "given3", "given4"])),
]
_PLACES = st.tuples(st.sampled_from(EXTENSIONS), st.sampled_from(ADDRESSES))
_ENTRY = st.one_of(
    [
        st.tuples(st.sampled_from(EXTENSIONS), st.just(setting), values)
        for setting, values in _SETTINGS
    ]
)
#: Kinds of edits: a dialer comes or goes (the first stays), the range of extensions is another, an
#: entry has another setting, or other agents talk.
EDITS = st.one_of(
    st.tuples(st.just("dialer"), st.sampled_from(ADDRESSES[1:])),
    st.tuples(st.just("range"), st.tuples(st.integers(0, 5), st.integers(0, 5))),
    st.tuples(st.just("entry"), _ENTRY),
    st.tuples(st.just("agents"), st.sets(_PLACES, max_size=6)),
)
#: After which statement that writes a run is killed.
KILLS = st.integers(1, 12)
#: A dialer goes, another one comes, and the first comes back.
REPLACED = [(("dialer", ip), 5, 1) for ip in (ADDRESSES[1], ADDRESSES[3], ADDRESSES[1])]


def histories(longest):
    """Edits, each with the statements at which its two runs are killed.

    Args:
        longest: how many edits there are at most.
    """
    return st.lists(st.tuples(EDITS, KILLS, KILLS), min_size=1, max_size=longest)
