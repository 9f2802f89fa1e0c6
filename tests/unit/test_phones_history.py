"""Any history of edits, with runs that are killed anywhere, as a model of tables without
transactions: nobody's login or password changes, and no phone goes under a call."""

import copy

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors, phones
from ansible_collections.evenfloor.cluster.plugins.module_utils.phones import (
    Kept,
    Request,
    place_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import find_removal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.plans import ADDRESSES, changes, want

EXTENSIONS = [str(number) for number in range(101, 107)]
HISTORIES = settings(max_examples=200, deadline=None)


class Inventory:
    """What an operator has written."""

    def __init__(self):
        self.dialers = ADDRESSES[:3]
        self.aliases = {extension: {} for extension in EXTENSIONS[:3]}
        self.before = {}

    def wanted(self):
        """Return the aliases, as the planner takes them."""
        wanted = []
        for extension, entry in self.aliases.items():
            chosen = [ip for ip in self.dialers if ip in entry.get("dialers", ADDRESSES)]
            passwords = {key: entry.get(key) for key in ("login_password", "registration")}
            names = {"suffix": entry.get("suffix", "x"), "name": entry.get("name")}
            wanted.append(want(extension, chosen or self.dialers, **names, **passwords))
        return wanted

    def edit(self, kind, what):
        """Do one edit; what can't be done leaves it as it is."""
        if kind == "dialer" and not (what in self.dialers and len(self.dialers) == 1):
            left = [ip for ip in self.dialers if ip != what]
            self.dialers = left if what in self.dialers else [*left, what]
        elif kind == "range":
            first, last = sorted(what)
            kept = {**self.before, **self.aliases}
            self.before.update(self.aliases)
            self.aliases = {e: kept.get(e, {}) for e in EXTENSIONS[first : last + 1]}
        elif kind not in ("dialer", "agents"):
            extension, value = what
            if extension in self.aliases:
                self.aliases[extension] = {**self.aliases[extension], kind: value}


class Tables:
    """The rows, and what applying a plan does to them one statement after the other."""

    def __init__(self):
        self.phones, self.aliases, self.off = {}, {}, set()
        self.kept_phones, self.kept_aliases, self.closed = {}, {}, set()

    def kept(self):
        """Return what is kept; what was removed last is last in the dictionary."""
        return Kept(
            list(reversed(self.kept_phones.values())),
            list(self.kept_aliases.values()),
            self.closed & self.off,
        )

    def statements(self, plan):
        """List what a run writes, in the module's order."""
        yield lambda: self._keep(plan)
        written = [*plan.new_phones, *(new for _old, new in plan.renamed_phones)]
        for phone in [*written, *plan.changed_phones]:
            yield lambda phone=phone: self.phones.update({place_of(phone): phone})
        for phone in plan.opened_phones:
            yield lambda phone=phone: self.off.discard(place_of(phone))
        for alias in [*plan.new_aliases, *(new for _old, new in plan.changed_aliases)]:
            yield lambda alias=alias: self.aliases.update({alias.alias_id: alias})
        for alias in plan.removed_aliases:
            yield lambda alias=alias: self.aliases.pop(alias.alias_id)
        for phone in plan.closed_phones:
            yield lambda phone=phone: self.off.add(place_of(phone))
        for phone in plan.removed_phones:
            yield lambda phone=phone: self._remove(place_of(phone))
        yield lambda: self._forget(plan)

    def _keep(self, plan):
        for phone in [*plan.removed_phones, *plan.closed_phones]:
            self.kept_phones.pop(place_of(phone), None)
            self.kept_phones[place_of(phone)] = phone
        self.closed -= {place_of(phone) for phone in plan.removed_phones}
        self.closed |= {place_of(phone) for phone in plan.closed_phones}
        self.kept_aliases.update({alias.alias_id: alias for alias in plan.removed_aliases})

    def _remove(self, place):
        del self.phones[place]
        self.off.discard(place)

    def _forget(self, plan):
        for name in plan.forgotten:
            self.kept_phones.pop(name, None)
            self.kept_aliases.pop(name, None)
            self.closed.discard(name)

    def shape(self):
        """Return everything but passwords, of which new phones have random ones."""
        return (
            {place: phone.login for place, phone in self.phones.items()},
            {alias_id: (alias.name, alias.logins) for alias_id, alias in self.aliases.items()},
            self.off,
            self.closed,
            self.kept_phones.keys(),
            self.kept_aliases.keys(),
        )


class History:
    """A cluster over time, and what must stay true of it."""

    def __init__(self):
        self.inventory, self.tables = Inventory(), Tables()
        self.busy = set()
        self.logins, self.passwords = {}, {}

    def plan(self, tables, **how):
        """Plan a run, and see that it removes nobody's phone under a call."""
        request = Request(
            self.inventory.wanted(), flavors.flavor_of("plain"), dialers=self.inventory.dialers,
            purge=True, kept=tables.kept(), busy=self.busy, **how,
        )  # fmt: skip
        plan = phones.make_plan(
            list(tables.phones.values()), list(tables.aliases.values()), request
        )
        assert not self.busy & {place_of(phone) for phone in plan.removed_phones}
        # What goes has been asked for, unless it was asked for before.
        asked = find_removal(plan, (), ())
        gone = {place_of(p) for p in [*plan.removed_phones, *plan.closed_phones]}
        assert {place_of(phone) for phone in asked.phones} == gone - plan.ended
        assert asked.aliases == plan.removed_aliases
        return plan

    def run(self, killed_at, **how):
        """Run twice: the first run dies, the second ends. It is as if one had run."""
        once = copy.deepcopy(self.tables)
        for statement in once.statements(self.plan(once, **how)):
            statement()
        for number, statement in enumerate(self.tables.statements(self.plan(self.tables, **how))):
            if number == killed_at:
                break
            statement()
            self.check_lists()
        for statement in self.tables.statements(self.plan(self.tables, **how)):
            statement()
            self.check_lists()
        assert self.tables.shape() == once.shape()
        assert changes(self.plan(self.tables, **how)) == 0
        self.check_phones()

    def check_lists(self):
        """See that every alias names only phones that are there."""
        logins = {phone.login for phone in self.tables.phones.values()}
        for alias in self.tables.aliases.values():
            assert set(alias.logins) <= logins

    def check_phones(self):
        """See that every phone has the login and the passwords that it ever had."""
        for alias in self.inventory.wanted():
            for server_ip in alias["server_ips"]:
                phone = self.tables.phones[alias["extension"], server_ip]
                assert place_of(phone) not in self.tables.off
                assert self.logins.setdefault(place_of(phone), phone.login) == phone.login
                for key in ("login_password", "registration_password"):
                    had = self.passwords.get((phone.extension, key))
                    has = getattr(phone, key)
                    assert has == (alias[key] or had or has)
                    self.passwords[phone.extension, key] = has


OF_ALIAS = {
    "suffix": st.sampled_from(["x", "z", ""]),
    "name": st.sampled_from([None, "Sales"]),
    "dialers": st.sets(st.sampled_from(ADDRESSES), min_size=1),
    "login_password": st.sampled_from([None, None, "given1", "given2"]),
    "registration": st.sampled_from([None, None, "given3", "given4"]),
}
PLACES = st.tuples(st.sampled_from(EXTENSIONS), st.sampled_from(ADDRESSES))
EDITS = st.one_of(
    st.tuples(st.just("dialer"), st.sampled_from(ADDRESSES[1:4])),
    st.tuples(st.just("range"), st.tuples(st.integers(0, 5), st.integers(0, 5))),
    st.tuples(st.just("agents"), st.sets(PLACES, max_size=6)),
    *(
        st.tuples(st.just(kind), st.tuples(st.sampled_from(EXTENSIONS), values))
        for kind, values in OF_ALIAS.items()
    ),
)
KILLS = st.integers(0, 30)
#: A dialer goes, another one comes, and the first comes back.
REPLACED = [(("dialer", ip), 5, 1) for ip in (ADDRESSES[1], ADDRESSES[3], ADDRESSES[1])]


@HISTORIES
@given(st.lists(st.tuples(EDITS, KILLS, KILLS), min_size=1, max_size=8))
@example(REPLACED)
def test_no_history_of_edits_and_killed_runs_changes_anybodys_login_or_password(history):
    model = History()
    serving = model.inventory.dialers
    model.run(99, serving=serving)
    for (kind, what), first, second in history:
        model.inventory.edit(kind, what)
        if kind == "agents":
            model.busy = what & model.tables.phones.keys()
        leaving = [ip for ip in serving if ip not in model.inventory.dialers]
        # Whoever removes a dialer has waited for its agents.
        model.busy = {place for place in model.busy if place[1] not in leaving}
        model.run(first, serving=serving, grow=False, leaving=leaving)
        serving = model.inventory.dialers
        model.run(second, serving=serving)
