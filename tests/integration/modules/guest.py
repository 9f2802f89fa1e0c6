"""A small cluster of VICIdial's, and the modules as the provisioning user of its database."""

from pathlib import Path

import yaml

from tests import mariadb
from tests.modules import DatabaseRunner

DATABASE = "vicidial"
ROOT = Path(__file__).parents[3]
ROLE = yaml.safe_load((ROOT / "roles/flavor_vicidial/vars/main.yml").read_text())
GRANTS = ROLE["flavor_vicidial_provisioning_tables"]
SHAPE = ROOT / "tests/vicidial.sql"
DIALERS = [{"name": f"d{n}", "server_ip": f"10.0.0.{n}", "server_id": f"D{n}"} for n in (1, 2, 3)]
FIRST, SECOND, THIRD = (dialer["server_ip"] for dialer in DIALERS)
PASSWORD = "let me in"
SHARED = ["servers", "phones", "phones_alias", "server_updater", "vicidial_conferences"]
OWN_TABLES = ["evenfloor_dialers", "evenfloor_reservations"]


class Vicidial:
    """A small cluster of VICIdial's, and the modules as the provisioning user."""

    def __init__(self, server, folder):
        self.connection = server.connect(DATABASE)
        self.socket = server.socket
        self.option_file = folder / "provisioning.cnf"
        self.option_file.write_text(
            f"[client]\nsocket={server.socket}\nuser=evenfloor_provision\npassword={PASSWORD}\n"
        )
        self.modules = DatabaseRunner(self.option_file, DATABASE, flavor="vicidial")

    def sql(self, statement, *values):
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall()

    def rows(self, *tables):
        return {table: sorted(map(str, self.sql(f"SELECT * FROM {table}"))) for table in tables}

    def build(self):
        """Make two dialers and two aliases."""
        for statement in mariadb.statements(SHAPE.read_text()):
            self.sql(statement)
        self.sql("INSERT INTO system_settings (version, db_schema_version) VALUES ('2.14', 1726)")
        self.add_dialer(1)
        self.add_dialer(2, engine="MEETME")
        self.add_phones("101")
        self.add_phones("102")

    def add_dialer(self, number, engine="CONFBRIDGE"):
        ip = f"10.0.0.{number}"
        self.sql(
            "INSERT INTO servers (server_id, server_ip, active, conf_engine, rebuild_conf_files,"
            " ASTmgrSECRET, custom_dialplan_entry, external_server_ip, web_socket_url, sysload)"
            " VALUES (%s, %s, 'Y', %s, 'N', 'own secret', 'exten => 9', %s, %s, 7)",
            f"D{number}", ip, engine, ip, f"wss://{ip}:8089/ws",
        )  # fmt: skip
        self.sql("INSERT INTO server_updater (server_ip, last_update) VALUES (%s, NOW())", ip)
        for table in ("vicidial_conferences", "vicidial_confbridges", "conferences"):
            for room in (8600051, 8600052):
                self.sql(f"INSERT INTO {table} (conf_exten, server_ip) VALUES (%s, %s)", room, ip)

    def add_phones(self, extension, dialers=(1, 2), **more):
        for number in dialers:
            columns = {
                "extension": extension,
                "server_ip": f"10.0.0.{number}",
                "login": extension + "abc"[number - 1],
                "pass": "typed",
                "conf_secret": "registered",
                "fullname": f"station {extension}",
                "active": "Y",
                "status": "ACTIVE",
                "template_id": "",
                "outbound_cid": "5551234",
                "dialplan_number": extension,
                "voicemail_id": extension,
                **more,
            }
            marks = ", ".join(["%s"] * len(columns))
            self.sql(
                f"INSERT INTO phones ({', '.join(columns)}) VALUES ({marks})", *columns.values()
            )
        logins = ",".join(extension + "abc"[number - 1] for number in dialers)
        self.sql(
            "INSERT INTO phones_alias (alias_id, alias_name, logins_list) VALUES (%s, %s, %s)",
            f"{extension}x", f"Desk {extension}", logins,
        )  # fmt: skip

    def adopt(self, dialers=DIALERS[:2]):
        """Put Evenfloor's own into the database, as the role does."""
        for statement in mariadb.statements(mariadb.OWN_SCHEMA.read_text()):
            self.sql(statement)
        self.sql(
            "INSERT INTO evenfloor_cluster (id, flavor, created) VALUES (1, 'vicidial', NOW())"
        )
        for dialer in dialers:
            self.sql("INSERT INTO evenfloor_dialers VALUES (%s, NULL, NOW())", dialer["server_ip"])
        self.sql(f"CREATE OR REPLACE USER evenfloor_provision@localhost IDENTIFIED BY '{PASSWORD}'")
        for table, privileges in GRANTS.items():
            self.sql(f"GRANT {privileges} ON {DATABASE}.{table} TO evenfloor_provision@localhost")

    def info(self, **arguments):
        return self.modules.run("vicidial_info", login_unix_socket=self.socket, **arguments)

    def aliases(self, entries, dialers=DIALERS[:2], check=False, **arguments):
        named = [
            {"name": d["name"], "server_ip": d["server_ip"], "protocol": d.get("protocol")}
            for d in dialers
        ]
        return self.modules.run("aliases", check, phone_aliases=entries, dialers=named, **arguments)

    def server(self, number, **arguments):
        given = {"server_ip": f"10.0.0.{number}", "server_id": f"D{number}"}
        return self.modules.run("server", cluster_flavor="vicidial", **{**given, **arguments})

    def flagged(self):
        """Return the dialers whose files VICIdial is to write, and forget it, as VICIdial does."""
        flagged = {row[0] for row in self.sql(
            "SELECT server_ip FROM servers WHERE rebuild_conf_files = 'Y'")}  # fmt: skip
        self.sql("UPDATE servers SET rebuild_conf_files = 'N'")
        return flagged
