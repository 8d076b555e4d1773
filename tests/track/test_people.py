"""Faces become people, and the one asked for is followed, whoever crosses the picture."""

from __future__ import annotations

import face_making
import numpy as np
import pytest

from relip.errors import FaceError, SettingError
from relip.track.people import Person, check_choice, choose, meet, parse_choice
from relip.track.points import face_width

COUNT = 40
FRAMES = range(1001, 1001 + COUNT)


def face(x: float, y: float, width: float) -> np.ndarray:
    made = face_making.with_mouth(0.05).copy()
    made *= width / face_width(made)
    made[:, :2] += (x, y) - made[:, :2].mean(0)
    return made


def gather(rows: list[list[np.ndarray]]) -> list[Person]:
    crowd: list[Person] = []
    for row, faces in enumerate(rows):
        if faces:
            meet(crowd, row, faces)
    return crowd


def walk(person: Person) -> np.ndarray:
    return np.array([f[:, :2].mean(0) for f in person.faces.values()])


def two_at_rest(swap: bool = True) -> list[list[np.ndarray]]:
    """A large face at the left, a small one at the right, named in changing order."""
    rows = []
    for row in range(COUNT):
        pair = [face(200 + row, 300, 160), face(620 - row, 280, 110)]
        rows.append(pair[::-1] if swap and row % 3 else pair)
    return rows


def test_two_people_stay_two():
    crowd = gather(two_at_rest())
    assert [len(p.faces) for p in crowd] == [COUNT, COUNT]
    for person in crowd:
        assert np.abs(np.diff(walk(person), axis=0)).max() < 1.5


def test_people_of_one_size_that_pass_each_other_are_not_swapped():
    """They walk towards each other at different heights; each keeps its height."""
    rows = [[face(200 + 10 * r, 250, 120), face(620 - 10 * r, 330, 118)] for r in range(COUNT)]
    crowd = gather(rows)
    assert [len(p.faces) for p in crowd] == [COUNT, COUNT]
    for person in crowd:
        assert np.ptp(walk(person)[:, 1]) < 1


def test_one_who_leaves_is_not_replaced_by_who_stays():
    rows = two_at_rest()
    rows[10:] = [[r[0] if face_width(r[0]) < 130 else r[1]] for r in rows[10:]]
    crowd = gather(rows)
    assert sorted(len(p.faces) for p in crowd) == [10, COUNT]


def test_a_face_comes_back_after_a_gap():
    rows = two_at_rest()
    for row in range(12, 20):
        rows[row] = [f for f in rows[row] if face_width(f) < 130]
    crowd = gather(rows)
    assert sorted(len(p.faces) for p in crowd) == [COUNT - 8, COUNT]


def test_a_lone_face_is_one_person_however_far_it_jumps():
    crowd = gather([[face(200, 300, 100)], [face(900, 300, 220)], [face(100, 100, 60)]])
    assert len(crowd) == 1


def test_the_largest_is_chosen_by_default():
    crowd = gather(two_at_rest())
    chosen = choose(crowd, "", FRAMES, "plate")
    assert chosen is not None
    assert face_width(chosen.faces[5]) == pytest.approx(160)
    assert choose([], "", FRAMES, "plate") is None


@pytest.mark.parametrize("text", ["620,280@1001", "600,280@1021", "620,280", " 585 , 275 @ 1036 "])
def test_the_one_pointed_at_is_chosen(text: str):
    chosen = choose(gather(two_at_rest()), text, FRAMES, "plate")
    assert chosen is not None
    assert face_width(chosen.faces[5]) == pytest.approx(110)


def test_pointing_beside_every_face_says_where_they_are():
    with pytest.raises(FaceError, match="no face at 900,900 in frame 1001") as caught:
        choose(gather(two_at_rest()), "900,900@1001", FRAMES, "plate.mp4")
    assert "20" in str(caught.value.mend) and ";" in str(caught.value.mend)


@pytest.mark.parametrize("face", ["900,70", "-1,70@1001", "40,-5,60,-1", "640,360,700,400@1002"])
def test_a_place_outside_the_picture_is_refused(face: str):
    with pytest.raises(FaceError, match="plate.mp4: its pictures are 320x240, and --face"):
        check_choice(face, FRAMES, (320, 240), "plate.mp4")


@pytest.mark.parametrize(
    "face", ["", "largest", "0,0", "320,240@1001", "-20,-20,60,60", "9,9,999,999"]
)
def test_a_place_that_reaches_into_the_picture_is_not(face: str):
    check_choice(face, FRAMES, (320, 240), "plate.mp4")


def test_a_frame_outside_the_shot_is_refused():
    with pytest.raises(FaceError, match="2000"):
        check_choice("200,300@2000", FRAMES, (1920, 1080), "plate.mp4")


@pytest.mark.parametrize(
    "text", ["550,200,700,360@1001", "400,100,800,400", "500,0,1000,1000@1010"]
)
def test_a_box_around_a_face_chooses_it(text: str):
    chosen = choose(gather(two_at_rest()), text, FRAMES, "plate")
    assert chosen is not None
    assert face_width(chosen.faces[5]) == pytest.approx(110)


def test_a_box_beside_every_face_is_refused():
    with pytest.raises(FaceError, match="no face at 700,300,900,500 in frame 1001"):
        choose(gather(two_at_rest()), "700,300,900,500@1001", FRAMES, "plate")


def test_looks_keep_two_apart_who_stand_in_one_place():
    """After a cut the place says nothing: the second face is a newcomer, then the first is back."""
    crowd: list[Person] = []
    looks = {"one": 0.9, "other": 0.4}
    for row, who in enumerate(["one", "one", "other", "other", "one"]):
        for person in crowd:
            person.run = row if row in (2, 4) else person.run

        def alike(person: Person, _: int, who: str = who) -> float:
            first = next(iter(person.faces))
            return looks["one" if (first == 0) == (who == "one") else "other"]

        meet(crowd, row, [face(300, 300, 100)], alike=alike)
    assert [sorted(p.faces) for p in crowd] == [[0, 1, 4], [2, 3]]


@pytest.mark.parametrize(
    "text", ["left", "1,2,3", "1@2", "1,2@x", "1..2,3", "1;2", "9,9,1,20@4", "1,2,3,4,5"]
)
def test_other_words_are_refused(text: str):
    with pytest.raises(SettingError, match="track.face"):
        parse_choice(text)


def test_words_understood():
    assert parse_choice("") is None and parse_choice("largest") is None
    assert parse_choice("12.5,-3") == (12.5, -3.0, None)
    assert parse_choice("640,360@-5") == (640.0, 360.0, -5)
    assert parse_choice("1, 2,30,40 @ 7") == (1.0, 2.0, 30.0, 40.0, 7)
    assert parse_choice("1,2,30,40") == (1.0, 2.0, 30.0, 40.0, None)
