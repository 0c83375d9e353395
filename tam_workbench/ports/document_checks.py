"""What every `Documents` promises, as a function that anyone can run on one of their own."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from tam_workbench.errors import PromiseBrokenError, TamError
from tam_workbench.ports.protocols import Documents

_AWKWARD: Final = ("it's", 'say "hi"', "50 %_*", "a;--", "line\nbreak", "täm→🙂", "back\\slash", "")
_SECRET: Final = "needle-7d1f0c55"  # noqa: S105 - what must be gone after a delete


def check_documents(
    make: Callable[[], Documents],
    *,
    is_persistent: bool = True,
    read_all: Callable[[], bytes] | None = None,
) -> None:
    """Check a document store against every promise of its port.

    Parameters
    ----------
    make
        Opens the *same*, at first empty, place each time it is called.
    is_persistent
        Whether what was put is there after closing and opening again.
    read_all
        Returns the bytes of every file of the place, to see that deleted text is in none.

    Raises
    ------
    PromiseBrokenError
        Naming the first promise that is not kept.
    """
    documents = make()
    try:
        _check_empty(documents)
        _check_put(documents)
        _check_kinds(documents)
        _check_awkward(documents)
        _check_all_or_nothing(documents)
        _check_many(documents)
        _check_threads(documents)
        _check_delete(documents, read_all)
        documents.put("kept", {"b": "[2]", "a": "[1]"})
    finally:
        documents.close()
    documents.close()
    _refused(lambda: documents.all("kept"), "use after close")
    if is_persistent:
        _check_reopened(make)


def _check_empty(documents: Documents) -> None:
    _promise(bool(documents.name), "it has a name")
    _promise(documents.all("note") == {}, "an empty place has no documents")
    _promise(documents.get("note", ["a"]) == {}, "nothing is found in an empty place")
    _promise(documents.get("note", []) == {}, "asking for nothing finds nothing")
    _promise(documents.delete("note", ["a"]) == 0, "nothing is deleted from nothing")
    documents.put("note", {})
    _promise(documents.all("note") == {}, "putting nothing keeps nothing")


def _check_put(documents: Documents) -> None:
    documents.put("note", {"b": '{"n": 1}', "a": "[1,  2]"})
    _promise(
        documents.get("note", ["b", "x", "a"]) == {"b": '{"n": 1}', "a": "[1,  2]"},
        "documents come back letter by letter",
    )
    documents.put("note", {"a": "[3]", "c": "null"})
    _promise(
        list(documents.all("note").items()) == [("a", "[3]"), ("b", '{"n": 1}'), ("c", "null")],
        "a known id is replaced, and all come in order of id",
    )


def _check_kinds(documents: Documents) -> None:
    documents.put("other", {"a": "{}"})
    _promise(documents.all("other") == {"a": "{}"}, "kinds are kept apart")
    _promise(documents.delete("other", ["a", "b"]) == 1, "a delete touches its kind alone")
    _promise(len(documents.all("note")) == 3, "other kinds stay")


def _check_awkward(documents: Documents) -> None:
    for text in _AWKWARD:
        documents.put(text, {text: text, "plain": "{}"})
        _promise(documents.all(text) == {text: text, "plain": "{}"}, "any text is kind, id or body")
        _promise(documents.delete(text, [text]) == 1, "any id can be deleted")
        _promise(documents.all(text) == {"plain": "{}"}, "an awkward id takes no other with it")
    documents.put("order", dict.fromkeys(["é", "Z", "a", "_", "🙂", "10", "9"], "{}"))
    _promise(
        list(documents.all("order")) == ["10", "9", "Z", "_", "a", "é", "🙂"],
        "the order of ids is that of their characters' numbers",
    )


def _check_all_or_nothing(documents: Documents) -> None:
    before = documents.all("note")
    for bad in ("half \ud800 a pair", "a NUL \0"):
        put = partial(documents.put, "note", {"a": "[9]", "d": bad, "z": "[9]"})
        _refused(put, f"a document with {bad!r}")
        _promise(documents.all("note") == before, "a refused put keeps nothing of it")


def _check_many(documents: Documents) -> None:
    many = {f"m{number:05d}": f'{{"number": {number}}}' for number in range(3000)}
    documents.put("many", many)
    _promise(documents.all("many") == many, "3,000 documents come back")
    _promise(documents.get("many", list(many)) == many, "3,000 documents come back by id")
    _promise(documents.delete("many", list(many)) == 3000, "3,000 documents go in one delete")
    long = "ä" * 300_000
    documents.put("long", {"a": long})
    _promise(documents.get("long", ["a"]) == {"a": long}, "a document may be long")


def _check_threads(documents: Documents) -> None:
    faults: list[TamError] = []

    def work(name: str) -> None:
        try:
            for number in range(10):
                documents.put("thread", {f"{name}{number}": name, "same": name})
                documents.all("thread")
        except TamError as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _promise(not faults, f"three threads may write: {faults[:1]}")
    _promise(len(documents.all("thread")) == 31, "what three threads put is all there")


def _check_delete(documents: Documents, read_all: Callable[[], bytes] | None) -> None:
    secrets = {f"s{number}": f"{_SECRET} {number} " + "x" * number for number in range(200)}
    documents.put("secret", secrets)
    for number in range(200):  # replaced by longer ones: pages split and are rebalanced
        documents.put("secret", {f"s{number}": f"{_SECRET} again {number}" + "y" * 40})
    _promise(documents.delete("secret", ["s1", "s1", "x"]) == 1, "a delete counts each once")
    _promise(documents.delete("secret", ["s1"]) == 0, "what is gone is gone")
    _promise("s1" not in documents.all("secret"), "what is deleted is not found")
    documents.delete("secret", list(secrets))
    _promise(documents.all("secret") == {}, "everything deleted leaves nothing")
    if read_all is not None:
        _promise(_SECRET.encode() not in read_all(), "deleted text is in no file")


def _check_reopened(make: Callable[[], Documents]) -> None:
    again, other = make(), make()
    try:
        _promise(
            list(again.all("kept").items()) == [("a", "[1]"), ("b", "[2]")],
            "what was put is there after reopening",
        )
        again.put("kept", {"c": "[3]"})
        _promise(other.get("kept", ["c"]) == {"c": "[3]"}, "what one put another sees")
    finally:
        again.close()
        other.close()


def _refused(attempt: Callable[[], object], what: str) -> None:
    try:
        attempt()
    except TamError as error:
        _promise("\n" not in str(error), f"{what} is refused in one line")
        return
    raise PromiseBrokenError(f"documents: {what} is refused with a TamError")


def _promise(holds: bool, promise: str) -> None:
    if not holds:
        raise PromiseBrokenError(f"documents: {promise}")
