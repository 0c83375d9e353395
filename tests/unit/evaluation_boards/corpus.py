"""A tiny corpus in the published layouts, so that boards run where no data set lies."""

import json

import numpy as np
import polars as pl


def build(root, *, seed=0):
    """Write nab, smd, asd, skab, loghub and hdfs of a few rows below ``root``."""
    rng = np.random.default_rng(seed)
    _nab(root, rng)
    for name, before in (("smd", False), ("asd", True)):
        _servers(root, name, rng, has_train=before)
    _skab(root, rng)
    _logs(root)
    _sessions(root, rng)
    return root


def _nab(root, rng):
    windows = {}
    for name, spike in (("real/a.csv", 150), ("real/b.csv", 220), ("none/c.csv", None)):
        values = rng.normal(size=300)
        if spike is not None:
            values[spike] += 25.0
        stamps = pl.datetime_range(
            pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 1, 4, 59), "1m", eager=True
        )
        path = root / "nab/data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        frame = pl.DataFrame({"timestamp": stamps.dt.strftime("%Y-%m-%d %H:%M:%S")})
        frame.with_columns(value=pl.Series(values)).write_csv(path)
        ends = [] if spike is None else [[spike - 2, spike + 20]]
        windows[name] = [
            [frame["timestamp"][a] + ".000000", frame["timestamp"][b] + ".000000"] for a, b in ends
        ]
    windows["gone/d.csv"] = []
    (root / "nab/labels").mkdir()
    (root / "nab/labels/combined_windows.json").write_text(json.dumps(windows))


def _servers(root, name, rng, *, has_train):
    folder = root / name
    (folder / "interpretation_label").mkdir(parents=True)
    for machine in ("m-1", "m-2"):
        values, labels = rng.normal(size=(400, 5)), np.zeros(400, dtype=np.int8)
        values[250:270, [1, 3]] += 12.0
        labels[250:270] = 1
        columns = {f"m{at:02d}": values[:, at].astype(np.float32) for at in range(5)}
        pl.DataFrame({**columns, "label": labels}).write_parquet(folder / f"{machine}_test.parquet")
        if has_train:
            pl.DataFrame(columns).head(200).write_parquet(folder / f"{machine}_train.parquet")
        (folder / "interpretation_label" / f"{machine}.txt").write_text("250-270:2,4\n")


def _skab(root, rng):
    for name in ("valve1/0", "other/1"):
        labels, changes = np.zeros(700), np.zeros(700)
        labels[550:640] = 1.0
        changes[[550, 640]] = 1.0
        values = rng.normal(size=(700, 2)) + 9.0 * labels[:, None]
        stamps = pl.datetime_range(
            pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 1, 0, 11, 39), "1s", eager=True
        )
        path = root / "skab" / f"{name}.csv"
        path.parent.mkdir(parents=True)
        pl.DataFrame(
            {
                "datetime": stamps.dt.strftime("%Y-%m-%d %H:%M:%S"),
                "Pressure": values[:, 0],
                "Current": values[:, 1],
                "anomaly": labels,
                "changepoint": changes,
            }
        ).write_csv(path, separator=";")


def _logs(root):
    for name in ("Alpha", "Beta"):
        lines = [f"took {at} ms" if at % 2 else f"lost node{at} for good" for at in range(100)]
        truth = ["E1" if at % 2 else "E2" for at in range(100)]
        texts = ["took <*> ms" if at % 2 else "lost <*> for good" for at in range(100)]
        folder = root / "loghub2k" / name
        folder.mkdir(parents=True)
        columns = {"Content": lines, "EventId": truth, "EventTemplate": texts}
        pl.DataFrame(columns).write_parquet(folder / f"{name}_2k.truth.parquet")


def _sessions(root, rng):
    sessions = [[0, 1, 1, 2] if rng.random() > 0.1 else [0, 3] for _ in range(200)]
    (root / "hdfs_sessions").mkdir()
    pl.DataFrame(
        {
            "split": ["train"] * 100 + ["test"] * 100,
            "label": [int(3 in session) for session in sessions],
            "template_ids": sessions,
        }
    ).write_parquet(root / "hdfs_sessions/hdfs_100k_sessions.parquet")
