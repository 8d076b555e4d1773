"""How many CPU threads the engine may use."""

from __future__ import annotations

import os

from relip.errors import SettingError


def set_threads(count: int) -> None:
    """Limit PyTorch, OpenCV and the BLAS libraries to ``count`` threads.

    Must be called before they are used for the first time.

    Raises
    ------
    SettingError
        If the number is below 1.
    """
    if count < 1:
        raise SettingError(f"--threads {count}", mend="give 1 or more")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(count)
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)
