"""Write the small files in ``datasets/tam``: ``python datasets/generate.py``.

Seeded; a test holds the files to what this writes.
"""

import json
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


def clean() -> str:
    """Return a long table of three metrics of two pods, ten minutes, every five seconds."""
    chance = random.Random(7)  # noqa: S311 - a simulation, not a secret
    lines = ["time,resource,service,name,value"]
    for step in range(120):
        stamp = (START + timedelta(seconds=5 * step)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for pod in ("checkout-1", "checkout-2"):
            load = 0.4 + 0.2 * math.sin(step / 20) + chance.gauss(0, 0.02)
            lines += [
                f"{stamp},{pod},checkout,cpu,{load:.4f}",
                f"{stamp},{pod},checkout,memory,{0.3 + step / 1000:.4f}",
                f"{stamp},{pod},checkout,latency_s,{0.05 + load / 10:.4f}",
            ]
    return "\n".join(lines) + "\n"


def dirty() -> bytes:
    """Return a metric with one of every defect among twenty good rows."""
    rows = [f"2026-01-10 12:{minute:02d}:00,{minute * 1.5}".encode() for minute in range(20)]
    rows[3:3] = [
        b"2026-01-10 12:03:00,much",
        b"2026-01-10 12:03:00,NaN",
        b"2026-01-10 12:03:00,inf",
    ]
    rows[9:9] = [b"yesterday,3.0", b",4.0", b"2026-01-10 12:0"]
    rows[14:14] = [b"\x00\x01\x02\xff\xfe", b"2026-01-10 12:10:00,1,2", b"caf\xe9,1"]
    rows[18:18] = [b'2026-01-10 12:12:00,"13', b"2026-01-10 12:13:00,"]
    return b"\n".join([b"timestamp,value", *rows]) + b"\n"


def signals() -> str:
    """Return a minute of all four signals as JSON lines."""
    lines = []
    for step in range(60):
        stamp = (START + timedelta(seconds=step)).isoformat()
        origin = {"time": stamp, "resource": "cart-1", "service": "cart"}
        lines.append({"signal": "metrics", **origin, "name": "cpu", "value": step / 100})
        lines.append({"signal": "logs", **origin, "severity_number": 9, "body": f"step {step}"})
        span = {"name": "GET /cart", "trace_id": f"t{step}", "span_id": f"s{step}"}
        caller = {"parent_service": "frontend", "duration_s": 0.02, "error": step == 40}
        lines.append({"signal": "spans", **origin, **span, **caller})
    change = {"kind": "deploy", "object": "Deployment/cart", "detail": "v2"}
    lines.append({"signal": "changes", **origin, **change})
    return "".join(json.dumps(line) + "\n" for line in lines)


def main() -> None:
    """Write the files."""
    folder = Path(__file__).parent / "tam"
    folder.mkdir(exist_ok=True)
    (folder / "clean.csv").write_text(clean())
    (folder / "dirty.csv").write_bytes(dirty())
    (folder / "signals.jsonl").write_text(signals())


if __name__ == "__main__":
    main()
