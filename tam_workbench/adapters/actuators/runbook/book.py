"""The book of a runbook as a TOML file."""

import tomllib
from pathlib import Path

from tam_workbench.adapters.actuators.runbook.steps import Command, Webhook
from tam_workbench.errors import SettingsError


def read_book(path: Path) -> dict[str, Command | Webhook]:
    """Return the steps of a TOML file with one table an action.

    A table has either ``command`` (a list: program and arguments) or ``webhook`` (an address),
    and may have ``timeout_s``, ``output_limit`` and, for a command, ``environment``, for a webhook
    ``headers``::

        [restart]
        command = ["kubectl", "rollout", "restart", "deployment/{target}"]
        timeout_s = 60

        [block]
        webhook = "https://firewall.internal/hooks/block"

    Raises
    ------
    SettingsError
        Saying what is wrong in which table.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"runbook {path}: {error.strerror}: name a TOML file") from error
    except ValueError as error:
        raise SettingsError(f"runbook {path}: {error}: mend the file") from error
    return {action: _step(path, action, table) for action, table in tables.items()}


def _step(path: Path, action: str, table: object) -> Command | Webhook:
    where = f"runbook {path}, [{action}]"
    if not isinstance(table, dict) or ("command" in table) == ("webhook" in table):
        raise SettingsError(f"{where}: give either a command (a list) or a webhook (an address)")
    is_command = "command" in table
    main, extra = ("command", "environment") if is_command else ("webhook", "headers")
    unknown = set(table) - {main, extra, "timeout_s", "output_limit"}
    if unknown:
        raise SettingsError(f"{where}: {min(unknown)!r} means nothing here: take it out")
    timeout, limit = table.get("timeout_s", 30.0), table.get("output_limit", 2000)
    if (
        not isinstance(timeout, int | float)
        or not isinstance(limit, int)
        or min(timeout, limit) <= 0
    ):
        raise SettingsError(f"{where}: timeout_s and output_limit are positive numbers")
    named = _texts(where, extra, table.get(extra, {}))
    if not is_command:
        (url,) = _texts(where, main, {main: table[main]}).values()
        return Webhook(url=url, headers=named, timeout_s=timeout, output_limit=limit)
    words = table[main]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise SettingsError(
            f"{where}: command is a list of texts, program first; no shell reads it"
        )
    return Command(argv=tuple(words), environment=named, timeout_s=timeout, output_limit=limit)


def _texts(where: str, name: str, table: object) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise SettingsError(f"{where}: {name} holds texts only")
    return dict(table)
