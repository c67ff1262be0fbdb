"""The area that is divided into zones: cells, workload and borders, checked."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse import sparray as SparseArray  # noqa: N812 - it is a class

from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

SQUARE_NEIGHBOURS = 4
FREE = -1


@dataclass(frozen=True)
class Area:
    """Cells and their neighbours.

    Attributes
    ----------
    adjacency : csr_array, shape (cells, cells)
        Symmetric, without loops, each border once in each direction; the data are the lengths of
        the borders. A stored zero is a border without length (a corner, a ferry).
    weights : ndarray, shape (cells,)
        Workload of each cell, in any unit.
    x, y : ndarray, shape (cells,)
        Centres, in metres.
    cell_area, cell_perimeter : ndarray, shape (cells,)
        Size of each cell and length of its outline, in the unit of the borders (squared).
    """

    adjacency: csr_array
    weights: FloatArray
    x: FloatArray
    y: FloatArray
    cell_area: FloatArray
    cell_perimeter: FloatArray

    @property
    def size(self) -> int:
        """Number of cells."""
        return int(self.weights.size)


def checked_area(
    adjacency: SparseArray,
    weights: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    cell_area: npt.ArrayLike | None = None,
    cell_perimeter: npt.ArrayLike | None = None,
) -> Area:
    """Check what describes an area, and fill in the sizes of the cells.

    Cells of unknown size are taken for regular polygons whose side is the mean border: squares
    where no cell has more than four neighbours, hexagons otherwise.

    Raises
    ------
    InvalidInputError
        Naming the first cell or border that is wrong.
    """
    graph = _checked_adjacency(adjacency)
    n = graph.shape[0]
    if n == 0:
        raise InvalidInputError("there are no cells: adjacency has no rows")
    load = _checked_numbers("weights", weights, n, least=0.0)
    sides = 4 if np.diff(graph.indptr).max(initial=0) <= SQUARE_NEIGHBOURS else 6
    positive = graph.data[graph.data > 0]
    side = float(positive.mean()) if positive.size else 1.0
    regular = sides * side * side / (4.0 * np.tan(np.pi / sides))
    size = (
        np.full(n, regular)
        if cell_area is None
        else _checked_numbers("cell_area", cell_area, n, least=0.0)
    )
    if (size <= 0).any():
        raise InvalidInputError(
            "cell_area[%(cell)s] must be more than 0", cell=int(np.argmax(size <= 0))
        )
    shared = np.asarray(graph.sum(axis=1)).ravel()
    outline = (
        np.maximum(shared, sides * side)
        if cell_perimeter is None
        else _checked_numbers("cell_perimeter", cell_perimeter, n, least=0.0)
    )
    if (outline < shared * (1 - 1e-6)).any():
        cell = int(np.argmax(outline < shared * (1 - 1e-6)))
        raise InvalidInputError(
            "cell_perimeter[%(cell)s] is %(outline)g, less than the cell's borders together "
            "(%(shared)g): give both in the same unit",
            cell=cell,
            outline=outline[cell],
            shared=shared[cell],
        )
    return Area(
        graph,
        load,
        _checked_numbers("x", x, n),
        _checked_numbers("y", y, n),
        size,
        outline,
    )


def checked_labels(name: str, labels: npt.ArrayLike, n: int, zones: int) -> IntArray:
    """Check an array of zones, -1 where there is none.

    Raises
    ------
    InvalidInputError
        If its length, type or one of its values is wrong.
    """
    array = np.asarray(labels)
    if array.shape != (n,):
        raise InvalidInputError(
            "%(name)s must have one zone per cell (%(n)s): shape %(shape)s",
            name=name,
            n=n,
            shape=array.shape,
        )
    if array.dtype.kind not in "iu" and not (
        array.dtype.kind == "f" and bool((array == np.floor(array)).all())
    ):
        raise InvalidInputError(
            "%(name)s must be whole numbers, not %(dtype)s", name=name, dtype=array.dtype
        )
    wrong = (array < FREE) | (array >= zones)
    if wrong.any():
        cell = int(np.argmax(wrong))
        raise InvalidInputError(
            "%(name)s[%(cell)s] is %(array)s: expected a zone from 0 to %(last)s, or -1",
            name=name,
            cell=cell,
            array=array[cell],
            last=zones - 1,
        )
    return array.astype(np.int32)


def checked_pins(
    pinned: npt.ArrayLike | Mapping[int, int] | None,
    current: IntArray | None,
    n: int,
    zones: int,
) -> IntArray:
    """Return the zone that each cell is fixed to, -1 where it is free.

    Raises
    ------
    InvalidInputError
        If a cell or a zone is not known, or a mask is given without `current`.
    """
    if pinned is None:
        return np.full(n, FREE, np.int32)
    if isinstance(pinned, Mapping):
        pins = np.full(n, FREE, np.int64)
        for cell, zone in pinned.items():
            if not 0 <= cell < n:
                raise InvalidInputError(
                    "pinned names cell %(cell)s: there are cells 0 to %(last)s",
                    cell=cell,
                    last=n - 1,
                )
            if not 0 <= zone < zones:
                raise InvalidInputError(
                    "pinned[%(cell)s] is %(zone)s: zones are 0 to %(last)s",
                    cell=cell,
                    zone=zone,
                    last=zones - 1,
                )
            pins[cell] = zone
        return pins.astype(np.int32)
    array = np.asarray(pinned)
    if array.dtype.kind == "b":
        if current is None:
            raise InvalidInputError("pinned is a mask: give the zones to keep as current")
        if array.shape != (n,):
            raise InvalidInputError(
                "pinned must have one value per cell (%(n)s): %(shape)s", n=n, shape=array.shape
            )
        return np.where(array, current, FREE).astype(np.int32)
    return checked_labels("pinned", array, n, zones)


def _checked_numbers(
    name: str, values: npt.ArrayLike, n: int, least: float = -np.inf
) -> FloatArray:
    try:
        array = np.ascontiguousarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            "%(name)s must be numbers: %(error)s", name=name, error=error
        ) from error
    if array.shape != (n,):
        raise InvalidInputError(
            "%(name)s must have one value per cell (%(n)s): shape %(shape)s",
            name=name,
            n=n,
            shape=array.shape,
        )
    wrong = ~np.isfinite(array) | (array < least)
    if wrong.any():
        cell = int(np.argmax(wrong))
        bound = "" if least == -np.inf else Message(" of at least %(least)g", least=least)
        raise InvalidInputError(
            "%(name)s[%(cell)s] is %(array)s: expected a finite number%(bound)s",
            name=name,
            cell=cell,
            array=array[cell],
            bound=bound,
        )
    return array


def _checked_adjacency(adjacency: SparseArray) -> csr_array:
    try:
        graph = csr_array(adjacency)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            "adjacency must be a sparse array: %(error)s", error=error
        ) from error
    rows, columns = graph.shape
    if rows != columns:
        raise InvalidInputError("adjacency must be square: shape %(shape)s", shape=graph.shape)
    entries = graph.tocoo()
    off = entries.row != entries.col
    row, column = entries.row[off].astype(np.int64), entries.col[off].astype(np.int64)
    data = entries.data[off].astype(np.float64)
    wrong = ~np.isfinite(data) | (data < 0)
    if wrong.any():
        k = int(np.argmax(wrong))
        raise InvalidInputError(
            "the border between cells %(row)s and %(column)s is %(data)s: expected a length of at "
            "least 0",
            row=row[k],
            column=column[k],
            data=data[k],
        )
    order = np.argsort(row * rows + column, kind="stable")
    row, column, data = row[order], column[order], data[order]
    code = row * rows + column
    if (np.diff(code) == 0).any():
        k = int(np.argmax(np.diff(code) == 0))
        raise InvalidInputError(
            "adjacency names cells %(row)s and %(column)s twice", row=row[k], column=column[k]
        )
    back = np.argsort(column * rows + row, kind="stable")
    mirror = column[back] * rows + row[back]
    if not np.array_equal(code, mirror):
        lone = np.setdiff1d(code, mirror)[0]
        raise InvalidInputError(
            "adjacency is not symmetric: cell %(lone)s names cell %(other)s as its neighbour, but "
            "not the other way round",
            lone=lone // rows,
            other=lone % rows,
        )
    uneven = np.abs(data - data[back]) > 1e-6 * np.maximum(data, data[back])
    if uneven.any():
        k = int(np.argmax(uneven))
        raise InvalidInputError(
            "adjacency is not symmetric: the border of cells %(row)s and %(column)s is %(data)g "
            "one way and %(other)g the other",
            row=row[k],
            column=column[k],
            data=data[k],
            other=data[back][k],
        )
    indptr = np.zeros(rows + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=rows), out=indptr[1:])
    return csr_array((data, column.astype(np.int32), indptr), shape=(rows, rows))
