"""What the mask tests share: the synthetic face of the track tests, and one that is painted."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "track"))
sys.path.insert(0, str(Path(__file__).parent))

import mask_making  # noqa: E402
import pytest  # noqa: E402

from relip.mask import stage  # noqa: E402
from relip.progress import Progress  # noqa: E402
from relip.shot import Shot  # noqa: E402


@pytest.fixture(scope="session")
def covered(tmp_path_factory: pytest.TempPathFactory) -> Shot:
    """The painted face behind the square, masked."""
    shot = mask_making.make_shot(tmp_path_factory.mktemp("covered"), occluded=True)
    stage.run(shot, shot.frames, progress=Progress("none"))
    return shot
