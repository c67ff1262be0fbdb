"""Whether colours can be told apart, by everybody.

Colour-vision deficiency is simulated with the matrices of Machado, Oliveira and Fernandes (2009,
"A physiologically-based model for simulation of color vision deficiency", severity 1.0), and
difference is the Euclidean distance in CIE L*a*b* (CIE76, D65).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_DIFFERENCE = 9.0
"""Smallest distance of two classes; about 2.3 is just noticeable side by side."""

SIGHTS = {
    "normal sight": Message("normal sight"),
    "protanopia": Message("protanopia"),
    "deuteranopia": Message("deuteranopia"),
    "tritanopia": Message("tritanopia"),
}
"""What people call the kinds of sight."""

_SIGHT = {
    "normal sight": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def confusable(colors: Sequence[str]) -> list[tuple[int, int, str, float]]:
    """Find pairs of colours that some people cannot tell apart.

    Parameters
    ----------
    colors
        ``#rrggbb`` each.

    Returns
    -------
    list of tuple
        Places of the two colours, the kind of sight for which they are closest, and their distance
        in CIE L*a*b* units, for pairs below `LEAST_DIFFERENCE`.
    """
    if len(colors) < 2:  # noqa: PLR2004 - a pair
        return []
    linear = _linear(colors)
    seen = {name: _lab(np.clip(linear @ matrix.T, 0.0, 1.0)) for name, matrix in _SIGHT.items()}
    found = []
    for first, second in combinations(range(len(colors)), 2):
        name, distance = min(
            ((name, float(np.linalg.norm(lab[first] - lab[second]))) for name, lab in seen.items()),
            key=lambda pair: pair[1],
        )
        if distance < LEAST_DIFFERENCE:
            found.append((first, second, name, distance))
    return found


def _linear(colors: Sequence[str]) -> NDArray[np.float64]:
    parts = [[int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)] for color in colors]
    rgb = np.array(parts)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - IEC 61966-2-1


def _lab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = linear @ _TO_XYZ.T / _WHITE
    bent = np.where(scaled > 216 / 24389, np.cbrt(scaled), (24389 / 27 * scaled + 16) / 116)
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
