"""A mirror in a PostgreSQL server that is killed and restarted during the search."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.mirror.mirror import Mirror
from nas.mirror.optuna_study import MirrorStudy
from nas.samplers import sampler_factory
from tests.toys.space import ToySpace, toy_outcome

pytestmark = pytest.mark.slow
WAIT_S = 120.0


class Server:
    """The installed PostgreSQL, in a temporary folder, on a separate port."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.url = ""
        self._programs, self._folder = programs, folder
        # PostgreSQL refuses to run as root.
        self._as = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "nas", "--no-sync")
        self.url = f"postgresql://nas@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-l", log, "-w", "-t", "120",
                  "-o", options, "start")  # fmt: skip

    def kill(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "immediate", "stop")

    def signal(self, number: int) -> None:
        """Send a signal to the server and all its sessions."""
        main = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        listing = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(main)], capture_output=True, text=True, check=True
        )
        for pid in [main, *map(int, listing.stdout.split())]:
            os.kill(pid, number)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as, str(self._programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            timeout=180,
        )


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="nas-pg-", dir="/tmp"))
    try:
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        server = Server(found[-1].parent, folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_server_that_is_killed_and_restarted_gets_every_candidate_once(
    server: Server, tmp_path: Path
) -> None:
    quiet_optuna()
    space = ToySpace()
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        engine = Engine(space, sampler_factory("random", seed=0), ledger, budget=60)
        opened = partial(MirrorStudy, server.url, "toy", ledger.run_id, space.decisions())
        with Mirror(opened, name="server", first_retry_s=0.1) as mirror:
            while (candidate := engine.ask()) is not None:
                mirror.add([engine.tell(candidate, toy_outcome(candidate))])
                match engine.counts.finished:
                    case 10:
                        wait_until_at_most(mirror, 5)  # some are copied, some are missing
                        server.kill()
                    case 25:
                        server.start()
                        wait_until_at_most(mirror, 5)
                    case 40:
                        server.signal(signal.SIGSTOP)
            assert mirror.missing() > 0  # although the search has ended
            assert "of 60 candidates are missing" in mirror.close(0.1)
        server.signal(signal.SIGCONT)
        mirror.join()
        with Mirror(opened, name="server") as mirror:  # the next session
            mirror.add(engine.records())
            assert mirror.close(WAIT_S) == ""
    with closing(opened()) as copy:
        trials = copy.study.get_trials(deepcopy=False)
    numbers = Counter(trial.user_attrs["candidate"] for trial in trials)
    assert numbers == Counter(record.candidate.number for record in engine.records())
    rewards = {trial.user_attrs["candidate"]: trial.value for trial in trials}
    assert rewards == {r.candidate.number: r.outcome.reward for r in engine.records()}


def wait_until_at_most(mirror: Mirror, missing: int) -> None:
    end = time.monotonic() + WAIT_S
    while mirror.missing() > missing:
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)
