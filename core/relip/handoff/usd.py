"""The face mesh and its camera as USD, through the optional package usd-core."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from relip.errors import InputError, UsageError
from relip.handoff.scene import Scene
from relip.handoff.topology import face_triangles, facing
from relip.records import atomic_path, output_error
from relip.track import points
from relip.track.stabilise import CROP_FACE_WIDTHS

SUFFIXES = (".usd", ".usda", ".usdc")

#: Centimetres, as Nuke, Maya and Unreal count: one unit is 0.01 m.
METRES_PER_UNIT = 0.01

#: Width of a face from cheek to cheek in centimetres: the scale of the scene.
FACE_WIDTH = 14.0


@dataclass(frozen=True)
class Lens:
    """The camera, which nobody measured: any choice shows the same picture.

    Attributes
    ----------
    focal_length : float
        Millimetres.
    film_width : float
        Of the film back, millimetres.
    """

    focal_length: float = 50.0
    film_width: float = 36.0

    def __post_init__(self) -> None:
        if not 4 <= self.focal_length <= 2000:
            raise UsageError(f"a focal length of {self.focal_length:g} mm", mend="use 4 to 2000 mm")
        if not 1 <= self.film_width <= 200:
            raise UsageError(f"a film back of {self.film_width:g} mm", mend="use 1 to 200 mm")


def load_pxr() -> tuple[Any, Any, Any, Any, Any]:
    """The modules Gf, Sdf, Usd, UsdGeom and Vt.

    Raises
    ------
    InputError
        If usd-core is not installed.
    """
    try:
        from pxr import Gf, Sdf, Usd, UsdGeom, Vt
    except ImportError as exc:
        raise InputError(
            f"USD needs the package usd-core, which is not installed ({exc})",
            mend="pip install 'relip[usd]'",
        ) from None
    return Gf, Sdf, Usd, UsdGeom, Vt


def camera_space(scene: Scene, lens: Lens) -> np.ndarray:
    """The landmarks in front of the camera.

    Parameters
    ----------
    scene : Scene
    lens : Lens

    Returns
    -------
    np.ndarray [shape=(V, 478, 3)]
        Centimetres: x right, y up, the camera at the origin looking down −z.
        Seen through the lens each point falls on its landmark's place on the
        plate exactly.

    Notes
    -----
    The distance of the cheeks comes from the face's width between them
    (:data:`FACE_WIDTH`, by the track's scale of each frame); a landmark's
    depth before or behind them is added to it, and the point is set on the
    ray through its place on the plate.
    """
    form = scene.form
    visible = scene.track.visible
    marks = scene.track.landmarks[visible]
    across = lens.focal_length / lens.film_width * form.width  # focal length in pixels
    upright = across * scene.track.aspect
    to_crop = scene.to_crop(1)
    width = 1 / (CROP_FACE_WIDTHS * np.hypot(to_crop[:, 0, 0], to_crop[:, 1, 0]))
    unit = FACE_WIDTH / width  # centimetres a pixel is wide at the face
    # depth is in pixels that are as wide as high
    z = marks[..., 2] / scene.track.aspect
    behind = z - z[:, [points.FACE_LEFT, points.FACE_RIGHT]].mean(1)[:, None]
    depth = (across * unit)[:, None] + behind * unit[:, None]
    x = (marks[..., 0] - form.width / 2) / across * depth
    y = (form.height / 2 - marks[..., 1]) / upright * depth
    return np.stack([x, y, -depth], -1)


def write_usd(scene: Scene, path: str | Path, *, lens: Lens | None = None) -> Path:
    """Write the face and the camera.

    Parameters
    ----------
    scene : Scene
    path : path
        Ending in ``.usda`` (text), ``.usdc`` (binary) or ``.usd``.
    lens : Lens, optional

    Returns
    -------
    Path
        ``/Relip/Face``: a mesh of 478 points and 860 triangles with its points
        as time samples, hidden in frames without a face, and texture
        coordinates of the canonical crop (``primvars:st``).
        ``/Relip/Camera``: the still camera through which it lies on the plate.

    Raises
    ------
    InputError
        If usd-core is missing, or the plate's rate is unknown.
    UsageError
        If the suffix is another.
    OutputError
        If the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: not a USD file", mend=f"end it in {' or '.join(SUFFIXES)}")
    Gf, Sdf, Usd, UsdGeom, Vt = load_pxr()
    if scene.rate is None:
        raise InputError(
            f"{scene.name}: the plate does not say its frame rate",
            mend="set plate.fps in shot.toml",
        )
    lens = lens or Lens()
    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, METRES_PER_UNIT)
    stage.SetTimeCodesPerSecond(float(scene.rate))
    stage.SetFramesPerSecond(float(scene.rate))
    stage.SetStartTimeCode(scene.frames[0])
    stage.SetEndTimeCode(scene.frames[-1])
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/Relip").GetPrim())
    stage.SetMetadata("comment", f"{scene.name}: face and camera by Relip")

    mesh = UsdGeom.Mesh.Define(stage, "/Relip/Face")
    faces = facing(face_triangles(), scene.track.shape)
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(faces)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateOrientationAttr(UsdGeom.Tokens.rightHanded)
    mesh.CreateDoubleSidedAttr(True)
    st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
    )
    shape = scene.track.shape
    texture = np.stack([shape[:, 0], 1 - shape[:, 1]], -1).astype(np.float32)
    st.Set(Vt.Vec2fArray.FromNumpy(texture))
    placed = mesh.CreatePointsAttr()
    extent = mesh.CreateExtentAttr()
    for frame, face in zip(scene.visible_frames, camera_space(scene, lens), strict=True):
        array = Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(face, np.float32))
        placed.Set(array, frame)
        extent.Set(UsdGeom.PointBased.ComputeExtent(array), frame)
    if scene.faceless_frames:
        shown = mesh.CreateVisibilityAttr()
        last = None
        for frame, visible in zip(scene.frames, scene.track.visible, strict=True):
            if visible != last:
                token = UsdGeom.Tokens.inherited if visible else UsdGeom.Tokens.invisible
                shown.Set(token, frame)
            last = visible

    camera = UsdGeom.Camera.Define(stage, "/Relip/Camera")
    camera.CreateProjectionAttr(UsdGeom.Tokens.perspective)
    # USD counts lens and film back in tenths of a unit: with a unit of 1 cm, in millimetres.
    camera.CreateFocalLengthAttr(lens.focal_length)
    camera.CreateHorizontalApertureAttr(lens.film_width)
    shown_width = scene.form.width * scene.track.aspect
    camera.CreateVerticalApertureAttr(lens.film_width * scene.form.height / shown_width)
    camera.CreateClippingRangeAttr(Gf.Vec2f(1.0, 100000.0))
    with atomic_path(path) as temporary:
        try:
            fine = stage.GetRootLayer().Export(str(temporary))
        except Exception as exc:  # Tf.ErrorException, which holds what the system said
            raise output_error(path, OSError(str(exc).splitlines()[0])) from None
        if not fine:
            raise output_error(path, OSError("USD could not write it"))
    return path
