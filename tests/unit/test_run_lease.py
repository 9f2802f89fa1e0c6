"""The lease of a provisioning run: its times fit together, and its words are documented."""

import yaml
from ansible_collections.evenfloor.cluster.plugins.doc_fragments.provisioning import (
    ModuleDocFragment,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.run_lease import (
    LEASE,
    TOKEN_ARGUMENT,
    Lease,
)
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.keeper import (
    RENEWAL_TAKES,
    RENEWED_EVERY,
)


def test_a_lease_outlives_a_renewal_that_fails():
    assert RENEWED_EVERY + RENEWAL_TAKES + RENEWED_EVERY < LEASE


def test_a_run_that_vanished_blocks_the_cluster_for_less_than_a_minute():
    assert LEASE < 60


def test_the_token_is_documented_as_modules_take_it():
    options = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    documented = {
        name: {"type": option["type"], "default": option["default"], "no_log": False}
        for name, option in options.items()
    }
    assert documented == TOKEN_ARGUMENT


def test_who_is_refused_is_told_who_is_first():
    lease = Lease("token", "anna", "control1", "add_dialer.yml", "14:03:22", 41, True)
    assert lease.sentence() == (
        "provisioning runs already: anna@control1 since 14:03:22 UTC (add_dialer.yml, 41 s ago)"
    )
