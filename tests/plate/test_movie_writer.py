"""Writing a movie like the one that came in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from plate_making import moving_pictures, smooth_codes, write_planes

from relip.errors import AudioError, OutputError
from relip.plate import MovieWriter, open_plate
from relip.plate.sound import Sound, Track
from relip.records import output_error


def _rewrite(source: Path, target: Path, audio: Path | None = None) -> MovieWriter:
    with (
        open_plate(source) as plate,
        MovieWriter(target, plate, audio=audio, frames=len(plate.frames)) as writer,
    ):
        for picture in plate.iter():
            writer.write(picture.rgb)
    return writer


def _psnr(a: Path, b: Path) -> float:
    with open_plate(a) as first, open_plate(b) as second:
        assert len(first.frames) == len(second.frames)
        errors = [
            float(np.mean((x.rgb - y.rgb) ** 2))
            for x, y in zip(first.iter(), second.iter(), strict=True)
        ]
    return float(-10 * np.log10(np.mean(errors)))


def _wave(path: Path, samples: np.ndarray, rate: int, form: str = "s16") -> Path:
    """A WAV of (channels, n) float samples."""
    codec = {"s16": "pcm_s16le", "s32": "pcm_s24le"}[form]
    layout = {1: "mono", 2: "stereo"}[samples.shape[0]]
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        stream.codec_context.format = form
        if form == "s16":
            data = np.rint(samples.T * 32767).astype(np.int16).reshape(1, -1)
        else:
            data = np.rint(samples.T * (2**31 - 256)).astype(np.int32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), form, layout)
        frame.sample_rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _sound(path: Path) -> tuple[np.ndarray, int, str]:
    """Samples as a player gives them, (channels, n); rate; codec."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout.name, rate=stream.rate)
        parts = []
        for frame in container.decode(stream):
            parts += [f.to_ndarray() for f in resampler.resample(frame)]
        return np.concatenate(parts, axis=1), stream.rate, stream.codec.name


@pytest.mark.parametrize(
    ("codec", "pix_fmt", "suffix", "expected"),
    [
        ("libx264", "yuv420p", ".mp4", ("h264", "yuv420p")),
        ("libx264", "yuv422p", ".mkv", ("h264", "yuv422p")),
        ("libx264", "yuv444p10le", ".mov", ("h264", "yuv444p10le")),
        ("libx264", "yuv420p10le", ".mp4", ("h264", "yuv420p10le")),
        ("libx265", "yuv420p", ".mp4", ("hevc", "yuv420p")),
        ("libx265", "yuv420p10le", ".mov", ("hevc", "yuv420p10le")),
        ("libx265", "yuv420p12le", ".mkv", ("hevc", "yuv420p12le")),
        ("prores_ks", "yuv422p10le", ".mov", ("prores", "yuv422p10le")),
        ("prores_ks", "yuv422p10le", ".mp4", ("h264", "yuv422p10le")),
        ("mpeg4", "yuv420p", ".mp4", ("h264", "yuv420p")),
        ("ffv1", "yuv422p", ".mov", ("h264", "yuv422p")),
    ],
)
def test_codec_family_and_pixel_format_are_kept(
    tmp_path: Path, codec: str, pix_fmt: str, suffix: str, expected: tuple[str, str]
) -> None:
    depth = int(pix_fmt.rstrip("le").rpartition("p")[2] or 8)
    dtype = np.uint8 if depth == 8 else np.uint16
    pictures = []
    for y, *chroma in moving_pictures(5, (128, 96)):
        if "422" in pix_fmt or "444" in pix_fmt:
            chroma = [np.repeat(c, 2, axis=0) for c in chroma]
        if "444" in pix_fmt:
            chroma = [np.repeat(c, 2, axis=1) for c in chroma]
        pictures.append([(p.astype(dtype) << (depth - 8)).astype(dtype) for p in (y, *chroma)])
    options = {"x265-params": "log-level=none"} if codec == "libx265" else None
    source = write_planes(
        tmp_path / "in.mkv" if codec != "prores_ks" else tmp_path / "in.mov",
        pictures,
        pix_fmt,
        codec=codec,
        options=options,
    )
    target = tmp_path / f"out{suffix}"
    writer = _rewrite(source, target)
    with open_plate(target) as plate:
        assert (plate.codec, plate.pix_fmt) == expected
        if codec in ("mpeg4", "ffv1") or (codec, suffix) == ("prores_ks", ".mp4"):
            assert any("H.264" in note for note in writer.notes)
        else:
            assert writer.notes == []
    assert _psnr(source, target) > 39
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({source.name, target.name})


