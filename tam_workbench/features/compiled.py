"""How this room compiles its kernels: without reference counts.

The kernels allocate nothing and borrow every array from their caller. Counting references to the
arrays of their tuples took most of their time; numba's ``_nrt=False`` leaves it out, and
the compiler then refuses a kernel that does allocate.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def borrowing(*, inline: Literal["always", "never"] = "never") -> Callable[[Function], Function]:
    """Return a decorator that compiles a kernel which only borrows its arrays."""
    options: dict[str, Any] = {
        "cache": True,
        "nogil": True,
        "inline": inline,
        "_nrt": False,
    }
    return cast("Callable[[Function], Function]", njit(**options))
