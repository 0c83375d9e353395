import threading

import pytest

from tam_workbench.adapters.locking import WriterLock
from tam_workbench.errors import TransientError


def test_the_same_thread_may_enter_again(tmp_path):
    lock, other = WriterLock(tmp_path / "l"), WriterLock(tmp_path / "l", wait_s=0.02)
    with lock.held("write"):
        with lock.held("compact"):
            pass
        with pytest.raises(TransientError, match="held by process"), other.held("write"):
            pass
    with other.held("write"):
        pass


def test_another_thread_waits_or_is_told_to_try_again(tmp_path):
    lock, inside, leave, seen = WriterLock(tmp_path / "l"), threading.Event(), threading.Event(), []

    def hold():
        with lock.held("purge"):
            inside.set()
            leave.wait(20)
            seen.append("first")

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(20)
    with pytest.raises(TransientError, match="purge") as caught, lock.held("write", wait_s=0):
        pass
    assert caught.value.delay_s > 0
    leave.set()
    with lock.held("write", wait_s=20):
        seen.append("second")
    holder.join()
    assert seen == ["first", "second"]


def test_what_fails_inside_releases_the_lock(tmp_path):
    lock = WriterLock(tmp_path / "l", wait_s=0.02)
    with pytest.raises(ValueError, match="inside"), lock.held("write"):
        raise ValueError("inside")
    with WriterLock(tmp_path / "l", wait_s=0.02).held("write"):
        pass


def test_a_place_that_cannot_be_locked_is_one_line(tmp_path):
    lock = WriterLock(tmp_path / "nowhere" / "l", wait_s=0.02)
    (tmp_path / "nowhere").write_text("a file")
    with pytest.raises(TransientError, match="cannot lock") as caught, lock.held("write"):
        pass
    assert "\n" not in str(caught.value)
