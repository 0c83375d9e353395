import numpy as np
import pytest

from tam_workbench.memory.hot_columns import Asked, Columns
from tam_workbench.memory.terms import telling, tokens
from tam_workbench.memory.words import WordIndex

VERBS = [
    "error",
    "timeout",
    "latency",
    "restart",
    "oom",
    "disk",
    "full",
    "slow",
    "deploy",
    "failed",
    "refused",
    "pool",
]


def texts(rng, number):
    """Incident lines: a service, some of few common words, some of many rare ones."""
    share = 1 / np.arange(1, 3001)
    rare = rng.choice(3000, (number, 4), p=share / share.sum())
    common = rng.integers(0, len(VERBS), (number, 4))
    return [
        f"svc-{n % 37} {' '.join(VERBS[at] for at in c)} {' '.join(f'w{at}' for at in r)}"
        for n, (c, r) in enumerate(zip(common, rare, strict=True))
    ]


def naive(kept, query):
    """BM25 as rank-bm25 computes it, one array per word, with the same idf."""
    bags = [tokens(text) for text in kept]
    length = np.array([len(bag) for bag in bags])
    scores = np.zeros(len(kept))
    for word in set(tokens(query)):
        times = np.array([bag.count(word) for bag in bags])
        having = (times > 0).sum()
        idf = np.log(1 + (len(kept) - having + 0.5) / (having + 0.5))
        scores += idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / length.mean()))
    return scores


@pytest.mark.parametrize("posted", [False, True])
def test_the_best_by_words_are_those_of_the_formula(posted):
    rng = np.random.default_rng(1)
    kept, index = texts(rng, 6000), WordIndex()
    index.put(np.arange(6000), kept)
    if posted:
        index.post()
    for query in [*texts(rng, 12), "error timeout", "svc-3", "w2999 nothing", "unheard"]:
        expected = naive(kept, query)
        rows, scores = index.search(query, k=10)
        order = np.lexsort((np.arange(6000), -np.round(expected, 6)))[:10]
        order = order[expected[order] > 0]
        assert scores == pytest.approx(expected[order], abs=1e-6)
        assert rows.tolist() == order.tolist()


def test_common_words_are_not_read_to_the_end_when_rare_ones_decide():
    rng = np.random.default_rng(2)
    index = WordIndex()
    index.put(np.arange(20_000), texts(rng, 20_000))
    index.post()
    index.search("w2900 w2800 w2700 error timeout latency", k=3)
    rare = index.read
    index.search("error timeout latency", k=3)
    assert index.read > 5 * rare, "with common words alone there is no way round them"


def test_a_gate_holds_before_k_is_counted():
    rng = np.random.default_rng(3)
    kept, index, columns = texts(rng, 5000), WordIndex(), Columns(codes=1, times=0)
    index.put(np.arange(5000), kept)
    columns.put(
        np.arange(5000),
        codes=(np.arange(5000) % 50)[:, None],
        times=np.zeros((5000, 0)),
        trust=np.ones(5000),
    )
    gate = columns.gate(Asked(codes={0: {7, 999}}, spans={}))
    query = "error timeout w1 w2"
    expected = np.where(np.arange(5000) % 50 == 7, naive(kept, query), 0.0)
    rows, _ = index.search(query, k=10, gate=gate)
    assert rows.tolist() == np.lexsort((np.arange(5000), -np.round(expected, 6)))[:10].tolist()


def test_texts_are_replaced_and_removed():
    index = WordIndex()
    index.put([3, 5], ["disk full", "disk slow"])
    index.put([3], ["cache cold"])
    assert index.search("disk", k=9)[0].tolist() == [5]
    index.post()
    index.remove([5, 77])
    assert index.search("disk", k=9)[0].tolist() == []
    assert index.search("cold", k=9)[0].tolist() == [3]
    assert len(index) == 1
    index.remove([3])
    index.post()
    assert index.search("cold", k=9)[0].tolist() == []
    assert index.search("cold", k=0)[0].tolist() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Täm→ ÄRGER", ["täm", "ärger"]),
        ("HTTPServerError", ["httpservererror", "http", "server", "error"]),
        ("k8s.pod.name", ["k8s.pod.name", "k8s", "pod", "name"]),
        ("a_b", ["a_b", "a", "b"]),
        ("10.0.0.1:80 (x)", ["10.0.0.1:80", "10", "0", "0", "1", "80", "x"]),
    ],
)
def test_tokens(text, expected):
    assert tokens(text) == expected


def test_what_a_question_is_about_leaves_out_names_numbers_and_asking():
    asked = "Did we ever see OOMKilled on checkout-7f9c-x2 at 10.0.3.17, 512 MB, last week?"
    assert telling(asked) == ("oomkilled", "oom", "killed", "mb", "week")
    assert telling("cart-7f9c") == ()


def test_coverage_is_the_share_of_what_is_rare():
    index = WordIndex()
    frame = [f"checkout alert on node, release {n}" for n in range(50)]
    index.put(range(52), [*frame, "checkout heap exhausted on node", "disk full on node"])
    rare = ["checkout", "node", "heap", "exhausted"]
    assert index.coverage(rare, [50]) == pytest.approx(1.0)
    assert index.coverage(rare, [0, 1, 51]) < 0.1
    assert index.coverage(["checkout", "penguin"], [50]) < 0.1  # no text has a penguin
    assert index.coverage([], [50]) == 0.0
    assert index.coverage(["heap"], []) == 0.0
