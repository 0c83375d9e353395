"""What a deriver knows of each object: little, and shared where objects are alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from tam_workbench.causal.identity import WORKLOADS, canonical
from tam_workbench.causal.manifests import Use
from tam_workbench.records import ObjectRef

Told = tuple[str, ...]
Names = tuple[str, str, str, str]  # cluster, namespace, kind, name

_CONFIGS: Final = frozenset({"ConfigMap", "Secret"})
_MOST_TOLD: Final = 128
_MOST_SHARED: Final = 4096


@dataclass(slots=True)
class Known:
    """The last state of one object, and which facts it has given already."""

    ref: ObjectRef
    owner: ObjectRef | None = None
    order: tuple[int, float] = (-1, 0.0)
    is_gone: bool = False
    uses: tuple[Use, ...] = ()  # of configs, by a pod that lives
    shape: Mapping[str, Any] = field(default_factory=dict)  # slim latest state, JSON's types
    notes: dict[str, Any] = field(default_factory=dict)  # what its kind needs to remember
    told: dict[Told, None] = field(default_factory=dict)  # oldest first
    around: tuple[Any, ...] = ()  # what was worked out of its roles, until something moves

    def tell(self, key: Told) -> bool:
        """Note that a fact is told; return whether it is new."""
        if key in self.told:
            return False
        self.told[key] = None
        if len(self.told) > _MOST_TOLD:
            del self.told[next(iter(self.told))]
        return True


class Consumer(NamedTuple):
    """A pod that uses a config, and how."""

    pod: ObjectRef
    how: str  # env | env_from | volume | sub_path | image_pull
    container: str
    keys: tuple[str, ...]  # empty: all


def _names(ref: ObjectRef) -> Names:
    return ref.cluster, ref.namespace, ref.kind, ref.name


class Objects(Mapping[str, Mapping[str, Any]]):
    """The latest slim state by `ObjectRef.key`, with owners and users of configs.

    What is deleted, and what was only told of, stays until room is needed: ``most_gone`` objects.
    """

    def __init__(self, *, most_gone: int = 5_000) -> None:
        self._known: dict[str, Known] = {}
        self._by_name: dict[Names, str] = {}  # -> key of the newest of that name
        self._users: dict[Names, dict[str, None]] = {}  # config -> keys of the pods that use it
        self._owners: dict[ObjectRef, ObjectRef] = {}  # one of each, for all that it owns
        self._gone: dict[str, None] = {}
        self._most_gone = most_gone
        self._shared: dict[bytes, Any] = {}
        self._chains: dict[ObjectRef, tuple[ObjectRef, ...]] = {}
        self._on_node: dict[str, dict[str, None]] = {}  # node -> keys of the pods placed there
        self.kept: dict[Any, Any] = {}  # what was worked out of configs, until one changes
        self.epoch = 0  # moves when a reference to an object may have become another

    def __getitem__(self, key: str) -> Mapping[str, Any]:
        return self._known[key].shape

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def held(self, key: str) -> Known | None:
        """Return what is known of the object of a key."""
        return self._known.get(key)

    def known(self, ref: ObjectRef) -> Known | None:
        """Return what is known of an object; a reference without uid means the newest so named."""
        if ref.uid:
            return self._known.get(ref.key)
        key = self._by_name.get(_names(ref))
        return self._known.get(key) if key else None

    def named(self, kind: str, name: str, *, like: ObjectRef, namespace: str = "") -> ObjectRef:
        """Return the reference of an object in the same cluster, with its uid where it was seen."""
        key = self._by_name.get((like.cluster, namespace, kind, name))
        if key is not None:
            return self._known[key].ref
        return ObjectRef(cluster=like.cluster, kind=kind, name=name, namespace=namespace)

    def resolve(self, ref: ObjectRef) -> ObjectRef:
        """Return the reference with its uid, where the object has been seen."""
        if ref.uid:
            return ref
        known = self.known(ref)
        return known.ref if known else ref

    def meet(self, ref: ObjectRef, owner: ObjectRef | None) -> Known:
        """Return what is known of an object, after noting that it exists."""
        key = ref.key
        known = self._known.get(key)
        if known is None:
            if ref.kind in _CONFIGS:
                self.kept.clear()
            names = _names(ref)
            ghost = self._by_name.get(names) if ref.uid else None
            known = self._known[key] = Known(ref=ref)
            if ghost is not None and not self._known[ghost].ref.uid:  # events told of it by name
                before = self._known.pop(ghost)
                known.told, known.notes = before.told, before.notes
            self._by_name[names] = key
            if ref.kind != "Pod":
                self.epoch += 1
            if ref.kind in WORKLOADS:
                self._chains.clear()
        if owner is not None and known.owner != owner:
            known.owner = self._owners.setdefault(owner, owner)
            if ref.kind in WORKLOADS:
                self._chains.clear()
                self.epoch += 1
        return known

    def part(self, known: Known) -> None:
        """Note that an object is gone; the oldest of those that are gone are forgotten."""
        known.is_gone = True
        if known.ref.kind in _CONFIGS:
            self.kept.clear()
        self.link(known, ())
        self.place(known, "")
        self._gone[known.ref.key] = None
        if known.ref.kind in WORKLOADS:
            self._owners.pop(known.ref, None)
        self._make_room()

    def mention(self, ref: ObjectRef) -> Known:
        """Return what is known of an object that was only told of; it may be forgotten again."""
        known = self.meet(self.resolve(ref), None)
        if not known.shape and known.ref.key not in self._gone:
            self._gone[known.ref.key] = None
            self._make_room()
        return known

    def keep(self, known: Known) -> None:
        """Note that an object that may have been told of only is seen itself."""
        self._gone.pop(known.ref.key, None)
        if known.ref.kind in WORKLOADS:
            self.epoch += 1

    def place(self, known: Known, node: str) -> None:
        """Note on which node a pod is; none where it is on none any more."""
        held = known.shape.get("node", "")
        if held != node and (pods := self._on_node.get(held)) is not None:
            pods.pop(known.ref.key, None)
            if not pods:
                del self._on_node[held]
        if node:
            self._on_node.setdefault(node, {})[known.ref.key] = None

    def on_node(self, name: str) -> Iterator[Known]:
        """Yield the living pods that a node was given."""
        for key in self._on_node.get(name, ()):
            yield self._known[key]

    def _make_room(self) -> None:
        while len(self._gone) > self._most_gone:
            oldest = next(iter(self._gone))
            del self._gone[oldest]
            self._forget(oldest)

    def _forget(self, key: str) -> None:
        known = self._known.pop(key, None)
        if known is not None:
            names = _names(known.ref)
            if self._by_name.get(names) == key:
                del self._by_name[names]
            if known.ref.kind != "Pod":
                self.epoch += 1

    def link(self, known: Known, uses: tuple[Use, ...]) -> None:
        """Note which configs a pod uses, instead of those it used before."""
        key = known.ref.key
        ref = known.ref
        for use in known.uses:
            config = (ref.cluster, ref.namespace, use.kind, use.name)
            users = self._users.get(config, {})
            users.pop(key, None)
            if not users:
                self._users.pop(config, None)
        known.uses = self.shared(uses)
        for use in known.uses:
            config = (ref.cluster, ref.namespace, use.kind, use.name)
            self._users.setdefault(config, {})[key] = None

    def shared(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value, given back as it came
        """Return an equal value that others hold already, so that alike objects share it."""
        key = blake2b(canonical(value), digest_size=16).digest()
        if len(self._shared) > _MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(key, value)

    def workload(self, ref: ObjectRef) -> ObjectRef | None:
        """Return the topmost owner of an object as far as it is known; a workload owns itself."""
        chain = self.owners(ref)
        if chain:
            return chain[-1]
        return self.resolve(ref) if ref.kind in WORKLOADS else None

    def owners(self, ref: ObjectRef) -> tuple[ObjectRef, ...]:
        """Return the owners of an object, the nearest first."""
        known = self.known(ref)
        if known is None or known.owner is None:
            return ()
        chain = self._chains.get(known.owner)
        if chain is None:
            found: list[ObjectRef] = []
            owner: ObjectRef | None = known.owner
            while owner is not None and owner not in found:
                found.append(self.resolve(owner))
                above = self.known(owner)
                owner = above.owner if above else None
            chain = self._chains[known.owner] = tuple(found)
        return chain

    def consumers(self, ref: ObjectRef) -> tuple[Consumer, ...]:
        """Return the living pods that use a ConfigMap or a Secret, and how."""
        found = []
        for key in sorted(self._users.get(_names(ref), ())):
            pod = self._known[key]
            found += [
                Consumer(pod.ref, use.how, use.container, use.keys)
                for use in pod.uses
                if (use.kind, use.name) == (ref.kind, ref.name)
            ]
        return tuple(found)

    def every(self) -> Iterator[Known]:
        """Yield all that is known."""
        return iter(self._known.values())

    def restore(self, known: Known) -> None:
        """Take back one object as it was given out."""
        self._known[known.ref.key] = known
        names = _names(known.ref)
        if not known.is_gone or names not in self._by_name:
            self._by_name[names] = known.ref.key
        if known.is_gone or not known.shape:
            self._gone[known.ref.key] = None
        elif known.ref.kind == "Pod":
            self.place(known, known.shape.get("node", ""))
            self.link(known, known.shape.get("uses", ()))
