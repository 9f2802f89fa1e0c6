"""What plugins and package know of models of phones is the same."""

import configparser
from pathlib import Path

import yaml
from ansible_collections.evenfloor.cluster.plugins.module_utils import phone_models

from evenfloor import provision_models

ROLES = Path(__file__).parents[2] / "roles"
PACKAGES = {
    *provision_models.SOFTPHONE_FILES,
    provision_models.YEALINK,
    provision_models.GRANDSTREAM,
    provision_models.SNOM,
    provision_models.POLYCOM,
}


def test_both_know_the_same_models_with_as_many_accounts():
    assert set(phone_models.MODELS) == PACKAGES
    most = {name: model.most for name, model in phone_models.MODELS.items() if model.most}
    assert most == provision_models.MOST_ACCOUNTS


def test_what_the_package_notes_is_read_by_the_plugins():
    for agent, most in (("T31P", 2), ("T41S", 6), ("T53", 12), ("T57W", 16)):
        header = f"Yealink SIP-{agent} 124.86.0.40 00:15:65:aa:bb:cc"
        asked = provision_models.read_asked("001565aabbcc.cfg", header)
        assert phone_models.name_of(asked.noted) == "yealink"
        assert phone_models.most_accounts(asked.noted) == asked.most == most
    assert phone_models.fix_for("yealink/2") == phone_models.fix_for("yealink") != ""
    for other in ("linphone.xml", "MicroSIP.ini"):
        assert "/" not in provision_models.read_asked(other, "").noted
    assert phone_models.most_accounts("samovar/x") == phone_models.most_accounts("") == 0


def test_the_inventory_may_name_each_of_them():
    options = yaml.safe_load((ROLES / "phone_aliases/meta/argument_specs.yml").read_text())
    option = options["argument_specs"]["main"]["options"]["phone_aliases_following"]
    assert set(option["choices"]) == set(phone_models.MODELS)
    assert all(name in option["description"] for name in phone_models.MODELS)
    defaults = yaml.safe_load((ROLES / "phone_aliases/defaults/main.yml").read_text())
    assert defaults["phone_aliases_following"] == option["default"] == phone_models.FOLLOWING


def test_dialers_have_a_section_for_each_event():
    text = (ROLES / "dialer/templates/asterisk/pjsip_notify.conf.j2").read_text()
    reader = configparser.RawConfigParser(delimiters=("=>",), comment_prefixes=(";",))
    reader.read_string(text)
    assert set(reader.sections()) == {model.event for model in phone_models.MODELS.values()}
    # An unescaped semicolon would begin a comment.
    assert reader[phone_models.NO_REBOOT]["event"] == r"check-sync\;reboot=false"
