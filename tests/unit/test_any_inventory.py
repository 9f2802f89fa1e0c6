"""Whatever an inventory says: it is refused in words, or the files say the same as it does."""

import datetime
import string

import pytest
from ansible_collections.evenfloor.cluster.plugins.module_utils import softphone, written
from ansible_collections.evenfloor.cluster.plugins.module_utils.inventory import (
    expand_aliases,
    list_dialers,
)
from ansible_collections.evenfloor.cluster.plugins.module_utils.problem import InventoryError
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.inventory_check import (
    adopt_problems,
    problems,
    read_rules,
)
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from evenfloor import config
from tests.unit.asterisk_syntax import parse, read_caller_id, render
from tests.unit.inventories import inventory
from tests.unit.plans import make_plan
from tests.unit.test_roles import read

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
OPTIONS = read_rules().options
CAMPAIGN = OPTIONS["campaigns"]["options"]
ENDPOINTS = "dialer/templates/asterisk/endpoints.conf.j2"
DEFAULTS = {**read("settings", "defaults/main.yml"), **read("dialer", "defaults/main.yml")}
EDGE = {"cluster_edges": [{"name": "edge1", "address": "10.0.0.41"}], "cluster_edge_port": 5060}

#: What somebody types: what YAML, Asterisk, INI files and SQL have a meaning for comes often.
PIECES = st.sampled_from(
    [*";\"'\\<>[]()#=,|%$&\n\r\t\0\x7f\x85\u2028\u202e ", "${EXTEN}", "=>", ";--", "--;", "\\;"]
    + [
        "#include x",
        "[101]",
        "(!)",
        "\n[evil]\ntype=endpoint\n",
        "{{ x }}",
        "101",
        "é",
        "٣",
        "𝟙",
        "名",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=12),
    st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=6).map("".join),
    st.text(string.ascii_letters + string.digits + "-_ ", max_size=20),
)
SCALARS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, 1, 65, 90, 8080, 10**30, 10**200, -(10**200)]),
    st.floats(),
    st.dates(),
    st.just(datetime.datetime(2026, 1, 2)),
    st.binary(max_size=4),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(SCALARS, inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = TEXTS.map(lambda text: text.translate({ord(letter): "-" for letter in ';"\\<>'}))
RANGES = st.sampled_from(["101", "102-103", "0101", "201, 203", ["301", "305-306"]])
PASSWORDS = st.text(string.ascii_letters + string.digits + "-_", min_size=8, max_size=12)


def mostly(usual, odds=5):
    """Values that are usual, but for one in so many."""
    return st.integers(1, odds).flatmap(lambda dice: ANYTHING if dice == 1 else usual)


ENTRIES = st.fixed_dictionaries(
    {"extensions": mostly(RANGES, 8)},
    optional={
        "suffix": mostly(st.sampled_from(["x", "z", "", "10", "ab"]), 8),
        "dialers": mostly(st.sampled_from(["dialer1", ["dialer2"], ["dialer2", "dialer1"]]), 8),
        "name": st.one_of(
            TEXTS, mostly(st.sampled_from(["Agent {extension}", "Zoë #1 ${X} 名=>"]))
        ),
        "phone": st.sampled_from(["sip", "browser"]),
        "login_password": mostly(PASSWORDS, 8),
        "registration_password": mostly(PASSWORDS, 8),
    },
)
CAMPAIGNS = st.fixed_dictionaries(
    {"id": mostly(st.sampled_from(["SALES", "B-2"]), 8)},
    optional={
        "name": mostly(st.text(string.printable[:90], min_size=1, max_size=12), 8),
        "grouping": mostly(st.sampled_from(CAMPAIGN["grouping"]["choices"]), 8),
        "grouping_limit": mostly(st.integers(0, 33000), 8),
    },
)


def usual_of(option):
    """Values of the type that an option has."""
    if "choices" in option:
        return st.sampled_from(option["choices"])
    return {
        "int": st.one_of(st.integers(0, 70000), st.integers(8600000, 8600400)),
        "float": st.floats(0, 70),
        "bool": st.booleans(),
        "list": st.lists(TEXTS, max_size=2),
        "dict": st.dictionaries(TEXTS, TEXTS, max_size=2),
    }.get(option.get("type"), st.one_of(TEXTS, st.sampled_from(["10.0.0.9", "/opt/x", "name"])))


@st.composite
def inventories(draw):
    """Inventories that are nearly right, with a few settings that are anything."""
    aliases = draw(
        mostly(st.lists(ENTRIES, max_size=3, unique_by=lambda entry: repr(entry["extensions"])), 15)
    )
    campaigns = draw(mostly(st.lists(CAMPAIGNS, max_size=2, unique_by=repr), 15))
    hostvars, groups = inventory(aliases=aliases, campaigns=campaigns, seats={"seat1": []})
    for _setting in range(draw(st.sampled_from([0, 0, 1, 2]))):
        name = draw(st.sampled_from(sorted(OPTIONS)))
        value = draw(mostly(usual_of(OPTIONS[name]), 3))
        hosts = draw(st.sampled_from([list(hostvars), ["db1"], ["login1"], ["dialer1"]]))
        for host in hosts:
            hostvars[host][name] = value
    return hostvars, groups


def rendered(phones, **variables) -> str:
    there = {"dialer_phones": {"phones": phones}, "dialer_srtp": {"rc": 0}}
    return render(ENDPOINTS, **{**DEFAULTS, **EDGE, **variables}, **there)


def as_phones(plan) -> list[dict]:
    return [{**phone._asdict()} for phone in plan.new_phones]


def check_endpoints(phones, sections) -> None:
    """The file has the endpoints of these phones, with their values, and nothing else."""
    kinds = {phone["kind"] for phone in phones}
    names = ["phone", "phone-auth", "phone-aor"]
    names += ["browser-phone"] if "browser" in kinds else []
    names += ["edge-phone", "edge-aor"] if "edge" in kinds else []
    heads, sections = sections[: len(names)], sections[len(names) :]
    assert sorted(section.name for section in heads) == sorted(names)
    assert [section.templates[0] for section in heads] == ["!"] * len(heads)
    expected = []
    for phone in phones:
        extension = phone["extension"]
        kind = {"sip": "phone"}.get(phone["kind"], f"{phone['kind']}-phone")
        at_edge = phone["kind"] == "edge"
        password = written.one_line(phone["registration_password"])
        expected += [
            (extension, [kind], {"auth", "aors", "callerid"}, extension),
            (extension, ["phone-auth"], {"username", "password"}, password),
            (
                extension,
                ["edge-aor" if at_edge else "phone-aor"],
                {"contact"} if at_edge else set(),
                None,
            ),
        ]
    found = []
    for name, templates, given_settings in sections:
        values = dict(given_settings)
        assert len(values) == len(given_settings)
        found.append((name, templates, set(values), values.get("password", values.get("auth"))))
    assert found == expected


def check_names(phones, sections) -> None:
    """The caller ids say what the phones are called, but for what a caller id can't have."""
    caller_ids = [dict(s.settings)["callerid"] for s in sections if "callerid" in dict(s.settings)]
    names = [written.one_line(p["name"].replace('"', "").replace("\\", "")) for p in phones]
    assert [read_caller_id(text) for text in caller_ids] == [
        (name, phone["extension"]) for name, phone in zip(names, phones, strict=True)
    ]


def check_files(hostvars, groups) -> None:
    """The files of an inventory that was accepted say what it says."""
    variables = hostvars["dialer1"]
    dialers = list_dialers(hostvars, groups)
    wanted = expand_aliases(variables["phone_aliases"], dialers)
    addresses = [dialer["server_ip"] for dialer in dialers]
    try:
        plan = make_plan([], [], wanted, addresses, dialers=addresses)
    except InventoryError as error:
        assert str(error)
        return
    phones = as_phones(plan)
    assert {phone["name"] for phone in phones} == {alias["name"] for alias in wanted}
    for address in addresses:
        here = [phone for phone in phones if phone["server_ip"] == address]
        sections = parse(rendered(here, **variables))
        check_endpoints(here, sections)
        check_names(here, sections)
    check_ports_and_rooms({**DEFAULTS, **variables})
    assert len(softphone.wanted_accounts(phones, 60, 3)) == len(phones)
    given_passwords = {
        phone["registration_password"] for alias in wanted for phone in phones
        if alias["registration_password"] == phone["registration_password"]
    }  # fmt: skip
    assert given_passwords == {alias["registration_password"] for alias in wanted} - {None}


def check_ports_and_rooms(variables) -> None:
    """Asterisk's other files say what the settings say."""
    text = render(
        "dialer/templates/asterisk/rtp.conf.j2", cluster_browser_phones=False, **variables
    )
    (rtp,) = parse(text)
    first, last = (str(variables[f"dialer_rtp_{end}"]) for end in ("first", "last"))
    assert rtp.settings[:2] == [("rtpstart", first), ("rtpend", last)]
    first, last = (str(variables[f"dialer_{end}_room"]) for end in ("first", "last"))
    text = render("dialer/templates/asterisk/extensions.conf.j2", **variables)
    general, rooms, phones = parse(text)
    assert (general.name, rooms.name, phones.name) == ("general", "default", "evenfloor-phones")
    assert phones.settings == [] and len(rooms.settings) == 5
    asked = f"GotoIf($[${{EXTEN}} < {first} | ${{EXTEN}} > {last}]?refuse)"
    assert rooms.settings[0] == ("exten", f"_{first[0]}XXXXXX,1,{asked}")


def check_ini(folder, variables) -> None:
    """The package reads the values back."""
    keys = (
        "heartbeat_timeout", "lock_timeout", "request_timeout", "reservation_ttl", "decisions_kept",
    )  # fmt: skip
    # One depends on how many databases there are.
    defaults = {**DEFAULTS, "balancer_heartbeat_timeout": 5}
    chosen = {key: variables.get(f"balancer_{key}", defaults[f"balancer_{key}"]) for key in keys}
    login = {"address": variables.get("balancer_listen", "10.1.0.2"), "port": 8080, "workers": 4}
    for key in ("port", "workers"):
        login[key] = variables.get(f"balancer_{key}", login[key])
    text = render(
        "package/templates/evenfloor.ini.j2",
        balancer_database_host=variables.get("balancer_database_host", "10.1.0.1"),
        balancer_database_port=variables.get("balancer_database_port", 3306),
        package_database_name=variables.get("balancer_database_name", "asterisk"),
        balancer_database_ca=variables.get("balancer_database_ca", ""),
        package_database_user="evenfloor",
        package_database={"secret": "secret"},
        package_sections={"balancer": chosen, "login": login},
    )
    path = folder / "evenfloor.ini"
    path.write_text(text, encoding="utf-8")
    found = config.load(str(path), {})
    assert {key: getattr(found.balancer, key) for key in keys} == {
        key: float(value) for key, value in chosen.items()
    }
    assert found.login == config.LoginConfig(
        login["address"], int(login["port"]), int(login["workers"])
    )
    assert found.database.name == variables.get("balancer_database_name", "asterisk")
    assert found.database.host == variables.get("balancer_database_host", "10.1.0.1")
    assert found.database.tls_ca == variables.get("balancer_database_ca", "")


@settings(UNHURRIED, max_examples=1000)
@given(inventories())
def test_any_inventory_is_refused_in_words_or_its_files_say_what_it_says(tmp_path_factory, given):
    hostvars, groups = given
    found = problems(hostvars, groups)
    assert all(isinstance(sentence, str) and sentence for sentence in found)
    event("refused" if found else "accepted")
    if not found:
        check_files(hostvars, groups)
        check_ini(tmp_path_factory.getbasetemp(), hostvars["login1"])


@settings(UNHURRIED, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["db1", "d1"]),
        st.dictionaries(st.one_of(st.sampled_from(sorted(OPTIONS)), TEXTS), ANYTHING, max_size=6),
    ),
    st.dictionaries(
        st.sampled_from(["database", "login", "dialers", "seats", "all"]),
        st.lists(st.sampled_from(["db1", "d1", "nobody"]), unique=True, max_size=3),
    ),
)
def test_whatever_is_in_place_of_an_inventory_is_refused_in_words(hostvars, groups):
    for found in (problems(hostvars, groups), adopt_problems(hostvars, groups)):
        assert all(isinstance(sentence, str) and sentence for sentence in found)


