"""Scenarios: the whole loop headless on the plant and on the seed's stream, beside its rivals.

Closing the loop, foresight, drift, poison, policies and explanations. Truth comes from the
plant, which no stage can see, and never from the features.
"""

__all__: list[str] = []
