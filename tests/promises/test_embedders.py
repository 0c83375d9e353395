"""Both embedders keep the promises; one that does not is found out."""

import socket

import numpy as np
import pytest

from tam_workbench.adapters.embedders.hashing import HashingEmbedder
from tam_workbench.adapters.embedders.minilm import MiniLmEmbedder
from tam_workbench.errors import PromiseBrokenError
from tam_workbench.ports import Embedder
from tam_workbench.ports.embedder_checks import check_embedder


@pytest.mark.parametrize("dimension", [128, 256, 1024])
def test_hashing(dimension):
    assert isinstance(HashingEmbedder(), Embedder)
    check_embedder(lambda: HashingEmbedder(dimension=dimension))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_minilm_without_any_network(monkeypatch, capfd):
    pytest.importorskip("sentence_transformers")

    def refuse(*args, **kwargs):
        raise AssertionError("the embedder asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    check_embedder(MiniLmEmbedder)
    assert capfd.readouterr().err == ""


class Constant(HashingEmbedder):
    def embed(self, texts):
        return np.tile(np.eye(1, self.dimension, dtype=np.float32), (len(texts), 1))


class Unscaled(HashingEmbedder):
    def embed(self, texts):
        return super().embed(texts) * np.float32(2)


class Wide(HashingEmbedder):
    def embed(self, texts):
        return super().embed(texts).astype(float)


class DependsOnCompany(HashingEmbedder):
    def embed(self, texts):
        return np.roll(super().embed(texts), len(texts), axis=1)


@pytest.mark.parametrize("broken", [Constant, Unscaled, Wide, DependsOnCompany])
def test_a_broken_embedder_is_found_out(broken):
    with pytest.raises(PromiseBrokenError, match=r"^embedder: "):
        check_embedder(broken)
