"""Names for MediaPipe's 478 landmarks: lips, jaw, the rigid part of the face.

Numbers are those of MediaPipe's canonical face model (468 mesh points and 10
iris points). "Left" and "right" are the picture's for an upright face.
"""

from __future__ import annotations

import numpy as np

COUNT = 478

#: Points that hardly move with speech: nose bridge, tip, eye corners, nostrils.
RIGID = (168, 6, 197, 195, 5, 4, 1, 33, 133, 362, 263, 2, 98, 327, 64, 294)

#: Textured points of the nose and its surroundings for optical flow; no eyelids.
NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 45, 275, 220, 440, 48, 278, 115, 344, 122, 351)

#: The nose from its bridge over its wings to below it, a closed line.
NOSE_OUTLINE = (6, 198, 131, 129, 98, 2, 327, 358, 360, 420)

#: Outer lip line, from the left corner over the upper lip to the right and back below.
OUTER_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
OUTER_LOWER = (375, 321, 405, 314, 17, 84, 181, 91, 146)
OUTER_LIPS = OUTER_UPPER + OUTER_LOWER

#: Inner lip line in the same order.
INNER_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
INNER_LOWER = (324, 318, 402, 317, 14, 87, 178, 88, 95)
INNER_LIPS = INNER_UPPER + INNER_LOWER

LIPS = OUTER_LIPS + INNER_LIPS

#: The rows between the two lines, and the ring of skin around the lips.
WITHIN_LIPS = (
    76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180, 90, 77,
    62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15, 86, 179, 89, 96,
)  # fmt: skip
AROUND_MOUTH = (
    57, 186, 92, 165, 167, 164, 393, 391, 322, 410, 287, 273, 335, 406, 313, 18, 83, 182, 106, 43,
)  # fmt: skip

#: Face outline from cheek to cheek over the chin.
JAW = (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361)

#: Cheeks beside nose and mouth where the skin folds when the mouth smiles or shouts.
FOLDS = (
    (129, 203, 206, 216, 212, 214, 207, 205, 36),
    (358, 423, 426, 436, 432, 434, 427, 425, 266),
)

#: Outlines of the eyes.
EYE_LEFT = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
EYE_RIGHT = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)

CHIN, FOREHEAD = 152, 10
FACE_LEFT, FACE_RIGHT = 234, 454
SUBNASALE = 2
UPPER_LIP_TOP = 164
CHEEK_LEFT, CHEEK_RIGHT = 205, 425
CHEEKBONE_LEFT, CHEEKBONE_RIGHT = 50, 280
BESIDE_LEFT, BESIDE_RIGHT = 187, 411
NOSTRIL_LEFT, NOSTRIL_RIGHT = 98, 327

#: Upper and lower inner-lip points that face each other, and their corner points.
INNER_PAIRS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))

#: Names by which artists know points: the landmarks whose mean each is.
NAMED: dict[str, tuple[int, ...]] = {
    "nose_bridge": (6,),
    "nose_tip": (1,),
    "nostril_l": (98,),
    "nostril_r": (327,),
    "eye_l_outer": (33,),
    "eye_l_inner": (133,),
    "eye_r_inner": (362,),
    "eye_r_outer": (263,),
    "mouth_l": (61,),
    "mouth_r": (291,),
    "lip_upper": (0,),
    "lip_lower": (17,),
    "lip_middle": (13, 14),
    "chin": (152,),
}


def face_width(face: np.ndarray) -> float:
    """Face width of landmarks ``[shape=(478, 2 or 3)]`` in their own units."""
    return float(np.linalg.norm(face[FACE_RIGHT, :2] - face[FACE_LEFT, :2]))
