"""Dashboard: the screens in a browser, through Panel.

Draws what the views define, asks and passes on what people decide; it decides nothing. Each
session pulls from the bus in its own callback, so the engine never knows that it is watched.
Panel is imported when a page is built, not before.
"""

from tam_workbench.dashboard.embed import Embedded, embed
from tam_workbench.dashboard.serving import build, check_access, is_loopback, serve

__all__ = ["Embedded", "build", "check_access", "embed", "is_loopback", "serve"]
