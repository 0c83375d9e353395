import subprocess
import sys

import numpy as np
import pytest

from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.errors import SettingsError

TOPICS = {
    "memory": [
        "service checkout\nmetrics: memory.usage very high\nlogs: OutOfMemoryError heap space",
        "service checkout\nmetrics: heap.used very high\nlogs: container killed: out of memory",
        "service search\nmetrics: rss extremely high\nlogs: OOMKilled",
    ],
    "disk": [
        "service db\nmetrics: filesystem.usage very high\nlogs: No space left on device",
        "service db\nmetrics: disk.used extremely high\nlogs: volume is full, write failed",
        "service search\nlogs: storage volume has no free space",
    ],
    "network": [
        "service web\nmetrics: span.p95 high\nlogs: connection to <*> refused",
        "service web\nlogs: connect <*>: network unreachable; packet loss",
        "service search\nlogs: DNS lookup failed; connection reset by peer",
    ],
}


def test_paraphrases_are_nearer_than_other_topics_on_average_and_in_recall():
    embedder = HashingEmbedder()
    topics = [topic for topic, texts in TOPICS.items() for _ in texts]
    vectors = embedder.embed([text for texts in TOPICS.values() for text in texts])
    near = vectors @ vectors.T - 2 * np.eye(len(topics))
    alike = np.array([[a == b for b in topics] for a in topics])
    inside = near[alike & (near > -0.9)].mean()
    outside = near[~alike].mean()
    right = sum(topics[int(near[at].argmax())] == topic for at, topic in enumerate(topics))
    assert inside > 2 * outside
    assert right == len(topics)


def test_numbers_do_not_matter():
    one, other = HashingEmbedder().embed(["took 12 ms on node7", "took 9000 ms on node123"])
    assert one @ other > 0.999


def test_the_same_bits_in_another_process():
    text = "disk full on täm"
    code = (
        "from tam_workbench.adapters.embedders.hashing import HashingEmbedder as H;"
        f"print(H().embed([{text!r}]).tobytes().hex())"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert said == HashingEmbedder().embed([text]).tobytes().hex()


def test_order_of_learning_words_does_not_matter():
    fresh, used = HashingEmbedder(), HashingEmbedder()
    used.embed([f"word{chr(97 + i % 26)}{chr(97 + i // 26)} other" for i in range(300)])
    assert (fresh.embed(["disk full"]) == used.embed(["disk full"])).all()


def test_too_small_a_dimension_is_refused():
    with pytest.raises(SettingsError, match="below 8"):
        HashingEmbedder(dimension=4)
