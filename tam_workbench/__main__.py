"""``python -m tam_workbench`` is ``tam``."""

from tam_workbench.cli import main

main()
