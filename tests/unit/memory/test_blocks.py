import numpy as np
import pytest

from tam_workbench.memory.block_kernels import deviation, select
from tam_workbench.memory.blocks import (
    SIZES,
    Below,
    Calls,
    Change,
    Finding,
    Lines,
    Series,
    Window,
    findings,
    pour,
    sign,
)

RNG = np.random.default_rng(5)


def series(level: float, now: float, *, noise: float = 0.02, replicas: int = 2, scale: float = 1.0):
    before = scale * level * (1 + noise * RNG.normal(size=(replicas, 300)))
    late = scale * now * (1 + noise * RNG.normal(size=(replicas, 40)))
    return Series(before=before, now=late)


def calls(**given):
    quiet = {
        "count": 300,
        "failed_before": 0.01,
        "failed": 0.01,
        "origin": 0.0,
        "seconds_before": 0.02,
        "seconds": 0.02,
    }
    return Calls(**(quiet | given))


def cosine(one: Window, other: Window, block: str) -> float:
    return float(np.dot(sign(one).blocks[block], sign(other).blocks[block]))


def window(**given) -> Window:
    return Window(**({"service": "checkout", "ticks": 40} | given))


def test_blocks_have_fixed_sizes_and_length_one():
    full = window(
        metrics={"cpu": series(1.0, 3.0)},
        templates={"oops": Lines(before=0.0, now=1.0, severity=17)},
        spans={"/pay": calls(failed=0.5)},
        changes=[Change(kind="deploy", detail="v1", age_s=3.0)],
        below={"db": Below(metrics={"cpu": series(1.0, 3.0)})},
    )
    blocks = sign(full).blocks
    assert {name: len(vector) for name, vector in blocks.items()} == dict(SIZES)
    assert all(np.linalg.norm(vector) == pytest.approx(1.0) for vector in blocks.values())


def test_a_modality_that_never_comes_is_left_out_and_one_that_is_calm_is_quiet():
    blocks = sign(window(metrics={"cpu": series(1.0, 1.0)}, changes=[])).blocks
    assert sorted(blocks) == ["changes", "metrics", "place"]
    assert blocks["changes"][-1] == 1.0
    assert blocks["metrics"][-1] > 0.9


@pytest.mark.parametrize(("now", "stands_out"), [(1.0, False), (1.04, False), (1.5, True)])
def test_a_metric_stands_out_beyond_its_own_noise_only(now, stands_out):
    found = findings(window(metrics={"cpu": series(1.0, now)}))["metrics"]
    assert bool(found) is stands_out


def test_absolute_load_and_the_order_of_replicas_do_not_matter():
    rise = series(1.0, 4.0, replicas=3)
    thousandfold = Series(before=1000 * rise.before, now=1000 * rise.now)
    turned = Series(before=rise.before[::-1], now=rise.now[::-1])
    one = sign(window(metrics={"latency": rise}))
    assert sign(window(metrics={"latency": turned})).blocks == one.blocks
    assert cosine(
        window(metrics={"latency": rise}), window(metrics={"latency": thousandfold}), "metrics"
    ) == pytest.approx(1.0)


def test_one_sick_replica_among_many_is_seen_whichever_it_is():
    def sick(which: int) -> Window:
        calm = series(1.0, 1.0, replicas=8)
        now = calm.now.copy()
        now[which] *= 5.0
        return window(metrics={"latency": Series(before=calm.before, now=now)})

    assert findings(sick(0))["metrics"][0].name == "latency+"
    assert cosine(sick(0), sick(6), "metrics") > 0.95


def test_up_and_down_are_different_things():
    up, down = (window(metrics={"rate": series(1.0, now)}) for now in (3.0, 0.2))
    assert cosine(up, down, "metrics") < 0.4


def test_a_series_of_small_whole_numbers_is_not_always_extreme():
    rng = np.random.default_rng(8)  # its own: of chance draws some are at the border
    before = rng.integers(0, 2, size=(2, 300)).astype(float)
    calm = Series(before=before, now=before[:, :40])
    long = Series(before=before, now=before[:, :40] + 50.0)
    assert findings(window(metrics={"queue": calm}))["metrics"] == []
    assert findings(window(metrics={"queue": long}))["metrics"][0].name == "queue+"


def test_a_metric_that_was_hardly_measured_says_nothing():
    empty = Series(before=np.full((1, 300), np.nan), now=np.ones((1, 40)))
    gaps = Series(before=np.ones((1, 300)), now=np.full((1, 40), np.nan))
    assert findings(window(metrics={"a": empty, "b": gaps}))["metrics"] == []


def test_templates_count_against_their_past_and_new_ones_say_so():
    found = findings(
        window(
            templates={
                "usual": Lines(before=3.0, now=3.1, severity=9),
                "storm": Lines(before=0.01, now=2.0, severity=17),
                "never seen": Lines(before=0.0, now=2.0, severity=17),
                "fell silent": Lines(before=3.0, now=0.0, severity=9),
            }
        )
    )["templates"]
    assert {f.name for f in found} == {"storm+", "never seen+", "fell silent-"}
    assert 'new "never seen"' in {f.said for f in found}


def test_an_error_weighs_more_than_a_chatty_line():
    lines = {f"{level}": Lines(before=0.0, now=1.0, severity=level) for level in (9, 13, 17)}
    assert [f.name for f in findings(window(templates=lines))["templates"]] == ["17+", "13+", "9+"]


