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

#: Outlines of the eyes.
EYE_LEFT = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
EYE_RIGHT = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)

CHIN, FOREHEAD = 152, 10
FACE_LEFT, FACE_RIGHT = 234, 454
SUBNASALE = 2
UPPER_LIP_TOP = 164
CHEEK_LEFT, CHEEK_RIGHT = 205, 425
NOSTRIL_LEFT, NOSTRIL_RIGHT = 98, 327

#: Upper and lower inner-lip points that face each other, and their corner points.
INNER_PAIRS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))

#: The landmarks that change places when a face is mirrored, two by two; the others lie in its
#: middle. Found by assigning the mirrored mean faces of four people to themselves.
_PAIRS = (
    3, 248, 7, 249, 20, 250, 21, 251, 22, 252, 23, 253, 24, 254, 25, 255, 26, 256, 27, 257, 28,
    258, 29, 259, 30, 260, 31, 261, 32, 262, 33, 263, 34, 264, 35, 265, 36, 266, 37, 267, 38,
    268, 39, 269, 40, 270, 41, 271, 42, 272, 43, 273, 44, 274, 45, 275, 46, 276, 47, 277, 48,
    278, 49, 279, 50, 280, 51, 281, 52, 282, 53, 283, 54, 284, 55, 285, 56, 286, 57, 287, 58,
    288, 59, 289, 60, 290, 61, 291, 62, 292, 63, 293, 64, 294, 65, 295, 66, 296, 67, 297, 68,
    298, 69, 299, 70, 300, 71, 301, 72, 302, 73, 303, 74, 304, 75, 305, 76, 306, 77, 307, 78,
    308, 79, 309, 80, 310, 81, 311, 82, 312, 83, 313, 84, 314, 85, 315, 86, 316, 87, 317, 88,
    318, 89, 319, 90, 320, 91, 321, 92, 322, 93, 323, 95, 324, 96, 325, 97, 326, 98, 327, 99,
    328, 100, 329, 101, 330, 102, 331, 103, 332, 104, 333, 105, 334, 106, 335, 107, 336, 108,
    337, 109, 338, 110, 339, 111, 340, 112, 341, 113, 342, 114, 343, 115, 344, 116, 345, 117,
    346, 118, 347, 119, 348, 120, 349, 121, 350, 122, 351, 123, 352, 124, 353, 125, 354, 126,
    355, 127, 356, 128, 357, 129, 358, 130, 359, 131, 360, 132, 361, 133, 362, 134, 363, 135,
    364, 136, 365, 137, 366, 138, 367, 139, 368, 140, 369, 141, 370, 142, 371, 143, 372, 144,
    373, 145, 374, 146, 375, 147, 376, 148, 377, 149, 378, 150, 379, 153, 380, 154, 381, 155,
    382, 156, 383, 157, 384, 158, 385, 159, 386, 160, 387, 161, 388, 162, 389, 163, 390, 165,
    391, 166, 392, 167, 393, 169, 394, 170, 395, 171, 396, 172, 397, 173, 398, 174, 399, 176,
    400, 177, 401, 178, 402, 179, 403, 180, 404, 181, 405, 182, 406, 183, 407, 184, 408, 185,
    409, 186, 410, 187, 411, 188, 412, 189, 413, 190, 414, 191, 415, 192, 416, 193, 417, 194,
    418, 196, 419, 198, 420, 201, 421, 202, 422, 203, 423, 204, 424, 205, 425, 206, 426, 207,
    427, 208, 428, 209, 429, 210, 430, 211, 431, 212, 432, 213, 433, 214, 434, 215, 435, 216,
    436, 217, 437, 218, 438, 219, 439, 220, 440, 221, 441, 222, 442, 223, 443, 224, 444, 225,
    445, 226, 446, 227, 447, 228, 448, 229, 449, 230, 450, 231, 451, 232, 452, 233, 453, 234,
    454, 235, 455, 236, 456, 237, 457, 238, 458, 239, 459, 240, 460, 241, 461, 242, 462, 243,
    463, 244, 464, 245, 465, 246, 466, 247, 467, 468, 473, 469, 476, 470, 475, 471, 474, 472,
    477,
)  # fmt: skip


def _mirrored() -> tuple[int, ...]:
    order = list(range(COUNT))
    for one, other in zip(_PAIRS[::2], _PAIRS[1::2], strict=True):
        order[one], order[other] = other, one
    return tuple(order)


#: Of each landmark the one that stands in its place in the mirrored face.
MIRRORED = _mirrored()

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
