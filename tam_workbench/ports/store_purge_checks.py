"""What every `Store` promises of forgetting: a purged text is gone, and the proof is true."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from tam_workbench.ports.protocols import EVERYTHING, Store
from tam_workbench.ports.store_samples import demand, ids_of, near, sample, scanned

PURGED: Final = "quokka-4711-passphrase of María O'Hara"
"""What the suites purge: a text with an accent, a quote and words of its own."""


def purges(store: Store) -> None:
    """Demand that purged entries are found in no way and that the rest is untouched."""
    secret = replace(
        sample("secret", text=f"mail from {PURGED}"), attributes={"who": PURGED}, labels=(PURGED,)
    )
    kept = [sample(f"k{at}", text="mail from somebody") for at in range(5)]
    store.put([*kept, secret])
    store.put([replace(secret, count=4)])
    store.matching("quokka", k=1)
    before = store.version()
    proof = store.purge(["secret", "unknown", "secret"], needles=[PURGED])
    demand(proof.rows_removed == 1, "a purge counts what was there, once")
    demand(set(proof.ids) == {"secret", "unknown"}, "the proof names the ids asked for")
    demand(proof.files_holding == (), f"after a purge nothing holds the text: {proof}")
    demand(store.version() > before, "a purge is a change")
    demand(store.get(["secret"]) == [], "a purged entry is not returned")
    demand(ids_of(store.matching("quokka mail", k=9)) == scanned(store), "nor matched by its words")
    demand(scanned(store, EVERYTHING) == near(store) == [f"k{at}" for at in range(5)], "nor found")
    demand(store.get([entry.id for entry in kept]) == kept, "a purge touches no other entry")
    store.put([kept[0]])
    demand(store.count() == 5, "a store can be written after a purge")


def proves_no_more_than_it_did(store: Store) -> None:
    """Demand that a proof says when what is left still holds the text."""
    store.put([sample("a", text=PURGED), sample("b", text=f"again {PURGED}"), sample("c")])
    proof = store.purge(["a"], needles=[PURGED])
    demand(proof.rows_removed == 1, "a purge removes only what it was asked for")
    demand(proof.files_holding, "the proof says that another entry still holds the text")
    demand(store.count() == 2, "an entry that was not named stays, even when it holds the text")
    demand(store.purge(["b"], needles=[PURGED]).files_holding == (), "until that is purged as well")
    nothing = store.purge(["never"], needles=["never"])
    demand(nothing.rows_removed == 0 and not nothing.files_holding, "nothing purges to nothing")
    demand(store.purge([], needles=[]).rows_removed == 0, "a purge of no id is calm")
    demand(scanned(store) == ["c"], "a purge of nothing takes nothing")


def leaves_no_bytes(store: Store, folder: Path) -> None:
    """Demand that no file holds the text, by a search of bytes that trusts no proof."""
    store.put([sample(f"k{at}", text=f"calm line {at}") for at in range(20)])
    store.put([sample("secret", text=PURGED)])
    demand(set(holding(folder)) or _is_sealed(folder), "what was put is on disk")
    store.put([sample("secret", text=f"once more {PURGED}")])
    store.delete(["secret"])
    store.put([sample("secret", text=PURGED)])
    proof = store.purge(["secret"], needles=[PURGED])
    demand(proof.files_searched > 0 and proof.bytes_searched > 0, "the proof read the files")
    demand(holding(folder) == [], "no file holds what was purged, deleted or replaced")
    store.close()
    demand(holding(folder) == [], "nor after closing")


def files(folder: Path) -> Iterator[Path]:
    """Yield the files under a folder, or the one file that it is."""
    if folder.is_file():
        yield folder
    yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def holding(folder: Path) -> list[str]:
    """Return the files that hold part of the secret, as UTF-8, UTF-16 or escaped JSON."""
    parts = ("quokka", "4711-pass", "María", "Mar\\u00eda")
    forms = [part.encode(code) for part in parts for code in ("utf-8", "utf-16-le")]
    return [path.name for path in files(folder) if any(form in path.read_bytes() for form in forms)]


def _is_sealed(folder: Path) -> bool:
    """Tell whether a store wrote something, though not in clear: it compresses or encrypts."""
    return any(path.stat().st_size > len(PURGED) for path in files(folder))
