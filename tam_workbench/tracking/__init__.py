"""Tracking: what the house says about itself, in figures that others can scrape.

Pure. Turns counters and gauges into the Prometheus text format; runs, steps, alerts and trends
come with the experiments. Serving the text is a surface's business.
"""

from tam_workbench.tracking.exposition import Sample, exposition

__all__ = ["Sample", "exposition"]
