"""A store that is opened late keeps every promise, and opens nothing for an empty folder."""

import subprocess
import sys

from tam_workbench.adapters.stores.lance import LanceStore
from tam_workbench.engine.deferring import DeferredStore
from tam_workbench.ports import VersionedStore
from tam_workbench.ports.store_checks import CHECK_DIMENSION, check_store


def test_the_promises_of_a_store(tmp_path):
    def make(name):
        path = tmp_path / name
        return DeferredStore(
            "lance", lambda: LanceStore(path, dimension=CHECK_DIMENSION), is_begun=path.exists
        )

    check_store(make, folder=lambda name: tmp_path / name)
    assert isinstance(make("new"), VersionedStore)


def test_nothing_is_opened_before_there_is_something_to_keep(tmp_path):
    opened = []
    store = DeferredStore("lance", lambda: opened.append(1), is_begun=lambda: False)
    assert (store.count(), store.version(), list(store.scan()), store.get(["a"])) == (0, 0, [], [])
    store.close()
    assert opened == []


def test_a_replay_that_remembers_nothing_loads_no_database_of_vectors(tmp_path):
    from tam_workbench.evaluation.clusters import scenarios
    from tam_workbench.evaluation.clusters.scenario_shelf import SCENARIOS

    path = scenarios.dump(SCENARIOS[1], tmp_path)
    code = (
        "import sys; from tam_workbench.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print([one for one in ('lancedb', 'pyarrow', 'pandas') if one in sys.modules])"
    )
    words = ["k8s", "replay", str(path), "--state", str(tmp_path / "state")]
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True
    )
    assert ran.stdout.splitlines()[-1] == "[]"
    assert not (tmp_path / "state" / "memory").exists()
