"""One instruction: ask memory for a line that will be read soon, and do not wait for it."""

from collections.abc import Callable, Sequence
from typing import cast

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_BYTE, _NUMBER = ir.IntType(8).as_pointer(), ir.IntType(32)
_HINT = ir.FunctionType(ir.VoidType(), [_BYTE, _NUMBER, _NUMBER, _NUMBER])


def _ask(_typing: object, _address: object) -> object:
    def write(
        _context: object, builder: ir.IRBuilder, _signature: object, given: Sequence[ir.Value]
    ) -> object:
        names = builder.module.globals
        name = "llvm.prefetch.p0"
        hint = names[name] if name in names else ir.Function(builder.module, _HINT, name=name)
        line = builder.inttoptr(given[0], _BYTE)
        builder.call(hint, [line, _NUMBER(0), _NUMBER(3), _NUMBER(1)])  # to read, often, as data
        return ir.Constant(ir.IntType(64), 0)

    return types.int64(types.intp), write


prefetch = cast("Callable[[int], int]", intrinsic(_ask))
"""Ask for the line of memory at an address; a wrong address does nothing. Returns 0."""
