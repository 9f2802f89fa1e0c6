"""The files in which credentials are handed out."""

from ansible_collections.evenfloor.cluster.plugins.module_utils.credentials import (
    as_csv,
    credential_files,
)

CREDENTIALS = {
    "agents": [
        {"alias": "101x", "name": 'Sales, "east"', "extension": "101", "login_password": "typed"}
    ],
    "registrations": [
        {"extension": e, "dialer": "d1", "server_ip": "10.0.0.1", "registration_password": "spoken"}
        for e in ("101", "102", "103")
    ],
}
HEADING = "extension,dialer,server_ip,registration_password\n"


def rows(*extensions):
    return HEADING + "".join(f"{e},d1,10.0.0.1,spoken\n" for e in extensions)


def test_there_is_a_file_for_agents_one_for_each_seat_and_one_for_the_others():
    seats = [{"name": "seat1", "extensions": ["103", "101"]}, {"name": "seat2", "extensions": []}]
    assert credential_files(CREDENTIALS, seats) == [
        {
            "path": "agents.csv",
            "content": 'alias,name,extension,login_password\n101x,"Sales, ""east""",101,typed\n',
        },
        {"path": "seats/seat1.csv", "content": rows("101", "103")},
        {"path": "seats/seat2.csv", "content": HEADING},
        {"path": "seats/others.csv", "content": rows("102")},
    ]


def test_without_seats_all_registrations_are_others():
    files = credential_files(CREDENTIALS, [])
    assert [file["path"] for file in files] == ["agents.csv", "seats/others.csv"]
    assert files[1]["content"] == rows("101", "102", "103")


def test_only_the_columns_that_were_asked_for_are_written_in_their_order():
    assert as_csv([{"a": 1, "b": 2, "c": 3}], ["c", "a"]) == "c,a\n3,1\n"
    assert as_csv([], ["c", "a"]) == "c,a\n"