PHONES = st.lists(
    st.fixed_dictionaries(
        {
            "extension": st.one_of(TEXTS, st.sampled_from(["101", "102", "phone", "gs-1.2"])),
            "name": TEXTS,
            "registration_password": st.one_of(TEXTS, PASSWORDS),
            "kind": st.sampled_from(["sip", "sip", "browser", "edge"]),
        }
    ),
    max_size=3,
    unique_by=lambda phone: phone["extension"],
)


@settings(UNHURRIED, max_examples=300)
@given(PHONES)
def test_whatever_vicidials_forms_let_people_type_stays_in_its_field(phones):
    sections = parse(rendered(phones))
    usable = written.asterisk_endpoints(phones)
    check_endpoints(usable, sections)
    check_names(usable, sections)


@settings(UNHURRIED, max_examples=300)
@given(PHONES)
def test_an_account_stays_in_its_line_and_field(phones):
    phones = [{**phone, "server_ip": "10.0.0.11"} for phone in phones]
    accounts = softphone.wanted_accounts(phones, 60, 3)
    text = softphone.as_file(accounts)
    assert text.count("\n") == len(accounts) == len(text.splitlines())
    assert softphone.parse_accounts(text) == accounts
    for address, line in accounts.items():
        fields = line.split(";")
        assert fields[0] == f"<{address}>"
        assert [field.partition("=")[0] for field in fields[1:]] == [
            "auth_user", "auth_pass", "answermode", "regint", "fbregint",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Sales; 1", "Sales; 1"),
        ("a\\;b", "a;b"),
        ('Joe "Joe" X', "Joe Joe X"),
        ("[x](!)", "[x](!)"),
        ("a\n[evil]\ntype = endpoint", "a [evil] type = endpoint"),
        ("#include evil", "#include evil"),
        ("=> ;-- x --;", "=> ;-- x --;"),
        ("Zoë 名 ${EXTEN}", "Zoë 名 ${EXTEN}"),
        ("", ""),
    ],
)
def test_a_name_reaches_asterisk_as_it_is_but_for_quotes_and_line_ends(name, read):
    phone = {"extension": "101", "name": name, "registration_password": "pass;word"}
    phone["kind"] = "sip"
    sections = parse(rendered([phone]))
    check_endpoints([phone], sections)
    (endpoint,) = (section for section in sections if section.templates == ["phone"])
    assert read_caller_id(dict(endpoint.settings)["callerid"]) == (read, "101")


@pytest.mark.parametrize(
    "phone",
    [
        {"extension": "101](!)", "registration_password": "secret"},
        {"extension": "phone", "registration_password": "secret"},
        {"extension": "Phone-AOR", "registration_password": "secret"},
        {"extension": "a;b", "registration_password": "secret"},
        {"extension": "", "registration_password": "secret"},
        {"extension": "101", "registration_password": ""},
        {"extension": "101", "registration_password": None},
        {"extension": "101", "registration_password": "\n "},
    ],
)
def test_what_cannot_be_an_endpoint_is_left_out(phone):
    assert len(parse(rendered([{**phone, "name": "Somebody", "kind": "sip"}]))) == 3
