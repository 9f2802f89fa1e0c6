"""Any history of edits, with runs that are killed anywhere, as a model of tables without
transactions: nobody's login or password changes, and no phone goes under a call."""

import copy

from ansible_collections.evenfloor.cluster.plugins.module_utils import flavors, phones
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import expand_aliases
from ansible_collections.evenfloor.cluster.plugins.module_utils.plan import (
    Kept,
    Request,
    place_of,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.removal import find_removal
from hypothesis import example, given, settings

from tests.histories import REPLACED, Inventory, histories
from tests.unit.plans import changes

HISTORIES = settings(max_examples=200, deadline=None)


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
            if place_of(phone) not in plan.ended:
                self.kept_phones.pop(place_of(phone), None)
                self.kept_phones[place_of(phone)] = phone
        self.closed |= {place_of(phone) for phone in plan.closed_phones}
        self.kept_aliases.update({alias.alias_id: alias for alias in plan.removed_aliases})

    def _remove(self, place):
        del self.phones[place]
        self.off.discard(place)

    def _forget(self, plan):
        for name in plan.forgotten:
            self.kept_phones.pop(name, None)
            self.kept_aliases.pop(name, None)
        self.closed = {place_of(phone) for phone in [*plan.waiting, *plan.closed_phones]}

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

    def wanted(self):
        """Return the aliases, as the planner takes them."""
        return expand_aliases(self.inventory.entries(), self.inventory.dialers())

    def plan(self, tables, **how):
        """Plan a run, and see that it removes nobody's phone under a call."""
        request = Request(
            self.wanted(), flavors.flavor_of("plain"), dialers=self.inventory.server_ips,
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
        for alias in self.wanted():
            for server_ip in alias["server_ips"]:
                phone = self.tables.phones[alias["extension"], server_ip]
                assert place_of(phone) not in self.tables.off
                assert self.logins.setdefault(place_of(phone), phone.login) == phone.login
                for key in ("login_password", "registration_password"):
                    had = self.passwords.get((phone.extension, key))
                    has = getattr(phone, key)
                    assert has == (alias[key] or had or has)
                    self.passwords[phone.extension, key] = has


@HISTORIES
@given(histories(8))
@example(REPLACED)
def test_no_history_of_edits_and_killed_runs_changes_anybodys_login_or_password(history):
    model = History()
    serving = model.inventory.server_ips
    model.run(99, serving=serving)
    for (kind, what), first, second in history:
        model.inventory.edit(kind, what)
        if kind == "agents":
            model.busy = what & model.tables.phones.keys()
        leaving = [ip for ip in serving if ip not in model.inventory.server_ips]
        # Whoever removes a dialer has waited for its agents.
        model.busy = {place for place in model.busy if place[1] not in leaving}
        model.run(first, serving=serving, grow=False, leaving=leaving)
        serving = model.inventory.server_ips
        model.run(second, serving=serving)
