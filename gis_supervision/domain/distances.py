"""Distances over the earth's surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARTH_RADIUS_M = 6_371_008.8


def distances_m(
    lat: NDArray[np.float64],
    lng: NDArray[np.float64],
    other_lat: NDArray[np.float64],
    other_lng: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Great-circle distances in metres between points in decimal degrees, each with each."""
    phi, other = np.radians(lat)[:, None], np.radians(other_lat)[None, :]
    half = np.sin((phi - other) / 2) ** 2
    turn = np.radians(lng[:, None] - other_lng[None, :])
    half = half + np.cos(phi) * np.cos(other) * np.sin(turn / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0))))
