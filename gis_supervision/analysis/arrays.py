"""Arguments as the statistics take them, checked; every error names the argument."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gis_supervision.errors import InvalidInputError

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.intp]
Mask: TypeAlias = npt.NDArray[np.bool_]


def numbers(name: str, values: npt.ArrayLike) -> Floats:
    """Array of floats of any shape; ``None`` and NaN both stand for "no data".

    Raises
    ------
    InvalidInputError
        If the values are not numbers.
    """
    if isinstance(values, np.ma.MaskedArray):
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
        # texts and dates would become numbers that nobody meant
        if array.dtype.kind not in "biufO" and array.size:
            raise InvalidInputError(
                "%(name)s: numbers expected, not %(dtype)s", name=name, dtype=array.dtype
            )
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            "%(name)s: numbers expected (%(error)s)", name=name, error=error
        ) from error


def vector(name: str, values: npt.ArrayLike, *, length: int | None = None) -> Floats:
    """One-dimensional array of floats.

    Parameters
    ----------
    name
        Name of the argument, for the error message.
    values
        Numbers, shape (n,). ``None`` and NaN both stand for "no data".
    length
        Expected n, if something else has fixed it.

    Raises
    ------
    InvalidInputError
        If the values are not numbers, or their shape is not (n,).
    """
    array = numbers(name, values)
    if array.ndim != 1:
        raise InvalidInputError(
            "%(name)s: one-dimensional array expected, the shape is %(shape)s",
            name=name,
            shape=array.shape,
        )
    if length is not None and len(array) != length:
        raise InvalidInputError(
            "%(name)s: %(length)s values expected, there are %(count)s",
            name=name,
            length=length,
            count=len(array),
        )
    return array


def counts(
    name: str, values: npt.ArrayLike, *, length: int | None = None, missing: bool = False
) -> Floats:
    """One-dimensional array of finite numbers, none below zero.

    Parameters
    ----------
    name, values, length
        As for `vector`.
    missing
        Whether NaN ("no data") may be among them.

    Raises
    ------
    InvalidInputError
        As `vector`, and if a value is negative, infinite, or NaN where none may be.
    """
    array = vector(name, values, length=length)
    right = np.isfinite(array) & (array >= 0)
    if missing:
        right |= np.isnan(array)
    wrong = np.flatnonzero(~right)
    if wrong.size:
        raise InvalidInputError(
            "%(name)s[%(wrong)s]: a finite number >= 0 expected, it is %(array)s",
            name=name,
            wrong=wrong[0],
            array=array[wrong[0]],
        )
    return array


def links(neighbours: sparse.csr_array, n: int) -> sparse.csr_array:
    """Neighbour weights as a canonical matrix of their own, without stored zeros.

    Parameters
    ----------
    neighbours
        Sparse weights, n x n, no self links; row i holds the neighbours of cell i.
    n
        Number of cells.

    Returns
    -------
    csr_array
        A copy: sorted, summed, float64.

    Raises
    ------
    InvalidInputError
        If the matrix is not sparse, not n x n, holds NaN or infinity, or links a cell to itself.
    """
    if not sparse.issparse(neighbours):
        raise InvalidInputError(
            "neighbours: scipy.sparse.csr_array expected, not %(kind)s",
            kind=type(neighbours).__name__,
        )
    if neighbours.shape != (n, n):
        raise InvalidInputError(
            "neighbours: shape (%(n)s, %(n)s) expected for %(n)s values, it is %(shape)s",
            n=n,
            shape=neighbours.shape,
        )
    if neighbours.dtype.kind not in "biuf":
        raise InvalidInputError(
            "neighbours: numbers expected, not %(dtype)s", dtype=neighbours.dtype
        )
    weights = sparse.csr_array(neighbours, dtype=np.float64, copy=True)
    weights.sum_duplicates()
    weights.eliminate_zeros()
    if not np.isfinite(weights.data).all():
        raise InvalidInputError("neighbours: finite weights expected, some are NaN or infinite")
    own = np.flatnonzero(weights.diagonal())
    if own.size:
        raise InvalidInputError("neighbours: cell %(own)s is linked to itself", own=own[0])
    return weights


def replicates(permutations: int) -> int:
    """Check a number of random replicates.

    Raises
    ------
    InvalidInputError
        If it is not a whole number of at least 0.
    """
    if (
        isinstance(permutations, bool)
        or not isinstance(permutations, int | np.integer)
        or permutations < 0
    ):
        raise InvalidInputError(
            "permutations: a whole number >= 0 expected, it is %(permutations)r",
            permutations=permutations,
        )
    return int(permutations)


def generator(seed: int) -> np.random.Generator:
    """Random generator that gives the same numbers for the same seed.

    Raises
    ------
    InvalidInputError
        If the seed is not a whole number of at least 0.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidInputError("seed: a whole number >= 0 expected, it is %(seed)r", seed=seed)
    return np.random.default_rng(int(seed))
