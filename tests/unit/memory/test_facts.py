"""Facts by example: a changed limit, a late correction, an episode in between."""

from datetime import UTC, datetime, timedelta

from tam_workbench.memory.entries import Sighting
from tam_workbench.memory.facts import Claim, current, holds, make_fact, told

START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number):
    return START + timedelta(days=number)


class Book:
    def __init__(self):
        self.rows = {}

    def tell(self, value, *, since, known, until=None):
        claim = Claim(
            subject="pool", predicate="limit", object=value, since=day(since),
            until=None if until is None else day(until),
        )  # fmt: skip
        seen = Sighting(service="db", at=day(known), trust=1.0, occurrence=f"{value}@{since}")
        new = make_fact(claim, vector=[1.0], sighting=seen)
        rows = told(new, list(self.rows.values()), day(known))
        self.rows.update({row.id: row for row in rows})
        return rows

    def limit(self, *, as_of, known_at=99):
        found = [
            row.attributes["object"]
            for row in self.rows.values()
            if holds(row, as_of=day(as_of), known_at=day(known_at))
        ]
        assert len(found) <= 1
        return found[0] if found else None


def test_a_change_is_news_and_the_past_stays():
    book = Book()
    book.tell("80", since=0, known=1)
    book.tell("90", since=10, known=11)
    assert [book.limit(as_of=at) for at in (0, 9, 10, 50)] == ["80", "80", "90", "90"]
    assert book.limit(as_of=50, known_at=5) == "80"  # so we thought then
    assert len(book.rows) == 3
    assert len(current(list(book.rows.values()), now=day(99))) == 1


def test_an_older_fact_learnt_late_fills_only_the_time_before():
    book = Book()
    book.tell("90", since=10, known=11)
    book.tell("80", since=0, known=12)
    assert [book.limit(as_of=at) for at in (5, 10, 50)] == ["80", "90", "90"]
    assert book.limit(as_of=5, known_at=11) is None


def test_an_exception_in_between_parts_the_rule_in_two():
    book = Book()
    book.tell("80", since=0, known=1)
    book.tell("200", since=10, until=12, known=13)
    assert [book.limit(as_of=at) for at in (9, 10, 11, 12)] == ["80", "200", "200", "80"]
    assert book.limit(as_of=11, known_at=12) == "80"


def test_a_correction_from_the_same_moment_replaces_and_keeps_what_was_thought():
    book = Book()
    book.tell("80", since=0, known=1)
    book.tell("90", since=0, known=5)
    assert book.limit(as_of=3) == "90"
    assert book.limit(as_of=3, known_at=4) == "80"


def test_what_adjoins_is_one_and_what_is_known_adds_no_row():
    book = Book()
    book.tell("80", since=0, until=10, known=1)
    book.tell("80", since=10, until=20, known=2)
    alive = [row for row in book.rows.values() if row.known_to is None]
    assert [(row.valid_from, row.valid_to) for row in alive] == [(day(0), day(20))]
    assert book.tell("80", since=10, until=20, known=3) == ()
    seen = book.tell("80", since=3, until=4, known=4)
    assert [row.id for row in seen] == [alive[0].id]
    assert seen[0].count == alive[0].count + 1
