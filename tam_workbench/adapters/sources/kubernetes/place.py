"""Places: which clusters, namespaces and kinds an address names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from tam_workbench.adapters.sources.kubernetes.kinds import DEFAULT_KINDS, KINDS
from tam_workbench.errors import SettingsError

__all__ = ["Place"]

_KNOWN: Final = ("kinds", "namespace", "selector")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is watched: of each context the namespaces, of those the kinds."""

    contexts: tuple[str, ...] = ("",)  # empty is the current one
    namespaces: tuple[str, ...] = ("",)  # empty is all of them
    kinds: tuple[str, ...] = DEFAULT_KINDS
    selector: str = ""

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown:
            known = ", ".join(KINDS)
            raise SettingsError(f"kubernetes: no kind {unknown[0]!r}; there are: {known}")
        twice = len(set(self.contexts)) < len(self.contexts)
        if twice or not self.contexts or not self.namespaces or not self.kinds:
            raise SettingsError("kubernetes: name each context once, and at least one kind")

    @classmethod
    def read(cls, address: str) -> "Place":
        """Return the place of an address: ``CONTEXT,...?namespace=A,B&selector=...&kinds=...``.

        >>> place = Place.read("prod,staging?namespace=shop&selector=tier=web")
        >>> place.contexts, place.namespaces, place.selector
        (('prod', 'staging'), ('shop',), 'tier=web')
        """
        contexts, _, query = address.partition("?")
        told = parse_qs(query, keep_blank_values=True)
        unknown = [name for name in told if name not in _KNOWN]
        if unknown:
            can = ", ".join(_KNOWN)
            raise SettingsError(
                f"kubernetes: {unknown[0]!r} means nothing in an address, but {can}"
            )
        kinds = _names(told.get("kinds", []))
        return cls(
            contexts=_names([contexts]) or ("",),
            namespaces=_names(told.get("namespace", [])) or ("",),
            kinds=kinds or DEFAULT_KINDS,
            selector=",".join(told.get("selector", [])),
        )


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in texts for name in text.split(",") if name.strip())
