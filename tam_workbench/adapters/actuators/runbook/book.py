"""The book of a runbook as a TOML file."""

import tomllib
from pathlib import Path
from typing import Final

from tam_workbench.adapters.actuators.runbook.steps import Command, Webhook
from tam_workbench.errors import BadInputError, SettingsError

_LONGEST_S: Final = 86_400.0


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

    In the arguments of a command ``{target}``, ``{key}`` and ``{incident}`` stand for the
    proposal's; the program itself is fixed.

    Raises
    ------
    BadInputError
        In one line: which file and table, what is wrong, what to do.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadInputError(f"runbook {path}: {error.strerror}: name a TOML file") from error
    except ValueError as error:
        raise BadInputError(f"runbook {path}: {error}: mend the file") from error
    if not tables:
        raise BadInputError(f"runbook {path}: allows no action: add a table such as [restart]")
    book = {}
    for action, table in tables.items():
        where = f"runbook {path}, [{action if action.isprintable() else repr(action)}]"
        try:
            book[action] = _step(where, table)
        except SettingsError as error:
            raise BadInputError(f"{where}: {str(error).removeprefix('runbook: ')}") from error
    return book


def _step(where: str, table: object) -> Command | Webhook:
    if not isinstance(table, dict) or ("command" in table) == ("webhook" in table):
        raise BadInputError(f"{where}: give either a command (a list) or a webhook (an address)")
    is_command = "command" in table
    main, extra = ("command", "environment") if is_command else ("webhook", "headers")
    unknown = set(table) - {main, extra, "timeout_s", "output_limit"}
    if unknown:
        raise BadInputError(f"{where}: {min(unknown)!r} means nothing here: take it out")
    timeout, limit = table.get("timeout_s", 30.0), table.get("output_limit", 2000)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise BadInputError(f"{where}: timeout_s is a number of seconds: mend it")
    if not 0 < timeout <= _LONGEST_S:
        raise BadInputError(f"{where}: timeout_s is above 0 and at most a day: mend it")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit <= 0:
        raise BadInputError(f"{where}: output_limit is a positive number of characters: mend it")
    named = _texts(where, extra, table.get(extra, {}))
    if not is_command:
        (url,) = _texts(where, main, {main: table[main]}).values()
        return Webhook(url=url, headers=named, timeout_s=timeout, output_limit=limit)
    words = table[main]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise BadInputError(
            f"{where}: command is a list of texts, program first; no shell reads it"
        )
    return Command(argv=tuple(words), environment=named, timeout_s=timeout, output_limit=limit)


def _texts(where: str, name: str, table: object) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(text, str) for text in table.values()):
        raise BadInputError(f"{where}: {name} holds texts only")
    return dict(table)
