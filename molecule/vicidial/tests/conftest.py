"""The cluster of VICIdial's shape that molecule has made and adopted."""

import os
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import CookieJar

import pytest

from lab.cluster import Cluster
from tests.fixtures import failed_since_last_time

PAGE_TIMEOUT = 120


class Vicidial(Cluster):
    """The cluster as its operators and agents see it."""

    @property
    def dialers(self):
        """The addresses of the dialers that take logins."""
        rows = self.sql(
            "SELECT server_ip FROM servers s WHERE active_agent_login_server = 'Y'"
            " AND EXISTS (SELECT 1 FROM phones p WHERE p.server_ip = s.server_ip)"
        )
        return sorted(ip for (ip,) in rows)

    def page(self, name="vicidial.php", jar=None, **fields):
        """Post a form and return the page."""
        url = f"http://{self.address('web1')}/agc/{name}"
        browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(CookieJar() if jar is None else jar)
        )
        body = urllib.parse.urlencode(fields).encode()
        return browser.open(url, body, timeout=PAGE_TIMEOUT).read().decode()

    def log_in(self, extension, alias=None, jar=None, **fields):
        """Log an agent in as the login form does, and return the page."""
        given = {
            "phone_login": f"{extension}x" if alias is None else alias,
            "phone_pass": "phonepass",
            "VD_login": f"agent{extension}",
            "VD_pass": "userpass",
            "VD_campaign": "SALES",
        }
        return self.page(jar=jar, **{**given, **fields})

    def log_in_at_once(self, extensions, at_once=16):
        """Log agents in, so many at once, and return the pages."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.log_in, extensions))

    def counts(self):
        """Return the local agents of each dialer that takes logins."""
        counted = dict(self.sql(
            "SELECT server_ip, COUNT(*) FROM vicidial_live_agents GROUP BY server_ip"))  # fmt: skip
        assert set(counted) <= set(self.dialers), "somebody is logged in nowhere"
        return {ip: int(counted.get(ip, 0)) for ip in self.dialers}

    def spread(self):
        """Return the highest minus the lowest count."""
        return max(self.counts().values()) - min(self.counts().values())

    def questions(self):
        """Return how often the login service was asked."""
        return int(self.sql("SELECT COALESCE(MAX(decision_id), 0) FROM evenfloor_decisions")[0][0])

    def restore_heartbeats(self):
        """Have dialers that are only rows beat again after a restart of the database."""
        self.sql(
            "INSERT IGNORE INTO server_updater (server_ip, last_update)"
            " SELECT server_ip, NOW() FROM lab.running"
        )


#: What VICIdial does when agents have left.
FREE = "".join(
    f"UPDATE {table} SET extension = '' WHERE extension <> '';"
    for table in ("vicidial_conferences", "vicidial_confbridges")
)

#: Files that tests change, and where they keep them meanwhile.
KEPT = {
    "/opt/evenfloor/hook.php": "/opt/evenfloor/hook.kept",
    "/var/www/html/agc/options.php": "/var/www/html/agc/options.kept",
}


def repair(cluster):
    """Bring the cluster back to its inventory's state, whatever a failed test has done to it."""
    cluster.reload()
    back = [f"if [ -e {kept} ]; then mv {kept} {path}; fi" for path, kept in KEPT.items()]
    resume = ["pkill -CONT gunicorn || true", "systemctl start evenfloor-login || true"]
    cluster.run("web1", "; ".join([*back, *resume]))
    renamed = "SELECT 1 FROM information_schema.tables WHERE table_name = 'evenfloor_gone'"
    if cluster.sql(renamed):
        cluster.sql("RENAME TABLE evenfloor_gone TO evenfloor_reservations")
    cluster.restore_heartbeats()
    # A dialer that the tests have added and not started is left as it is: the run fails for it.
    cluster.playbook("playbooks/site.yml", "-e", "dialer_heartbeat_timeout=1", check=False)


@pytest.fixture(scope="session")
def cluster():
    return Vicidial(os.environ["MOLECULE_TEST_INVENTORY"])


@pytest.fixture(autouse=True)
def known_state(request, cluster):
    """Repair the cluster if the test before has failed, so that this one doesn't fail for it."""
    if failed_since_last_time(request):
        repair(cluster)


@pytest.fixture(autouse=True)
def nobody_logged_in(cluster, known_state):
    cluster.sql(f"{FREE} DELETE FROM vicidial_live_agents; DELETE FROM evenfloor_reservations")
