"""The review of a finished shot: measured rightly, and all its files there."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from relip.demo import Scene
from relip.errors import StageMissingError
from relip.plate import write_exr
from relip.progress import Progress
from relip.review import measure, sheet, stage
from relip.shot import Shot
from relip.speech import stage as speech_stage
from relip.speech import word_table, write_textgrid

QUIET = Progress("none")
METRICS = {"max_difference_outside_matte": 0.0, "passed_through": []}


@pytest.fixture(scope="module")
def reviewed(finished_shot: Path, tmp_path_factory: pytest.TempPathFactory) -> Shot:
    folder = shutil.copytree(finished_shot, tmp_path_factory.mktemp("review") / "sh010.relip")
    shot = Shot.open(folder)
    report = stage.run(shot, progress=QUIET)
    assert report.done == list(shot.frames)
    assert not report.failed
    return shot


def test_files(reviewed: Shot):
    names = {p.name for p in reviewed.path("review").iterdir()}
    assert names == {
        "metrics.json", "sheet.png", "curves.png", "preview.mp4", "report.html", "record.json",
        "speech.png",
    }  # fmt: skip


def test_metrics(reviewed: Shot):
    data = json.loads(reviewed.path("review", "metrics.json").read_text())
    assert data["max_difference_outside_matte"] == 0
    assert data["passed_through"] == []
    sync = data["sync"]
    assert sync["frames"] == len(reviewed.frames)
    assert -1 <= sync["opening_r"] <= 1
    # "five big plums": f closes nothing, b p m do
    assert sync["closures"] == 3
    assert sync["closures_closed"] + len(sync["closures_open"]) == 3


def test_sheet_and_curves(reviewed: Shot):
    picture = cv2.imread(str(reviewed.path("review", "sheet.png")))
    assert picture.shape == (4 * 260, 6 * 240, 3)
    assert picture.std() > 20
    assert cv2.imread(str(reviewed.path("review", "curves.png"))).std() > 5


def test_preview(reviewed: Shot, demo_sequence):
    scene = Scene(demo_sequence.n_frames, size=240)
    with av.open(str(reviewed.path("review", "preview.mp4"))) as movie:
        video, sound = movie.streams.video[0], movie.streams.audio[0]
        assert (video.width, video.height, video.average_rate) == (240, 240, reviewed.rate)
        pictures = [f.to_ndarray(format="rgb24") for f in movie.decode(video)]
        movie.seek(0)
        samples = sum(f.samples for f in movie.decode(sound))
        assert samples / sound.rate == pytest.approx(len(pictures) / float(reviewed.rate), abs=0.1)
    assert len(pictures) == len(reviewed.frames)
    # outside the face it is the plate as one would see it
    for i in (0, 20, 39):
        shown = 255 * scene.render(i)[:30]
        assert np.abs(pictures[i][:30] - shown).mean() < 12


def test_a_large_face_is_no_moire():
    """Lines one pixel wide are grey when they are shrunk, not lines of another width."""
    lines = np.zeros((1200, 1200, 3), np.uint8)
    lines[:, ::2] = 200
    tile = sheet.face_tile(lines, np.array([600.0, 600.0]), 480.0, "plate 1")[: sheet.TILE]
    assert abs(tile.mean() - 100) < 2 and tile.std() < 3
    # and it is where it was
    spot = np.zeros((1200, 1200, 3), np.uint8)
    spot[700:708, 500:508] = 255
    y, x = np.argwhere(
        sheet.face_tile(spot, np.array([600.0, 600.0]), 480.0, "")[..., 0] > 99
    ).mean(0)
    assert abs(x + 0.5 - 96) < 0.6 and abs(y + 0.5 - 146) < 0.6


def test_report(reviewed: Shot):
    page = reviewed.path("review", "report.html").read_text("utf-8")
    for source in re.findall(r'src="([^"]+)"', page):
        assert reviewed.path("review", source).is_file(), source
    for word in ("sh010.relip", "p b m closed", "outside the matte", "speech: ", "track: "):
        assert word in page
    assert page.rstrip().endswith("</html>")


def test_what_to_look_at_stands_before_the_figures(reviewed: Shot):
    page = reviewed.path("review", "report.html").read_text("utf-8")
    order = ["preview.mp4", "p b m closed", "sheet.png", "curves.png", "speech.png", "<details>"]
    places = [page.index(word) for word in (*order, "track: jitter")]
    assert places == sorted(places)


def test_the_report_holds_no_python(reviewed: Shot):
    page = reviewed.path("review", "report.html").read_text("utf-8")
    cells = re.findall(r"<td>([^<]*)</td>", page)
    assert len(cells) > 10
    for cell in cells:
        assert not re.search(r"[{}\[\]]|&#x27;[a-z_]+&#x27;:|\b(True|False|None)\b", cell), cell
    assert "<th>track: jitter percent fw</th>" in page
    assert stage._told({"a_b": [1, 0.123456], "c": True}) == "a b 1 0.1235, c yes"


def test_report_shows_how_sure_every_word_is(reviewed: Shot):
    page = reviewed.path("review", "report.html").read_text("utf-8")
    shown = re.findall(r'<span class="(green|amber|red)"[^>]*>([^<]+)</span>', page)
    said = [(w["colour"], w["word"]) for w in word_table(speech_stage.read_phones(reviewed))]
    assert shown == said and len(shown) >= 3
    # a word that fits badly is red, in the page and in the picture
    grid = reviewed.path("overrides", "phones.TextGrid")
    alignment = speech_stage.read_phones(reviewed)
    doubt = (0.05, *alignment.word_confidences[1:])
    write_textgrid(grid, replace(alignment, word_confidences=doubt))
    try:
        stage.write_report(reviewed, reviewed.path("review"), {**METRICS}, None)
        changed = reviewed.path("review", "report.html").read_text("utf-8")
        assert re.search(rf'<span class="red"[^>]*>{said[0][1]}</span>', changed)
    finally:
        grid.unlink()
        reviewed.path("review", "report.html").write_text(page, "utf-8")


def test_made_once_and_again_when_a_patch_changes(reviewed: Shot, tmp_path: Path):
    report = stage.run(reviewed, progress=QUIET)
    assert report.kept == list(reviewed.frames) and not report.done
    assert report.data["max_difference_outside_matte"] == 0
    before = stage.review_key(reviewed)
    patch = {c: np.zeros((4, 4), np.float32) for c in "RGBA"}
    override = reviewed.path("overrides", "patch.1003.exr")
    write_exr(override, patch, display=(240, 240), origin=(-20, 400))
    try:
        assert stage.review_key(reviewed) != before
        # a patch outside the picture leaves the plate, and the review says so
        changed = stage.run(reviewed, progress=QUIET)
        assert changed.done and changed.data["max_difference_outside_matte"] == 0
    finally:
        override.unlink()
    assert stage.review_key(reviewed) == before


def test_not_rendered(shot_copy: Path):
    shot = Shot.open(shot_copy)
    shutil.rmtree(shot.path("render"))
    with pytest.raises(StageMissingError, match="relip render"):
        stage.run(shot, progress=QUIET, force=True)
    assert not shot.path("review", "preview.mp4").exists()
    assert not list(shot.path("review").glob(".*"))


def test_unreadable_frames_do_not_shift_the_preview(shot_copy: Path, demo_sequence):
    """A picture for every frame: sound and picture stay together."""
    shot = Shot.open(shot_copy)
    plate = shot_copy.parent / "plate"
    shutil.copytree(demo_sequence.path.parent, plate)
    shot = shot.change(
        plate={"path": str(plate / demo_sequence.path.name)}, render={"drive": "track"}
    )
    for frame in (1019, 1020, 1040):
        (plate / f"plate.{frame}.exr").write_bytes(b"damaged")
    report = stage.run(shot, progress=QUIET)
    assert sorted(report.failed) == [1019, 1020, 1040]
    assert count_frames(shot.path("review", "preview.mp4")) == len(shot.frames)


def test_the_first_picture_stands_in_for_those_before_it(reviewed: Shot, tmp_path: Path):
    path = tmp_path / "preview.mp4"
    with stage.Preview(reviewed, path) as preview:
        preview.repeat()
        preview.repeat()
        for grey in (60, 90, 120):
            preview.write(np.full((240, 240, 3), grey, np.uint8))
        preview.repeat()
    with av.open(str(path)) as movie:
        greys = [f.to_ndarray(format="rgb24").mean() for f in movie.decode(video=0)]
    np.testing.assert_allclose(greys, [60, 60, 60, 90, 120, 120], atol=3)


def count_frames(path: Path) -> int:
    with av.open(str(path)) as movie:
        return sum(1 for _ in movie.decode(video=0))


# --- does the picture say what the dialogue says? -------------------------------------------------


def talking(curves: np.ndarray, first: int, late: int) -> Iterator[tuple[int, np.ndarray]]:
    """The demo's face with its mouth driven by curves, ``late`` frames late."""
    rows = np.clip(np.arange(len(curves)) - late, 0, None)
    scene = Scene(len(curves), size=240, controls=curves[rows])
    for i in range(len(curves)):
        yield first + i, np.round(255 * scene.render(i)).astype(np.uint8)


