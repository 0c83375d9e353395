"""The knowledge may hold nothing that is particular to one of the recorded cases."""

import os
import re
from collections import defaultdict
from importlib import resources
from pathlib import Path

import pytest
import yaml

from tam_workbench.causal.diagnosis import read
from tam_workbench.evaluation.cases import cases

BESIDE = Path(__file__).parents[4] / "shared"
FILE = Path(os.environ.get("TAM_DATASETS", BESIDE / "data")) / "k8s" / "holmes_cases.jsonl"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="set TAM_DATASETS")

GENERAL = """
    address again alert auth backend basic binding cert certificate complete connect
    connected connecting consumer couldn current database deadline denied detected dial
    disabled down effect egress exec executable exist expected expired expiry field find
    format have initializing issuer json killed left level line liveness load loading make
    matched mismatch more most mount multi namespaces only oomkilled page pool ports probe
    progress provided raise reached read redis reference refused requires resolution
    response right rollout sandbox scope self share shim socket specify startup syntax
    target task this timed toleration topology unable unexpected variable will work
""".split()  # noqa: SIM905
"""Words of the knowledge that stand in one case only, each a word of Kubernetes, of operating
systems or of English; a new one must be argued for here."""

PHRASES = {
    "service account name", "exec executable file", "executable file found", "error failed create",
    "failed pull image", "pull access denied", "back pulling image", "connect connection refused",
    "certificate expired cert", "backoff limit exceeded", "progress deadline exceeded",
    "matched expected number", "expected number replicas", "minimum replicas unavailable",
    "does have minimum", "backend service backend", "node role kubernetes",
}  # fmt: skip
"""Runs of three words in one case only: Kubernetes, containerd, Go and kube-prometheus say so."""


def words(text: str) -> list[str]:
    return re.findall(r"[a-z][a-z0-9]{3,}", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())


def rules(*, with_advice: bool = False) -> list[str]:
    folder = resources.files("tam_workbench.causal.diagnosis") / "knowledge"
    told = []
    for file in folder.iterdir():
        for entry in yaml.safe_load(file.read_text("utf-8")):
            patterns = [
                re.sub(r"\(\?P<\w+>|\\[bwWsSd]|\?:", "  ", text)
                for condition in entry["when"]
                for key, text in condition.items()
                if key != "finding"
            ]
            told += [*patterns, entry["says"], entry.get("shows", "")]
            told += [entry.get("helps", "")] if with_advice else []
    assert len(told) > 100
    return told


def test_no_word_or_phrase_of_one_case_only():
    seen, runs = defaultdict(set), defaultdict(set)
    for case in cases(FILE):
        for text in case.artefacts.values():
            told = words(text)
            for word in told:
                seen[word].add(case.name)
            for run in zip(told, told[1:], told[2:], strict=False):
                runs[" ".join(run)].add(case.name)
    used, phrases = set(), set()
    for text in rules():
        told = words(text)
        used |= {word for word in told if len(seen[word]) == 1}
        found = (" ".join(run) for run in zip(told, told[1:], told[2:], strict=False))
        phrases |= {run for run in found if len(runs[run]) == 1}
    assert used <= set(GENERAL), sorted(used - set(GENERAL))
    assert phrases <= PHRASES, sorted(phrases - PHRASES)


def test_no_name_of_an_object():
    everything = " ".join(rules(with_advice=True)).lower()
    for case in cases(FILE):
        _, findings = read(case.artefacts)
        for finding in findings:
            for name in (finding.subject.name, finding.fields.get("container", "")):
                if "-" in name or any(letter.isdigit() for letter in name):
                    assert name.lower() not in everything, name
