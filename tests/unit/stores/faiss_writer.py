"""Child process of the kill test: puts for ever, one line on stdout after each."""

import sys
from dataclasses import replace

from tam_workbench.adapters.stores.faiss_store import FaissStore, store
from tam_workbench.ports.store_samples import CHECK_DIMENSION, sample


def write(path):
    """Put three entries a turn, purge the one before, snapshot often, until killed."""
    store._LEAST_LOG = 20
    memory = FaissStore(path, dimension=CHECK_DIMENSION)
    turn = max((entry.count for page in memory.scan() for entry in page), default=0)
    while True:
        turn += 1
        memory.put([replace(sample(f"t{turn}-{part}"), count=turn) for part in "abc"])
        if turn % 10 == 0:
            memory.purge([f"t{turn - 1}-a"], needles=[f"text of t{turn - 1}-a"])
        sys.stdout.write(f"{turn}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    write(sys.argv[1])