def _with_alpha(path: Path, count: int = 4) -> list[np.ndarray]:
    """A ProRes 4444 with an alpha that moves; its alphas, 0 to 1."""
    pictures, alphas = [], []
    for number, (y, *chroma) in enumerate(moving_pictures(count, (128, 96))):
        chroma = [np.repeat(np.repeat(c, 2, axis=0), 2, axis=1) for c in chroma]
        ramp = np.clip((np.arange(128)[None, :] - 20 - 10 * number) / 60, 0, 1).repeat(96, 0)
        alphas.append(ramp)
        codes = [p.astype(np.uint16) << 2 for p in (y, *chroma)]
        pictures.append([*codes, np.rint(ramp * 1023).astype(np.uint16)])
    write_planes(path, pictures, "yuva444p10le", codec="prores_ks", options={"profile": "4444"})
    return alphas


def test_the_alpha_of_prores_4444_is_kept(tmp_path: Path) -> None:
    alphas = _with_alpha(tmp_path / "in.mov")
    with (
        open_plate(tmp_path / "in.mov") as plate,
        MovieWriter(tmp_path / "out.mov", plate, frames=4) as writer,
    ):
        assert plate.has_alpha and not any("alpha" in n for n in plate.info["notes"])
        for picture, truth in zip(plate.iter(), alphas, strict=True):
            assert picture.alpha is not None and picture.alpha.dtype == np.float32
            assert np.abs(picture.alpha - truth).max() < 1 / 1000
            writer.write(picture.rgb, picture.alpha)
    assert writer.alpha and not any("alpha" in n for n in writer.notes)
    with open_plate(tmp_path / "out.mov") as made, open_plate(tmp_path / "in.mov") as plate:
        assert made.pix_fmt.startswith("yuva444p") and made.profile == plate.profile
        for after, before, truth in zip(made.iter(), plate.iter(), alphas, strict=True):
            assert np.abs(after.alpha - before.alpha).max() < 1 / 1000
            # Wholly opaque and wholly clear stay so.
            assert (after.alpha[truth == 1] == 1).all() and (after.alpha[truth == 0] == 0).all()
    assert _psnr(tmp_path / "in.mov", tmp_path / "out.mov") > 39


