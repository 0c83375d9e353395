"""Names: which object or fact people mean, and which facts speak of an object."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Final

from tam_workbench.errors import BadInputError
from tam_workbench.records import Fact, ObjectRef

ROLES: Final = ("workload", "pod", "service", "owner")
"""Roles by which a fact also speaks of another object than its subject."""

SHORT: Final[Mapping[str, str]] = {
    "cm": "configmap",
    "deploy": "deployment",
    "ds": "daemonset",
    "ep": "endpoints",
    "hpa": "horizontalpodautoscaler",
    "no": "node",
    "ns": "namespace",
    "po": "pod",
    "rs": "replicaset",
    "sts": "statefulset",
    "svc": "service",
}
"""Kinds as kubectl shortens them."""

SHOWN: Final = 8


class Names:
    """Objects by what people call them, and the facts that speak of each.

    >>> names = Names()
    >>> for name, uid in (("web-1", "u1"), ("web-2", "u2")):
    ...     names.add(ObjectRef(cluster="c", kind="Pod", namespace="shop", name=name, uid=uid))
    >>> names.find("shop/Pod/web-1").uid, names.find("po/web-2").uid, names.find("u1").name
    ('u1', 'u2', 'web-1')
    >>> names.find("Pod/web")
    Traceback (most recent call last):
    ...
    tam_workbench.errors.BadInputError: 'Pod/web' means 2 objects: shop/Pod/web-1, shop/Pod/web-2
    """

    def __init__(self) -> None:
        self._by_uid: dict[str, ObjectRef] = {}
        self._by_name: dict[tuple[str, str], dict[str, ObjectRef]] = {}  # newest of each path
        self._facts: dict[str, list[str]] = {}
        self.noted = 0
        """How many facts were noted, and not let go of again."""

    def __len__(self) -> int:
        return sum(len(found) for found in self._by_name.values())

    def add(self, ref: ObjectRef) -> None:
        """Know an object by its names; of two with the same path the later one is meant."""
        if not ref.name or (ref.uid and self._by_uid.get(ref.uid) is ref):
            return
        place = f"{ref.cluster}/{ref.path}"
        found = self._by_name.setdefault((ref.kind.lower(), ref.name), {})
        if ref.uid or place not in found:
            found[place] = ref
        if ref.uid:
            self._by_uid[ref.uid] = ref

    def note(self, fact: Fact) -> None:
        """Know a fact by the objects that it speaks of."""
        involved = fact.involved
        told = [fact.subject, *[involved[role] for role in ROLES if role in involved]]
        keys = set()
        for ref in told:
            self.add(ref)
            keys.add(ref.key)
        for key in keys:
            self._facts.setdefault(key, []).append(fact.id)
        self.noted += 1

    def prune(self, facts: Container[str], is_there: Callable[[ObjectRef], bool]) -> None:
        """Let go of facts that are forgotten, and of objects of which nothing is left."""
        for key, told in list(self._facts.items()):
            kept = [one for one in told if one in facts]
            if kept:
                self._facts[key] = kept
            else:
                del self._facts[key]
        kept_refs = {
            ref.key
            for refs in self._by_name.values()
            for ref in refs.values()
            if ref.key in self._facts or is_there(ref)
        }
        for name, refs in list(self._by_name.items()):
            self._by_name[name] = {at: one for at, one in refs.items() if one.key in kept_refs}
            if not self._by_name[name]:
                del self._by_name[name]
        gone = [
            uid
            for uid, ref in self._by_uid.items()
            if ref.key not in self._facts and not is_there(ref)
        ]
        for uid in gone:
            del self._by_uid[uid]
        self.noted = sum(len(told) for told in self._facts.values())

    def facts(self, ref: ObjectRef) -> list[str]:
        """Return the ids of the facts that speak of an object, as they came."""
        found = self._facts.get(ref.key, [])
        if ref.uid:  # telemetry knows a service by its name only
            found = found + self._facts.get(f"{ref.cluster}/{ref.path}", [])
        return found

    def named(self, name: str, kinds: Iterable[str]) -> Iterator[ObjectRef]:
        """Yield the objects of some kinds that bear a name."""
        for kind in kinds:
            yield from self._by_name.get((kind.lower(), name), {}).values()

    def find(self, text: str) -> ObjectRef:
        """Return the object that is meant by a uid, ``Kind/name`` or ``namespace/Kind/name``.

        A cluster may stand before it all, and a name may be begun only where one object fits.

        Raises
        ------
        BadInputError
            If nothing is known by that name, or more than one thing.
        """
        if text in self._by_uid:
            return self._by_uid[text]
        parts = text.strip("/").split("/")
        if len(parts) < 2:
            raise BadInputError(
                f"{text!r} is nothing known: name Kind/name, namespace/Kind/name, a uid or a fact"
            )
        kind, name = SHORT.get(parts[-2].lower(), parts[-2].lower()), parts[-1]
        exact = list(self._fitting(parts[:-2], [self._by_name.get((kind, name), {})]))
        begun = exact or list(self._fitting(parts[:-2], self._beginning(kind, name)))
        if not begun:
            raise BadInputError(f"no object {text!r} was seen; see 'tam k8s summary'")
        if len(begun) > 1:
            told = [ref.path for ref in begun]
            if len(set(told)) < len(told):
                told = [f"{ref.cluster}/{ref.path}" for ref in begun]
            more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
            listed = ", ".join(sorted(told)[:SHOWN])
            raise BadInputError(f"{text!r} means {len(told)} objects: {listed}{more}")
        return begun[0]

    def _beginning(self, kind: str, name: str) -> Iterator[Mapping[str, ObjectRef]]:
        for (its_kind, its_name), found in self._by_name.items():
            if its_kind == kind and its_name.startswith(name):
                yield found

    def _fitting(
        self, before: list[str], groups: Iterable[Mapping[str, ObjectRef]]
    ) -> Iterator[ObjectRef]:
        for group in groups:
            for ref in group.values():
                named = [ref.cluster, ref.namespace] if ref.namespace else [ref.cluster]
                if not before or before in (named, [ref.namespace], [ref.cluster]):
                    yield ref
