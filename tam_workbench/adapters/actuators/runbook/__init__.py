"""Runbook: allow-listed commands and webhooks, each key at most once.

No shell, no redirect, no program and no address that the book does not name. What is kept of
an answer is short and has its secrets masked. Whether an action may be done was the gate's word.
"""

from tam_workbench.adapters.actuators.runbook.actuator import RunbookActuator
from tam_workbench.adapters.actuators.runbook.book import read_book
from tam_workbench.adapters.actuators.runbook.steps import Command, Webhook

__all__ = ["Command", "RunbookActuator", "Webhook", "read_book"]