@pytest.mark.parametrize("degrees", [0, 90])
@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format"),
    [
        ("mp4", "libx264", "yuv420p"),
        ("mov", "prores_ks", "yuv422p10le"),
        # written with other subsampling: there are no codes to take over
        ("mkv", "ffv1", "yuv410p"),
    ],
)
def test_a_painted_picture_is_written_like_the_whole(
    tmp_path: Path, suffix: str, codec: str, pixel_format: str, degrees: int
) -> None:
    def setup(stream: object) -> None:
        stream.set_display_rotation(degrees)  # type: ignore[attr-defined]

    source = tmp_path / f"in.{suffix}"
    chroma = {"yuv410p": (2, 2), "yuv422p10le": (1, 0), "yuv420p": (1, 1)}[pixel_format]
    rng = np.random.default_rng(3)
    kind, top = (np.uint16, 1023) if pixel_format.endswith("10le") else (np.uint8, 255)
    coarse = rng.integers(top // 8, top // 2, (12, 16)).astype(kind)
    luma = np.kron(coarse, np.ones((8, 8), kind))
    grey = np.full((96 >> chroma[1], 128 >> chroma[0]), (top + 1) // 2, kind)
    write_planes(source, [[luma, grey, grey]] * 3, pixel_format, codec=codec, setup=setup)
    pixels = rng.uniform(0.2, 0.8, (30, 41, 3)).astype(np.float32)
    made = []
    for number in range(2):
        target = tmp_path / f"out{number}.{'mov' if suffix == 'mov' else 'mp4'}"
        with open_plate(source) as plate, MovieWriter(target, plate, frames=3) as writer:
            for picture in plate.iter():
                if number:
                    writer.write_painted(picture, pixels, (13, 22))
                else:
                    rgb = picture.rgb.copy()
                    rgb[22:52, 13:54] = pixels
                    writer.write(rgb)
        with open_plate(target) as plate:
            made.append([p.rgb for p in plate.iter()])
    for whole, part in zip(*made, strict=True):
        np.testing.assert_allclose(part, whole, atol=1.5 / 255)
        assert np.abs(part[25:45, 20:45] - pixels[3:23, 7:32]).mean() < 0.2


def test_the_alpha_goes_with_a_painted_picture(tmp_path: Path) -> None:
    alphas = _with_alpha(tmp_path / "in.mov")
    with (
        open_plate(tmp_path / "in.mov") as plate,
        MovieWriter(tmp_path / "out.mov", plate, frames=4) as writer,
    ):
        for picture in plate.iter():
            writer.write_painted(picture)
    with open_plate(tmp_path / "out.mov") as made:
        for after, truth in zip(made.iter(), alphas, strict=True):
            assert np.abs(after.alpha - truth).max() < 2 / 1000
    assert _psnr(tmp_path / "in.mov", tmp_path / "out.mov") > 39


def test_an_alpha_that_the_new_codec_has_not_is_said_to_be_left_out(tmp_path: Path) -> None:
    _with_alpha(tmp_path / "in.mov")
    writer = _rewrite(tmp_path / "in.mov", tmp_path / "out.mp4")
    assert not writer.alpha and any("alpha" in note for note in writer.notes)


def test_a_movie_as_exr_has_its_alpha(tmp_path: Path) -> None:
    from relip.plate import read_exr, write_comp

    _with_alpha(tmp_path / "in.mov", 1)
    with open_plate(tmp_path / "in.mov") as plate:
        picture = plate.read(1)
        write_comp(tmp_path / "out.exr", picture, picture.rgb, half=False)
    channels, _, _, _ = read_exr(tmp_path / "out.exr")
    np.testing.assert_array_equal(channels["A"], picture.alpha)
    np.testing.assert_array_equal(channels["G"], picture.rgb[..., 1])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_tags_rate_and_aspect_are_kept(tmp_path: Path, suffix: str) -> None:
    def setup(stream: object) -> None:
        context = stream.codec_context  # type: ignore[attr-defined]
        context.colorspace, context.color_primaries, context.color_trc = 9, 9, 16
        context.color_range = 1
        context.sample_aspect_ratio = Fraction(4, 3)

    rate = Fraction(24000, 1001)
    source = write_planes(
        tmp_path / "in.mkv", moving_pictures(6), "yuv420p", rate=rate, setup=setup
    )
    target = tmp_path / f"out{suffix}"
    _rewrite(source, target)
    with open_plate(source) as before, open_plate(target) as after:
        assert after.rate == before.rate == rate
        assert after.tags == before.tags
        assert after.colourspace == "Rec.2100-PQ - Display"
        assert after.pixel_aspect == Fraction(4, 3)
    assert _psnr(source, target) > 42


def test_full_range_is_kept(tmp_path: Path) -> None:
    def setup(stream: object) -> None:
        context = stream.codec_context  # type: ignore[attr-defined]
        context.color_range, context.colorspace = 2, 1

    source = write_planes(tmp_path / "in.mp4", moving_pictures(4), "yuv420p", setup=setup)
    _rewrite(source, tmp_path / "out.mp4")
    with open_plate(tmp_path / "out.mp4") as plate:
        assert plate.info["range"] == "full"
    assert _psnr(source, tmp_path / "out.mp4") > 42


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_kept(tmp_path: Path, suffix: str, degrees: int) -> None:
    """Stored pixels and flag are as they were, and so is the upright picture."""

    def setup(stream: object) -> None:
        stream.set_display_rotation(degrees)  # type: ignore[attr-defined]

    source = write_planes(tmp_path / "in.mp4", moving_pictures(4), "yuv420p", setup=setup)
    target = tmp_path / f"out{suffix}"
    _rewrite(source, target)
    with open_plate(source) as before, open_plate(target) as after:
        assert (after.width, after.height) == (before.width, before.height)
        assert after.stored_size == before.stored_size
        assert after.info["rotation"] == before.info["rotation"] != 0
    assert _psnr(source, target) > 42


def test_odd_sizes_are_written_in_full_chroma(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    planes = [smooth_codes(rng, (63, 95), 16, 235, np.uint8)] + [
        smooth_codes(rng, (32, 48), 60, 190, np.uint8) for _ in range(2)
    ]
    source = write_planes(tmp_path / "in.mkv", [planes] * 3, "yuv420p", codec="ffv1")
    writer = _rewrite(source, tmp_path / "out.mp4")
    with open_plate(tmp_path / "out.mp4") as plate:
        assert (plate.width, plate.height) == (95, 63)
        assert plate.pix_fmt == "yuv444p"
    assert any("yuv444p" in note for note in writer.notes)
    assert _psnr(source, tmp_path / "out.mp4") > 40


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (22050, 1)])
@pytest.mark.parametrize("form", ["s16", "s32"])
def test_pcm_sound_is_exact_and_cut_to_the_picture(
    tmp_path: Path, movie: Path, suffix: str, rate: int, channels: int, form: str
) -> None:
    rng = np.random.default_rng(0)
    samples = rng.uniform(-0.8, 0.8, (channels, 3 * rate))
    wave = _wave(tmp_path / "new.wav", samples, rate, form)
    target = tmp_path / f"out{suffix}"
    _rewrite(movie, target, wave)
    found, found_rate, _codec = _sound(target)
    # 40 pictures at 25 fps: 1.6 s.
    assert found_rate == rate
    assert found.shape == (channels, round(1.6 * rate))
    np.testing.assert_array_equal(found, _sound(wave)[0][:, : found.shape[1]])
    assert np.abs(found - samples[:, : found.shape[1]]).max() < 2**-14


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (48000, 2), (8000, 1)])
def test_aac_sound_keeps_rate_channels_and_time(
    tmp_path: Path, movie: Path, rate: int, channels: int
) -> None:
    """A click stays where it is to the millisecond, and silence follows when it is shorter."""
    samples = np.zeros((channels, rate))
    place = rate // 2
    t = np.arange(rate // 100)
    samples[:, place : place + len(t)] = 0.7 * np.sin(2 * np.pi * 1000 * t / rate)
    target = tmp_path / "out.mp4"
    _rewrite(movie, target, _wave(tmp_path / "new.wav", samples, rate))
    found, found_rate, codec = _sound(target)
    assert (codec, found_rate, found.shape[0]) == ("aac", rate, channels)
    with av.open(str(target)) as container:
        stream = container.streams.audio[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(1.6, abs=1e-3)
    longest = max(len(samples[0]), found.shape[1])
    a = np.pad(samples[0], (0, longest - len(samples[0])))
    b = np.pad(found[0], (0, longest - found.shape[1]))
    spectrum = np.fft.rfft(b, 2 * longest) * np.conj(np.fft.rfft(a, 2 * longest))
    lag = int(np.argmax(np.fft.irfft(spectrum)))
    lag = lag - 2 * longest if lag > longest else lag
    assert abs(lag) <= rate / 1000
    assert np.abs(found[0][int(1.2 * rate) :]).max() < 0.01


def test_a_rate_aac_lacks_is_said(tmp_path: Path, movie: Path) -> None:
    wave = _wave(tmp_path / "new.wav", np.zeros((1, 20000)), 37800)
    writer = _rewrite(movie, tmp_path / "out.mp4", wave)
    assert any("37800" in note and "44100" in note for note in writer.notes)
    assert _sound(tmp_path / "out.mp4")[1] == 44100


@pytest.mark.parametrize(("channels", "kept"), [(6, 6), (8, 8), (9, 1), (24, 1)])
def test_aac_mixes_more_channels_than_it_has(
    tmp_path: Path, movie: Path, channels: int, kept: int
) -> None:
    t = np.arange(2 * 48000) / 48000
    samples = np.outer(0.5 * np.sin(2 * np.pi * 440 * t), np.linspace(0.2, 1, channels))
    wave = tmp_path / "poly.wav"
    soundfile.write(wave, samples, 48000, subtype="PCM_24")
    writer = _rewrite(movie, tmp_path / "out.mp4", wave)
    assert any("mean of its channels" in note for note in writer.notes) == (kept != channels)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].channels == kept
    heard = Sound(tmp_path / "out.mp4")
    found = Track(heard, 48000).take(48000)[:, 20000:40000]
    heard.close()
    level = np.sqrt(2 * np.square(found).mean(1))
    wanted = 0.5 * (np.linspace(0.2, 1, channels) if kept > 1 else np.array([0.6]))
    # the low-frequency channel is band-limited
    full = np.arange(kept) != 3 if kept > 1 else slice(None)
    np.testing.assert_allclose(level[full], wanted[full], atol=0.045)


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, movie: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with (
        open_plate(movie) as plate,
        pytest.raises(RuntimeError, match="stopped"),
        MovieWriter(target, plate) as writer,
    ):
        writer.write(plate.read(1).rgb)
        raise RuntimeError("stopped")
    with (
        open_plate(movie) as plate,
        pytest.raises(OutputError, match="1 pictures came of 40"),
        MovieWriter(target, plate, frames=40) as writer,
    ):
        writer.write(plate.read(1).rgb)
    with open_plate(movie) as plate, pytest.raises(OutputError, match="without a picture"):
        MovieWriter(target, plate).close()
    assert target.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["movie.mp4", "out.mp4"]


def test_a_missing_folder_is_made(tmp_path: Path, movie: Path) -> None:
    folder = tmp_path / "a" / "b"
    _rewrite(movie, folder / "out.mp4")
    assert [p.name for p in folder.iterdir()] == ["out.mp4"]


def test_bad_outputs_are_one_clear_line(tmp_path: Path, movie: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    with open_plate(movie) as plate:
        for path, reason in [
            (tmp_path / "out.avi", "not a movie that can be written"),
            (tmp_path / "out", "not a movie that can be written"),
            (blocked / "out.mp4", "file stands where a folder"),
            (folder, "is a folder"),
        ]:
            with pytest.raises(OutputError, match=reason) as caught:
                MovieWriter(path, plate)
            assert "\n" not in str(caught.value)
            assert caught.value.exit_code == 6
        text = tmp_path / "text.wav"
        text.write_text("no sound")
        for audio, reason in [
            (tmp_path / "none.wav", "does not exist"),
            (text, "not a sound file"),
            (movie, "no sound"),
        ]:
            with pytest.raises(AudioError, match=reason):
                MovieWriter(tmp_path / "out.mp4", plate, audio=audio)
    assert not (tmp_path / "out.mp4").exists()
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_an_output_error(movie: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    # The writer's own files cannot be put on /dev/full, so libav's error is made there.
    with open_plate(movie) as plate, pytest.raises(OutputError, match="free some space"):
        try:
            with av.open("/dev/full", "w", format="matroska") as container:
                stream = container.add_stream("libx264", rate=25)
                stream.width, stream.height, stream.pix_fmt = plate.width, plate.height, "yuv420p"
                frame = av.VideoFrame(plate.width, plate.height, "yuv420p")
                for number in range(30):
                    frame.pts = number
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
        except av.FFmpegError as error:
            raise output_error("out.mkv", OSError(error.errno, error.strerror)) from error


def test_pictures_of_another_size_are_refused(tmp_path: Path, movie: Path) -> None:
    with (
        open_plate(movie) as plate,
        pytest.raises(ValueError, match="shape"),
        MovieWriter(tmp_path / "out.mp4", plate) as writer,
    ):
        writer.write(np.zeros((10, 10, 3), np.float32))


def test_nothing_is_printed(tmp_path: Path, movie: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hevc = write_planes(
        tmp_path / "in.mp4",
        moving_pictures(4),
        "yuv420p",
        codec="libx265",
        options={"x265-params": "log-level=none"},
    )
    _rewrite(hevc, tmp_path / "out.mp4")
    _rewrite(movie, tmp_path / "out2.mp4")
    out, err = capfd.readouterr()
    assert out + err == ""


def test_real_footage_is_kept(tmp_path: Path, shared: Path) -> None:
    source = shared / "media" / "moving_camera_man_7s.mp4"
    audio = shared / "speech" / "pumpkins.wav"
    if not source.is_file() or not audio.is_file():
        pytest.skip("no footage")
    errors = []
    with (
        open_plate(source) as plate,
        MovieWriter(tmp_path / "out.mp4", plate, audio=audio) as writer,
    ):
        for picture in plate.iter(range(1, 31)):
            writer.write(picture.rgb)
    with open_plate(source) as a, open_plate(tmp_path / "out.mp4") as b:
        assert b.tags == a.tags
        for x, y in zip(a.iter(range(1, 31)), b.iter(), strict=True):
            errors.append(float(np.mean((x.rgb - y.rgb) ** 2)))
    assert -10 * np.log10(np.mean(errors)) > 44
