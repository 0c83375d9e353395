"""How long to wait before the next try."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waiting times that grow by a factor up to a cap, optionally shortened by chance.

    Examples
    --------
    >>> backoff = Backoff(base_s=1.0, factor=2.0, cap_s=5.0)
    >>> [backoff.delay_s(attempt) for attempt in range(4)]
    [1.0, 2.0, 4.0, 5.0]
    """

    base_s: float = 1.0
    """The first wait, seconds."""
    factor: float = 2.0
    """Each wait is this much longer than the one before; 1 keeps them equal."""
    cap_s: float = 300.0
    """No wait is longer, seconds."""
    jitter: float = 0.0
    """Part of a wait, 0 to 1, that chance may take off, so that many do not return at once."""

    def delay_s(self, attempt: int, *, rng: np.random.Generator | None = None) -> float:
        """Return the seconds to wait after ``attempt`` (from 0) failed.

        Without ``rng`` there is no jitter.
        """
        # 2.0 ** 1024 overflows; beyond some 60 doublings every cap is reached anyway
        delay = min(self.base_s * self.factor ** min(attempt, 60), self.cap_s)
        if rng is None or self.jitter <= 0.0:
            return delay
        return delay * (1.0 - min(self.jitter, 1.0) * float(rng.random()))
