"""Names: what is meant, and what is not clear."""

import pytest

from tam_workbench.engine.cluster import Names
from tam_workbench.errors import BadInputError
from tam_workbench.records import ObjectRef


def ref(name, *, kind="Pod", namespace="shop", uid="", cluster="c"):
    return ObjectRef(cluster=cluster, kind=kind, namespace=namespace, name=name, uid=uid)


@pytest.fixture
def names():
    found = Names()
    for one in (
        ref("web-1", uid="a"),
        ref("web-1", uid="b", namespace="back"),
        ref("web-12", uid="c"),
        ref("store-0", uid="old"),
        ref("store-0", uid="new"),
        ref("n1", kind="Node", namespace="", uid="n"),
        ref("only", uid="x1", cluster="east"),
        ref("only", uid="x2", cluster="west"),
    ):
        found.add(one)
    return found


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("shop/Pod/web-1", "a"),
        ("back/po/web-1", "b"),
        ("Pod/web-12", "c"),
        ("pod/web-12", "c"),
        ("Pod/store-0", "new"),  # of two of one name the later one
        ("old", "old"),  # but a uid is a uid
        ("no/n1", "n"),
        ("Pod/stor", "new"),  # begun, where one fits
        ("east/shop/Pod/only", "x1"),
    ],
)
def test_an_object_is_found(names, text, uid):
    assert names.find(text).uid == uid


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Pod/web-1", "means 2 objects: back/Pod/web-1, shop/Pod/web-1"),
        ("Pod/only", "means 2 objects: east/shop/Pod/only, west/shop/Pod/only"),
        ("Pod/nobody", "no object"),
        ("nobody", "is nothing known"),
    ],
)
def test_what_is_not_clear_is_refused_with_what_could_be_meant(names, text, says):
    with pytest.raises(BadInputError, match=says):
        names.find(text)
