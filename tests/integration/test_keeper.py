"""The process that keeps a run's lease: it ends with the run, and never before or later."""

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.evenfloor.cluster.plugins.plugin_utils.keeper import start_keeper

from tests.waiting import PATIENCE, wait_until


@pytest.fixture
def run():
    """A process in the place of ansible-playbook."""
    with subprocess.Popen(["sleep", "infinity"]) as process:
        yield process
        process.kill()


class Lease:
    """Notes in a file what the keeper asks for, and answers from another."""

    def __init__(self, folder: Path):
        self.asked, self.go_on = folder / "asked", folder / "go-on"
        self.asked.touch()

    def __call__(self, state):
        with self.asked.open("a") as file:
            file.write(f"{state} {os.getpid()}\n")
        while not self.go_on.exists():
            time.sleep(0.05)
        return {"held": self.go_on.read_text() == "held"}

    def states(self) -> list[str]:
        return [line.split()[0] for line in self.asked.read_text().splitlines()]

    def keeper(self) -> Path:
        return Path("/proc") / self.asked.read_text().split()[1]

    def answer(self, text: str):
        new = self.go_on.with_suffix(".new")
        new.write_text(text)
        new.rename(self.go_on)


@pytest.fixture
def lease(tmp_path):
    made = Lease(tmp_path)
    yield made
    made.answer("lost")


def test_it_says_when_the_lease_is_renewed_and_releases_it_after_the_run(run, lease):
    lease.answer("held")
    renewed = start_keeper(lease, run.pid)
    assert os.read(renewed, 1) == b"1"
    os.close(renewed)
    run.kill()
    wait_until(lambda: lease.states()[-1] == "released", PATIENCE, "the lease is released")
    wait_until(lambda: not lease.keeper().exists(), PATIENCE, "the keeper has ended")


def test_whoever_can_not_renew_says_so_and_ends(run, lease):
    lease.answer("lost")
    renewed = start_keeper(lease, run.pid)
    assert os.read(renewed, 1) == b""
    os.close(renewed)
    wait_until(lambda: not lease.keeper().exists(), PATIENCE, "the keeper has ended")
    assert lease.states() == ["renewed"]


def test_a_run_that_dies_before_the_first_renewal_has_its_lease_released_too(run, lease):
    os.close(start_keeper(lease, run.pid))
    wait_until(lambda: lease.states() == ["renewed"], PATIENCE, "the lease is being renewed")
    run.kill()
    run.wait()
    lease.answer("held")
    wait_until(lambda: lease.states()[-1] == "released", PATIENCE, "the lease is released")


def test_it_has_no_file_of_the_run_and_no_terminal(run, lease):
    lease.answer("held")
    inherited, other = os.pipe()
    os.set_inheritable(inherited, True)
    renewed = start_keeper(lease, run.pid)
    assert os.read(renewed, 1) == b"1"
    files = {str(file.readlink()) for file in (lease.keeper() / "fd").iterdir()}
    assert not [file for file in files if file.startswith(("pipe:", "socket:")) or "tty" in file]
    assert os.getsid(int(lease.keeper().name)) != os.getsid(0)
    for number in (renewed, inherited, other):
        os.close(number)