def test_spans_tell_what_fails_where_it_begins_and_what_is_slow():
    found = findings(
        window(
            spans={
                "/calm": calls(),
                "/db": calls(failed=0.5, origin=0.5),
                "/cart": calls(failed=0.5, origin=0.0),
                "/slow": calls(seconds=0.2),
            }
        )
    )["spans"]
    assert {f.name for f in found} == {"fails /db", "origin /db", "fails /cart", "slow /slow"}


def test_a_few_failed_calls_are_no_finding():
    few, many = (window(spans={"/x": calls(count=n, failed=0.12)}) for n in (20, 2000))
    assert findings(few)["spans"] == []
    assert findings(many)["spans"] != []


def test_changes_fade_and_differ_by_kind_and_by_whose_they_are():
    def changed(**given) -> Window:
        change = {"kind": "deploy", "detail": "v12", "age_s": 10.0} | given
        return window(changes=[Change(**change)])

    assert cosine(changed(), changed(detail="v13", age_s=40.0), "changes") > 0.95
    assert cosine(changed(), changed(kind="config"), "changes") < 0.4
    assert cosine(changed(), changed(role="callee"), "changes") < 0.4
    assert cosine(changed(), changed(age_s=1200.0), "changes") < 0.4


def test_what_is_below_tells_two_victims_apart():
    def victim(of: str) -> Window:
        ill = Below(
            metrics={name: series(1.0, 9.0) for name in ("latency", "errors", "queue")},
            templates={"no space left": Lines(before=0.0, now=2.0, severity=17)},
        )
        return window(below={of: ill, "idle": Below(metrics={"latency": series(1.0, 1.0)})})

    assert cosine(victim("db"), victim("db"), "below") > 0.95
    assert cosine(victim("db"), victim("cart"), "below") < 0.5


def test_a_faint_stir_below_is_quiet():
    stir = window(below={"db": Below(metrics={"latency": series(1.0, 1.3)})})
    assert sign(stir).blocks["below"][-1] > 0.8


def test_place_is_the_service_without_its_replica():
    here = window()
    assert cosine(here, window(service="checkout"), "place") == pytest.approx(1.0)
    assert cosine(here, window(service="payment"), "place") < 0.5
    pods = (window(service=f"checkout-7d9f8b6c5d-x2x4{c}") for c in "zy")
    assert cosine(*pods, "place") == pytest.approx(1.0)


def test_the_text_is_a_description_that_a_person_accepts():
    text = sign(
        window(
            metrics={"http.latency_p95": series(1.0, 9.0), "cpu": series(1.0, 1.0)},
            templates={"upstream <*> failed": Lines(before=0.0, now=1.0, severity=17)},
            spans={"/payment": calls(seconds=0.062)},
            changes=[Change(kind="deploy", detail="v12", age_s=120.0)],
        )
    ).text
    lines = text.splitlines()
    assert lines[0] == "checkout"
    assert lines[1].startswith("http.latency_p95 +")
    assert "cpu" not in text
    assert lines[2:] == [
        'new "upstream <*> failed"',
        "calls to /payment slow 3.1x",
        "deploy v<*> 120 s before",
    ]


def test_a_quiet_block_is_noise_free_and_a_loud_one_hardly_quiet():
    faint, loud = (pour([Finding(name="x", weight=w)], 64) for w in (0.05, 5.0))
    assert faint[-1] > 0.99
    assert loud[-1] < 0.3


def plain_deviation(before, now) -> tuple[float, float, float]:
    """The readable version of `block_kernels.deviation`."""
    highs, lows, slopes = [], [], []
    for past, late in zip(before, now, strict=True):
        seen, came = past[np.isfinite(past)], late[np.isfinite(late)]
        if seen.size < 8 or came.size < 3:
            continue
        middle = np.median(seen)
        steps = np.abs(np.diff(past))
        steps = np.sort(steps[np.isfinite(steps)])[: max(1, int(0.9 * np.isfinite(steps).sum()))]
        step = steps.mean() if steps.size else 0.0
        spread = 1.4826 * np.median(np.abs(seen - middle))
        scale = max(spread, 0.886 * step) + 0.02 * abs(middle) + 1e-3 * np.abs(came).max() + 1e-9
        third = max(1, late.size // 3)
        ends = [part[np.isfinite(part)] for part in (late[:third], late[-third:])]
        first, last = (np.median(end) if end.size else middle for end in ends)
        highs.append((np.quantile(came, 0.7) - middle) / scale)
        lows.append((np.quantile(came, 0.3) - middle) / scale)
        slopes.append((last - first) / scale)
    if not highs:
        return 0.0, 0.0, 0.0
    return max(highs), min(lows), slopes[int(np.argmax(np.abs(slopes)))]


@pytest.mark.parametrize("seed", range(60))
def test_the_compiled_deviation_is_the_readable_one(seed):
    rng = np.random.default_rng(seed)
    replicas = int(rng.integers(1, 6))
    before = rng.normal(10, 2, (replicas, int(rng.integers(1, 200))))
    now = rng.normal(10 + 5 * rng.normal(), 2, (replicas, int(rng.integers(1, 50))))
    if seed % 2:
        before, now = np.round(before), np.round(now)
    for values in (before, now):
        values[rng.random(values.shape) < 0.7 * rng.random()] = np.nan
    said = deviation(before, now, least_before=8, least_now=3)
    assert said == pytest.approx(plain_deviation(before, now), abs=1e-9, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_select_finds_what_sorting_would(seed):
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=int(rng.integers(1, 60))), 1)
    place = int(rng.integers(values.size))
    moved = values.copy()
    assert select(moved, place) == np.sort(values)[place]
    assert sorted(moved) == sorted(values)
    assert (moved[:place] <= moved[place]).all()
    assert (moved[place:] >= moved[place]).all()
