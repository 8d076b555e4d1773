"""Reading movies: every picture, exactly, in any order."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from plate_making import moving_pictures, smooth_codes, write_planes

from relip.errors import ColourError, PlateError
from relip.plate import BadFrame, MovieWriter, Picture, open_plate
from relip.plate.yuv import Coding, decode


def _truth(planes: list[np.ndarray], coding: Coding) -> np.ndarray:
    return decode(planes, coding, half=coding.fits_half)


SD = Coding(8, 1, 1, "bt601", False)


def test_pictures_are_the_codes_that_were_written(movie: Path) -> None:
    with open_plate(movie) as plate:
        assert (plate.kind, plate.width, plate.height) == ("movie", 96, 64)
        assert plate.frames == range(1, 41)
        assert plate.rate == Fraction(25)
        assert plate.half
        json.dumps(plate.info)
        for picture, planes in zip(plate.iter(), moving_pictures(40), strict=True):
            np.testing.assert_array_equal(picture.rgb, _truth(planes, SD))


def test_any_order_gives_the_same_pictures(movie: Path) -> None:
    with open_plate(movie) as plate:
        forward = {p.frame: p.rgb for p in plate.iter()}
        for frame in (40, 1, 17, 16, 13, 12, 29, 30, 31, 2, 25, 24, 40):
            picture = plate.read(frame)
            assert picture.frame == frame
            np.testing.assert_array_equal(picture.rgb, forward[frame])
        some = list(plate.iter([30, 7, 8, 7, 39]))
        assert [p.frame for p in some] == [7, 8, 30, 39]
        for picture in some:
            np.testing.assert_array_equal(picture.rgb, forward[picture.frame])


@pytest.mark.parametrize("codec", ["libx265", "mpeg4", "prores_ks", "mjpeg", "mpeg2video"])
def test_random_access_in_every_kind_of_codec(tmp_path: Path, codec: str) -> None:
    path = tmp_path / ("m.mov" if codec in ("prores_ks", "mjpeg") else "m.mp4")
    options = {"x265-params": "log-level=none:bframes=3"} if codec == "libx265" else {}
    if codec == "prores_ks":
        pictures = [
            [p[0].astype(np.uint16) * 4]
            + [np.repeat(c, 2, axis=0).astype(np.uint16) * 4 for c in p[1:]]
            for p in moving_pictures(30)
        ]
        pix_fmt = "yuv422p10le"
    else:
        pictures = moving_pictures(30)
        pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    write_planes(path, pictures, pix_fmt, codec=codec, options=options)
    with open_plate(path) as plate:
        assert plate.frames == range(1, 31)
        forward = {p.frame: p.rgb for p in plate.iter()}
        assert len(forward) == 30
        for frame in (30, 14, 13, 1, 20):
            np.testing.assert_array_equal(plate.read(frame).rgb, forward[frame])
        # The pictures are in the right order: each is nearest to its own truth.
        coding = plate.coding
        truths = [_truth(p, coding) for p in pictures]
        for frame in (1, 10, 25):
            errors = [np.abs(forward[frame] - t).mean() for t in truths]
            assert int(np.argmin(errors)) == frame - 1


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "depth"),
    [
        ("yuv420p10le", "libx264", 10),
        ("yuv422p10le", "libx264", 10),
        ("yuv444p10le", "libx264", 10),
        ("yuv422p", "libx264", 8),
        ("yuv444p", "libx264", 8),
        ("yuv420p12le", "libx265", 12),
        ("yuv444p12le", "libx265", 12),
        ("gbrp10le", "libx265", 10),
        ("gbrp12le", "libx265", 12),
        ("gray", "ffv1", 8),
        ("gray10le", "ffv1", 10),
        ("yuv422p10le", "ffv1", 10),
        ("gbrp16le", "ffv1", 16),
        ("yuv444p16le", "ffv1", 16),
        ("yuv411p", "ffv1", 8),
        ("yuva444p10le", "ffv1", 10),
    ],
)
def test_no_bit_is_lost(tmp_path: Path, pix_fmt: str, codec: str, depth: int) -> None:
    rng = np.random.default_rng(1)
    dtype = np.uint8 if depth == 8 else np.uint16
    scale = 1 << (depth - 8)
    shape = (64, 96)
    small = {"420": (32, 48), "422": (64, 48), "411": (64, 24)}.get(pix_fmt[3:6], shape)
    count = 1 if pix_fmt.startswith("gray") else 4 if "yuva" in pix_fmt else 3
    shapes = [shape, small, small, shape][:count]
    # All bits of the codes are used, the lowest too.
    pictures = [
        [smooth_codes(rng, s, 16 * scale, 235 * scale, dtype) for s in shapes] for _ in range(3)
    ]
    options = {"x265-params": "lossless=1:log-level=none"} if codec == "libx265" else None
    path = write_planes(tmp_path / "m.mkv", pictures, pix_fmt, codec=codec, options=options, gop=3)
    with open_plate(path) as plate:
        assert plate.info["bit_depth"] == depth
        assert plate.half == (depth <= 10)
        for picture, planes in zip(plate.iter(), pictures, strict=True):
            np.testing.assert_array_equal(
                picture.rgb, _truth(planes[: plate.coding.planes], plate.coding)
            )


def test_tags_decide_matrix_range_and_colourspace(tmp_path: Path) -> None:
    pictures = moving_pictures(2)

    def tag(matrix: int, primaries: int, transfer: int, full: int) -> Path:
        def setup(stream: object) -> None:
            context = stream.codec_context  # type: ignore[attr-defined]
            context.colorspace, context.color_primaries = matrix, primaries
            context.color_trc, context.color_range = transfer, full

        name = f"{matrix}-{primaries}-{transfer}-{full}.mkv"
        return write_planes(tmp_path / name, pictures, "yuv420p", setup=setup)

    def check(path: Path, matrix: str, full: bool, space: str, source: str) -> None:
        with open_plate(path) as plate:
            assert plate.info["matrix"] == matrix
            assert plate.colourspace == space
            assert plate.info["colourspace_from"] == source
            coding = Coding(8, 1, 1, matrix, full)
            np.testing.assert_array_equal(plate.read(1).rgb, _truth(pictures[0], coding))

    check(tag(1, 1, 1, 1), "bt709", False, "Gamma 2.4 Encoded Rec.709", "tag")
    check(tag(6, 6, 6, 1), "bt601", False, "Gamma 2.4 Encoded Rec.709", "tag")
    check(tag(1, 1, 13, 2), "bt709", True, "sRGB Encoded Rec.709 (sRGB)", "tag")
    check(tag(9, 9, 16, 1), "bt2020", False, "Rec.2100-PQ - Display", "tag")
    check(tag(9, 9, 18, 1), "bt2020", False, "Rec.2100-HLG - Display", "tag")
    check(tag(2, 2, 2, 1), "bt601", False, "Gamma 2.4 Encoded Rec.709", "default")
    with pytest.raises(ColourError, match="--colourspace"):
        open_plate(tag(9, 9, 14, 1))
    with open_plate(tag(9, 9, 14, 1), colourspace="ACEScg") as plate:
        assert (plate.colourspace, plate.info["colourspace_from"]) == ("ACEScg", "given")
    with pytest.raises(ColourError, match="did you mean .*ACEScg"):
        open_plate(tag(1, 1, 1, 1), colourspace="ACESgc")


def test_untagged_high_definition_is_bt709(tmp_path: Path) -> None:
    pictures = moving_pictures(1, (64, 720))
    with open_plate(write_planes(tmp_path / "m.mkv", pictures, "yuv420p")) as plate:
        assert (plate.info["matrix"], plate.info["matrix_from"]) == ("bt709", "default")


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", [False, True])
def test_rotation_is_undone(tmp_path: Path, degrees: int, flip: bool) -> None:
    """A mark in the stored top-left corner lands where the display matrix says."""
    planes = [
        np.full((64, 96), 16, np.uint8),
        np.full((32, 48), 128, np.uint8),
        np.full((32, 48), 128, np.uint8),
    ]
    planes[0][:16, :32] = 235

    def setup(stream: object) -> None:
        stream.set_display_rotation(degrees, hflip=flip)  # type: ignore[attr-defined]

    path = write_planes(tmp_path / "m.mp4", [planes], "yuv420p", setup=setup)
    with open_plate(path) as plate:
        turned = degrees in (90, 270)
        assert (plate.width, plate.height) == ((64, 96) if turned else (96, 64))
        rgb = plate.read(1).rgb
        for x0, y0, x1, y1 in ((0, 0, 20, 12), (7, 9, 50, 60), (33, 30, 500, 400), (-3, -5, 4, 6)):
            # A rectangle is converted alone, before the whole picture was asked for.
            cut = plate.read(1).cut(x0, y0, x1, y1)
            np.testing.assert_array_equal(cut, rgb[max(y0, 0) : y1, max(x0, 0) : x1])
        assert plate.read(1).shape == rgb.shape[:2]
        assert plate.read(1).cut(10, 10, 10, 30).shape == (20, 0, 3)
    # libav's degrees count anticlockwise, as numpy's quarter turns do; the flip comes after.
    expected = np.rot90(_truth(planes, SD), degrees // 90)
    if flip:
        expected = expected[:, ::-1]
    np.testing.assert_array_equal(rgb, expected)


def test_pictures_are_the_same_when_their_codes_are(tmp_path: Path) -> None:
    one, two = moving_pictures(2)
    path = write_planes(tmp_path / "m.mkv", [one, one, two], "yuv420p")
    with open_plate(path) as plate:
        first, second, third = plate.iter()
        assert first.same_pixels(second) and not second.same_pixels(third)
        # A picture of bare pixels is compared by them.
        assert first.same_pixels(Picture(9, second.rgb.copy()))
        assert not first.same_pixels(Picture(9, third.rgb))
        again = first.numbered(7)
        assert (again.frame, first.frame) == (7, 1) and again.same_pixels(first)


@pytest.mark.parametrize(
    "rate",
    [Fraction(24000, 1001), Fraction(24), Fraction(30000, 1001), Fraction(60), Fraction(15)],
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_rates_are_exact(tmp_path: Path, rate: Fraction, suffix: str) -> None:
    path = write_planes(tmp_path / f"m.{suffix}", moving_pictures(50), "yuv420p", rate=rate)
    with open_plate(path) as plate:
        assert plate.rate == rate
        assert len(plate.frames) == 50
        assert not plate.info["variable_rate"]


def test_variable_rate_is_conformed_to_the_latest_picture(tmp_path: Path) -> None:
    """At 25 fps with times in 1/1000 s, some pictures last longer."""
    lasts = [1, 1, 3, 1, 1, 2, 1, 1, 1, 4, 1, 1, 1, 1, 1]
    starts = np.concatenate([[0], np.cumsum(lasts)[:-1]])
    pictures = moving_pictures(len(lasts))
    path = write_planes(
        tmp_path / "vfr.mkv",
        pictures,
        "yuv420p",
        times=[int(40 * s) for s in starts],
        time_base=Fraction(1, 1000),
    )
    shown = [i for i, n in enumerate(lasts) for _ in range(n)]
    with open_plate(path) as plate:
        assert plate.rate == Fraction(25)
        assert plate.info["variable_rate"]
        assert any("variable" in note for note in plate.info["notes"])
        assert len(plate.frames) == len(shown)
        for picture, which in zip(plate.iter(), shown, strict=True):
            np.testing.assert_array_equal(picture.rgb, _truth(pictures[which], SD))
        np.testing.assert_array_equal(plate.read(5).rgb, _truth(pictures[2], SD))
        np.testing.assert_array_equal(plate.read(4).rgb, _truth(pictures[2], SD))


def test_jitter_is_no_variable_rate(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times = [int(40 * i + rng.integers(-12, 13)) + 20 for i in range(30)]
    path = write_planes(
        tmp_path / "m.mkv",
        moving_pictures(30),
        "yuv420p",
        times=times,
        time_base=Fraction(1, 1000),
    )
    with open_plate(path) as plate:
        assert len(plate.frames) == 30
        assert not plate.info["variable_rate"]
        assert plate.rate == Fraction(25)


def test_odd_names(tmp_path: Path) -> None:
    folder = tmp_path / "a folder, with: colon"
    folder.mkdir()
    for name in ("take 01 #2 100%d.mp4", "ünïcode-映像.mov", "-dash.mkv", "no suffix"):
        source = write_planes(folder / "x.mp4", moving_pictures(3), "yuv420p")
        source.rename(folder / name)
        with open_plate(folder / name) as plate:
            assert len(list(plate.iter())) == 3


def test_frames_restrict_a_movie(movie: Path) -> None:
    with open_plate(movie, frames="5-9") as plate:
        assert [p.frame for p in plate.iter()] == [5, 6, 7, 8, 9]
        with pytest.raises(PlateError, match="5-9"):
            plate.read(10)


def test_fps_given_wins(movie: Path) -> None:
    with open_plate(movie, fps=Fraction(24)) as plate:
        assert plate.rate == 24
        assert len(plate.frames) == 40


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("this is no movie\n" * 100)
    empty = tmp_path / "empty.mov"
    empty.touch()
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(os.urandom(20000))
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    header_only = tmp_path / "header.mp4"
    header_only.write_bytes(
        write_planes(tmp_path / "m.mp4", moving_pictures(2), "yuv420p").read_bytes()[:40]
    )
    for path, reason in [
        (tmp_path / "none.mp4", "does not exist"),
        (text, "not a movie"),
        (empty, "is empty"),
        (noise, "not a movie"),
        (sound, "no video"),
        (header_only, "not a movie|no video|no picture"),
        (tmp_path / "nofolder" / "m.mov", "does not exist"),
    ]:
        with pytest.raises(PlateError, match=reason) as caught:
            open_plate(path)
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 3


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(os.urandom(20000))
    with pytest.raises(PlateError):
        open_plate(noise)
    out, err = capfd.readouterr()
    assert out + err == ""


def _packets(path: Path) -> list[tuple[int, int, int]]:
    """Position, size and time of each packet, in the order shown."""
    with av.open(str(path)) as container:
        found = [
            (p.pos, p.size, p.pts) for p in container.demux(video=0) if p.size and p.pts is not None
        ]
    return sorted(found, key=lambda p: p[2])


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Path, Path]:
    """A movie with a key every 12 pictures, and a copy with the 21st picture damaged."""
    good = write_planes(
        tmp_path / "good.mp4",
        moving_pictures(48, (320, 240)),
        "yuv420p",
        options={"crf": "20", "bf": "0"},
    )
    data = bytearray(good.read_bytes())
    place, size, _pts = _packets(good)[20]
    for i in range(place + size // 4, place + 3 * size // 4):
        data[i] ^= 0xA5
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(data)
    return good, bad


def test_damaged_pictures_are_named_and_the_others_are_good(damaged: tuple[Path, Path]) -> None:
    good, bad = damaged
    with open_plate(good) as plate:
        truth = {p.frame: p.rgb for p in plate.iter()}
    with open_plate(bad) as plate:
        assert len(plate.frames) == 48
        results = list(plate.iter(on_error="mark"))
        marked = [r.frame for r in results if isinstance(r, BadFrame)]
        assert 21 in marked
        # Pictures before it, and from the next key on, do not depend on it.
        assert set(marked) <= set(range(21, 25))
        for result in results:
            if not isinstance(result, BadFrame):
                np.testing.assert_array_equal(result.rgb, truth[result.frame])
        for frame in (48, 25, 24, 22, 21, 20, 1):
            if frame in marked:
                with pytest.raises(PlateError, match=rf"bad\.mp4 frame {frame} "):
                    plate.read(frame)
            else:
                np.testing.assert_array_equal(plate.read(frame).rgb, truth[frame])
        with pytest.raises(PlateError, match="frame 21 "):
            list(plate.iter())


def test_a_movie_cut_short_says_which_frames_it_lacks(tmp_path: Path) -> None:
    whole = write_planes(tmp_path / "m.mp4", moving_pictures(48, (320, 240)), "yuv420p")
    front = tmp_path / "front.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(front), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    data = front.read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: len(data) * 6 // 10])
    with open_plate(front) as plate:
        truth = {p.frame: p.rgb for p in plate.iter()}
    with open_plate(cut) as plate:
        assert len(plate.frames) == 48
        assert any("cut short" in note for note in plate.info["notes"])
        results = list(plate.iter(on_error="mark"))
        good = [r for r in results if not isinstance(r, BadFrame)]
        assert 10 < len(good) < 40
        for result in good:
            np.testing.assert_array_equal(result.rgb, truth[result.frame])
        with pytest.raises(PlateError, match="frame 48 .*ends before"):
            plate.read(48)


def test_fingerprint_follows_the_content(movie: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(movie.read_bytes())
    with open_plate(movie) as a, open_plate(copy) as b:
        assert a.fingerprint() == b.fingerprint() == a.fingerprint(3)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    with open_plate(movie) as a, open_plate(copy) as b:
        assert a.fingerprint() != b.fingerprint()


def test_threads_with_a_plate_each(movie: Path) -> None:
    with open_plate(movie) as plate:
        truth = {p.frame: p.rgb for p in plate.iter()}
    wrong: list[int] = []

    def work(first: int) -> None:
        with open_plate(movie) as mine:
            for frame in range(first, 41, 4):
                if not np.array_equal(mine.read(frame).rgb, truth[frame]):
                    wrong.append(frame)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_iterating_during_reading(movie: Path) -> None:
    with open_plate(movie) as plate:
        truth = {p.frame: p.rgb for p in plate.iter()}
        for picture in plate.iter():
            other = plate.read(41 - picture.frame)
            np.testing.assert_array_equal(other.rgb, truth[41 - picture.frame])
            np.testing.assert_array_equal(picture.rgb, truth[picture.frame])


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("no /proc here")

    def resident() -> int:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    path = write_planes(
        tmp_path / "long.mp4",
        moving_pictures(24, (320, 240)) * 17,
        "yuv420p",
        options={"preset": "ultrafast"},
    )
    with open_plate(path) as plate:
        assert len(plate.frames) == 408
        for picture in plate.iter():
            if picture.frame == 60:
                early = resident()
        late = resident()
    # One picture is 0.9 MB: 348 more of them would be 320 MB.
    assert late - early < 25e6


def test_real_footage(shared: Path) -> None:
    path = shared / "media" / "wide_open_man_7s.mp4"
    if not path.is_file():
        pytest.skip("no footage")
    with open_plate(path) as plate:
        pictures = {p.frame: p.rgb for p in plate.iter(range(1, 100, 7))}
        for frame in (92, 8, 50, 1):
            np.testing.assert_array_equal(plate.read(frame).rgb, pictures[frame])


def interlace(stream: Any) -> None:
    stream.options = {"x264-params": "tff=1:interlaced=1", "flags": "+ildct+ilme"}


def test_interlaced_movies_are_refused_or_taken_as_they_are(tmp_path: Path) -> None:
    path = write_planes(
        tmp_path / "i.mp4", moving_pictures(6), "yuv420p", options={}, setup=interlace
    )
    with pytest.raises(PlateError, match="is interlaced; de-interlace it first"):
        open_plate(path)
    with open_plate(path, interlaced="progressive") as plate:
        assert len(plate.frames) == 6
        assert "interlaced; its pictures are taken as whole ones" in plate.info["notes"]


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_timecode_is_read_and_kept(tmp_path: Path, suffix: str) -> None:
    def setup(stream: Any) -> None:
        if suffix == ".mkv":
            stream.container.metadata["timecode"] = "10:20:30:12"
        else:
            stream.metadata["timecode"] = "10:20:30:12"

    path = write_planes(tmp_path / f"t{suffix}", moving_pictures(6), "yuv420p", setup=setup)
    out = tmp_path / f"out{suffix}"
    with open_plate(path) as plate:
        assert plate.info["timecode"] == "10:20:30:12"
        with MovieWriter(out, plate, first_frame=3) as writer:
            for picture in plate.iter(range(3, 7)):
                writer.write(picture.rgb)
    with av.open(str(out)) as container:
        said = [container.metadata, *(s.metadata for s in container.streams)]
    assert any("10:20:30:14" in (m.get("timecode"), m.get("TIMECODE")) for m in said)


@pytest.mark.parametrize(
    ("profile", "pix_fmt", "depth"),
    [
        ("dnxhr_hqx", "yuv422p10le", 10),
        ("dnxhr_hq", "yuv422p", 8),
        ("dnxhr_444", "yuv444p10le", 10),
    ],
)
def test_dnxhr_stays_dnxhr(tmp_path: Path, profile: str, pix_fmt: str, depth: int) -> None:
    wide = 256 if "444" in pix_fmt else 128
    dtype = np.uint8 if depth == 8 else np.uint16
    scale = 1 << (depth - 8)
    rng = np.random.default_rng(0)
    planes = [
        smooth_codes(rng, (128, w), 16 * scale, 235 * scale, dtype) for w in (256, wide, wide)
    ]
    path = write_planes(
        tmp_path / "d.mov", [planes] * 3, pix_fmt, codec="dnxhd", options={"profile": profile}
    )
    out = tmp_path / "out.mov"
    with open_plate(path) as plate:
        with MovieWriter(out, plate, frames=3) as writer:
            for picture in plate.iter():
                writer.write(picture.rgb)
        assert writer.notes == []
        with open_plate(out) as again:
            for key in ("codec", "profile", "pix_fmt"):
                assert again.info[key] == plate.info[key]
            error = np.abs(again.read(2).rgb - plate.read(2).rgb)
            assert error.mean() < 0.01


def test_a_movie_with_several_sound_streams(tmp_path: Path) -> None:
    path = tmp_path / "s.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sounds = [container.add_stream("pcm_s16le", rate=48000, layout="mono") for _ in range(3)]
        for number in range(5):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for sound in sounds:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 48000, 0
            container.mux(sound.encode(frame))
    with open_plate(path) as plate:
        assert len(plate.info["audio"]) == 3
        assert any("3 sound streams" in note for note in plate.info["notes"])


@pytest.mark.parametrize(("policy", "shown"), [("hold", True), ("skip", False)])
def test_a_movie_cut_short(tmp_path: Path, movie: Path, policy: str, shown: bool) -> None:
    """What the container promises and lacks is held or left out, as the shot says."""
    with open_plate(movie) as plate:
        last = len(plate.frames)
        grid = plate.index.grid.copy()
        grid[-2:] = plate.index.pictures + 3, -1
        plate.index = dataclasses.replace(plate.index, grid=grid)
        plate._missing = policy
        found = list(plate.iter(range(last - 2, last + 1), on_error="mark"))
    assert not isinstance(found[0], BadFrame)
    for each in found[1:]:
        if shown:
            np.testing.assert_array_equal(each.rgb, found[0].rgb)
        else:
            assert isinstance(each, BadFrame) and each.skipped


def test_tags_of_the_file_count_where_the_pictures_say_nothing(tmp_path: Path) -> None:
    """ProRes with a colr atom alone: decoding must not make it untagged."""

    def setup(stream: Any) -> None:
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, 16

    planes = [p.astype(np.uint16) * 4 for p in moving_pictures(1, (96, 64))[0]]
    planes[1:] = [np.repeat(p, 2, axis=0) for p in planes[1:]]
    path = write_planes(
        tmp_path / "p.mov", [planes] * 2, "yuv422p10le", codec="prores_ks", options={}, setup=setup
    )
    with open_plate(path) as plate:
        assert (plate.info["matrix"], plate.info["matrix_from"]) == ("bt2020", "tag")
        assert plate.info["transfer"] == "pq" and plate.info["primaries"] == "bt2020"


def test_an_unknown_codec(tmp_path: Path) -> None:
    """FFmpeg opens the container and knows no decoder: found by fuzzing."""
    path = write_planes(tmp_path / "a.mkv", moving_pictures(3), "yuv420p")
    data = path.read_bytes()
    assert b"V_MPEG4/ISO/AVC" in data
    path.write_bytes(data.replace(b"V_MPEG4/ISO/AVC", b"V_XPEG4/ISO/AVX"))
    with pytest.raises(PlateError, match="codec of its video is not known"):
        open_plate(path)
