import importlib.util

import pytest

from tam_workbench.adapters.embedders import minilm
from tam_workbench.adapters.embedders.minilm import MiniLmEmbedder
from tam_workbench.errors import BadInputError, MissingExtraError


def test_other_weights_are_refused_before_anything_is_imported(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"poison")
    with pytest.raises(BadInputError, match="sha256"):
        MiniLmEmbedder(model=tmp_path).embed(["x"])


def test_missing_weights_say_what_to_do(tmp_path):
    with pytest.raises(BadInputError, match="reinstall"):
        MiniLmEmbedder(model=tmp_path).load()


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(minilm, "_PACKAGE", "no_such_model_package")
    with pytest.raises(MissingExtraError, match=r"tam-workbench\[embeddings\]"):
        MiniLmEmbedder()


def test_nothing_is_loaded_for_no_texts(tmp_path):
    assert MiniLmEmbedder(model=tmp_path).embed([]).shape == (0, 384)
    assert importlib.util.find_spec("tam_workbench") is not None
