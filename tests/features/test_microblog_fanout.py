"""One post to many: each reader once and in order, others not held up, what matters first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from microblog_kit import MARIE, PAUL, SHORT, Place
from mo_kit import said
from relay_peers import mo

from smppgw.core.account_settings import Priority
from smppgw.features.microblog import fanout
from smppgw.features.microblog.users import Follow, User

READERS = 1_000


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def crowd(place: Place, followed: User, count: int = READERS, first: int = 0) -> list[User]:
    """Many who follow somebody."""
    readers = [
        User(
            id=place.world.relay.ids.next(),
            phone=f"3363{first + n:07}",
            address=SHORT,
            carrier="a",
            state=3,
            zone="Europe/Paris",
        )
        for n in range(count)
    ]

    def write() -> None:
        for one in readers:
            place.blog.users.put(one)
            place.blog.users.put_follow(Follow(followed.id, one.id, True, False, 1))

    place.work(write)
    return readers


def got(place: Place, readers: list[User]) -> dict[str, list[str]]:
    """What each of them got."""
    found: dict[str, list[str]] = {one.phone or "": [] for one in readers}
    for one in place.world.simulated["a"].received:
        if one.destination in found:
            found[one.destination].append(said(one.pdu))
    return found


def queued(place: Place) -> list[tuple[int, str]]:
    """(priority, destination) of what waits, in the order in which it leaves."""
    queue = place.world.relay.carriers["a"].queue
    found = []
    while (message := queue.pop()) is not None:
        found.append((message.priority, message.destination))
    return found


def test_two_posts_reach_everybody_in_order(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul)
    place.say(PAUL, "one")
    place.say(PAUL, "two")
    place.later(30)
    assert set(map(tuple, got(place, readers).values())) == {("@paul: one", "@paul: two")}
    assert place.world.engine.select("SELECT * FROM microblog_job") == []
    assert place.user("paul").followers == READERS


def test_a_post_that_comes_right_after_a_look_is_not_left_behind(place: Place) -> None:
    """A look that found nothing and a post in one commit: the look counted for the post too."""
    marie = place.member("marie", MARIE)
    paul = place.member("paul", PAUL)
    place.follows(marie, paul, by_sms=True)
    place.feature.fanout.wake()
    post = place.blog.posts.add
    place.work(lambda: post(place.user("paul"), "Bonjour", 1))
    place.later(1)
    assert place.received(MARIE) == ["@paul: Bonjour"]


def test_somebody_whom_many_follow_holds_nobody_up(place: Place) -> None:
    paul, marie = place.member("paul", PAUL), place.member("marie", MARIE)
    crowd(place, paul, 5 * fanout.SLICE)
    (reader,) = crowd(place, marie, 1, first=900_000)
    place.world.relay.carriers["a"].hold()

    def both() -> None:
        place.blog.posts.add(place.user("paul"), "to many", 1)
        place.blog.posts.add(place.user("marie"), "to one", 2)

    place.work(both)
    place.later(2)
    order = [destination for _, destination in queued(place)]
    assert len(order) == 5 * fanout.SLICE + 1
    assert order.index(reader.phone or "") <= fanout.SLICE


def test_codes_and_private_messages_overtake_a_post(place: Place) -> None:
    paul, marie = place.member("paul", PAUL), place.member("marie", MARIE)
    place.follows(marie, paul)
    crowd(place, paul, 2_000)
    place.world.relay.carriers["a"].hold()
    place.say(PAUL, "to many")
    place.later(3)
    place.say(PAUL, "D marie hello")
    place.shell("login send paul")
    order = queued(place)
    assert order[0] == (Priority.CODES, PAUL)
    assert [one for one, _ in order[:3]] == [
        Priority.CODES,
        Priority.TRANSACTIONAL,
        Priority.TRANSACTIONAL,
    ]


def test_a_full_queue_waits_and_leaves_nobody_out(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul)
    relay = place.world.relay
    relay.settings = evolve(relay.settings, max_queue=fanout.SLICE + 10)
    relay.carriers["a"].hold()
    place.say(PAUL, "one")
    place.later(5)
    assert 0 < relay.queued <= fanout.SLICE + 10
    relay.carriers["a"].release()
    place.later(30)
    assert set(map(tuple, got(place, readers).values())) == {("@paul: one",)}


def test_at_night_a_post_is_counted_and_not_sent(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul, 300)
    place.later(15 * 3600)  # midnight in Paris
    place.say(PAUL, "one")
    place.say(PAUL, "two")
    place.later(5)
    assert sum(map(len, got(place, readers).values())) == 0
    held = place.world.engine.select("SELECT DISTINCT kind, what FROM microblog_held")
    assert held == [("posts", 2)]
    place.later(8 * 3600)
    digests = got(place, readers).values()
    assert {len(one) for one in digests} == {1}
    assert all(one[0].startswith("New tweets while you were quiet: 2.") for one in digests)


def test_an_answer_goes_to_those_who_follow_both(place: Place) -> None:
    paul, marie = place.member("paul", PAUL), place.member("marie", MARIE)
    readers = crowd(place, paul, 4)
    place.follows(readers[0], marie)
    place.say(PAUL, "@marie bonjour")
    place.later(2)
    assert [len(one) for one in got(place, readers).values()] == [1, 0, 0, 0]
    assert place.received(MARIE) == ["@paul: @marie bonjour"]


def test_counts_do_not_get_lost_beside_other_changes(place: Place) -> None:
    """A row that was read before somebody followed is not written back as it was."""
    paul, marie = place.member("paul", PAUL), place.member("marie", MARIE)

    def work() -> None:
        stale = place.user("paul")
        place.blog.users.put_follow(Follow(paul.id, marie.id, True, False, 1))
        place.blog.users.change(stale, bio="Boulanger")
        place.blog.posts.add(stale, "Bonjour", 1)
        place.blog.users.change(stale, location="Lille")

    place.work(work)
    now = place.user("paul")
    assert (now.followers, now.posts, now.bio, now.location) == (1, 1, "Boulanger", "Lille")


def test_who_is_suspended_reaches_nobody(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul)
    place.come(mo(b"Bonjour", SHORT, source_addr=PAUL))
    place.shell("suspend user paul")
    place.later(10)
    count = sum(map(len, got(place, readers).values()))
    place.say(PAUL, "encore")
    place.later(5)
    assert sum(map(len, got(place, readers).values())) == count
    assert place.posts == ["Bonjour"]


def test_few_get_a_post_in_the_commit_that_publishes_it(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul, fanout.FEW)
    place.world.relay.carriers["a"].hold()
    before = place.world.store.commits
    place.work(lambda: place.blog.posts.add(place.user("paul"), "Bonjour", 1))
    assert place.world.store.commits - before <= 2
    assert [phone for _, phone in queued(place)] == [one.phone for one in readers]
    assert place.world.engine.select("SELECT * FROM microblog_job") == []


def test_a_post_does_not_overtake_an_earlier_one_of_its_author(place: Place) -> None:
    """The earlier was for many; then most of them left."""
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul, fanout.FEW + 5)

    def both() -> None:
        place.blog.posts.add(place.user("paul"), "one", 1)
        for one in readers[3:]:
            place.blog.users.remove_follow(paul.id, one.id)
        place.blog.posts.add(place.user("paul"), "two", 2)

    place.work(both)
    place.later(10)
    texts = got(place, readers)
    assert [texts[one.phone or ""] for one in readers[:3]] == [["@paul: one", "@paul: two"]] * 3
    assert [texts[one.phone or ""] for one in readers[3:]] == [[]] * (len(readers) - 3)


def test_a_count_that_is_wrong_leaves_nobody_out(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul, fanout.FEW + 30)
    place.change("paul", followers=0)
    place.say(PAUL, "one")
    place.later(10)
    assert set(map(tuple, got(place, readers).values())) == {("@paul: one",)}


def test_few_wait_for_room_like_all_others(place: Place) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul, 5)
    relay = place.world.relay
    before = relay.settings
    relay.settings = evolve(before, max_queue=3)
    place.say(PAUL, "one")
    place.later(5)
    assert sum(map(len, got(place, readers).values())) == 0
    relay.settings = before
    place.later(5)
    assert set(map(tuple, got(place, readers).values())) == {("@paul: one",)}


def test_a_slice_that_fails_is_done_again_and_repeats_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    paul = place.member("paul", PAUL)
    readers = crowd(place, paul)
    serve, calls = place.blog.delivery.posts, []

    def fail(*arguments: object) -> int:
        calls.append(arguments)
        reached = serve(*arguments)  # type: ignore[arg-type]
        if len(calls) in (2, 5):
            raise RuntimeError("a bug")
        return reached

    monkeypatch.setattr(place.blog.delivery, "posts", fail)
    place.say(PAUL, "one")
    place.later(30)
    assert len(calls) > READERS // fanout.SLICE
    assert set(map(tuple, got(place, readers).values())) == {("@paul: one",)}
    assert place.world.engine.select("SELECT * FROM microblog_job") == []


def test_no_more_slices_wait_than_are_meant_to(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    paul = place.member("paul", PAUL)
    crowd(place, paul, 30 * fanout.SLICE)
    transact, waiting, most = place.world.store.transact, [0], [0]

    def counted(work: Any) -> Any:
        waiting[0] += 1
        most[0] = max(most[0], waiting[0])

        def over(result: Any) -> Any:
            waiting[0] -= 1
            return result

        return transact(work).addBoth(over)

    monkeypatch.setattr(place.world.store, "transact", counted)
    place.work(lambda: place.blog.posts.add(place.user("paul"), "one", 1))
    place.later(5)
    assert place.world.engine.select("SELECT * FROM microblog_job") == []
    assert fanout.AHEAD - 1 <= most[0] <= fanout.AHEAD + 1