@pytest.mark.parametrize("late", [0, 3])
def test_sync_of_a_mouth_that_is_known(reviewed: Shot, late: int):
    curves = speech_stage.load(reviewed).curves
    count = len(reviewed.frames)
    sync = measure.measure_sync(reviewed, talking(curves, reviewed.frames[0], late), QUIET, count)
    assert sync.frames == list(reviewed.frames)
    assert sync.lag == late
    data = sync.to_dict()
    assert data["closures"] == 3
    if not late:
        assert sync.r > 0.9
        assert data["closures_closed"] == 3
    else:
        assert sync.r < 0.9
        assert metrics_at(sync, late) > 0.9


def metrics_at(sync: measure.Sync, lag: int) -> float:
    return float(np.corrcoef(sync.driven[:-lag], sync.seen[lag:])[0, 1])


def test_sync_without_a_face(reviewed: Shot):
    grey = ((f, np.full((240, 240, 3), 90, np.uint8)) for f in reviewed.frames)
    sync = measure.measure_sync(reviewed, grey, QUIET, len(reviewed.frames))
    data = sync.to_dict()
    assert data["frames"] == 0 and data["opening_r"] == 0 and data["closures"] == 0
    assert data["closures_closed_percent"] is None
    json.dumps(data, allow_nan=False)
