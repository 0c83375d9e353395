"""The command line: ``tam``. A thin skin; every verb asks the engine and prints the answer.

Data goes to stdout, messages to stderr, ``--json`` everywhere. Exit codes: 0 fine, 1 a finding
with ``--check``, 2 usage, 3 bad settings or data, 4 a package is missing, 5 unreachable,
130 interrupted.
"""

from tam_workbench.cli.entry import main

__all__ = ["main"]
