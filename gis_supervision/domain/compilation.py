"""Compilation of numeric kernels: once per machine where a cache can be written."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a kernel by numba, without the interpreter's lock.

    The machine code is kept beside the module, or in the user's cache directory where the package
    is read-only. Where neither can be written it is compiled once per process.

    Parameters
    ----------
    function : callable
        Arrays and numbers in, arrays changed in place or numbers out.

    Returns
    -------
    callable
        The same function, compiled at its first call.
    """
    try:
        kernel = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no directory that can be written
        kernel = numba.njit(nogil=True, error_model="numpy")(function)
    return cast("Callable[Parameters, Result]", kernel)


def inlined(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a kernel into those that call it: a call with many arrays costs more than its work.

    Parameters
    ----------
    function : callable
        As for `compiled`.

    Returns
    -------
    callable
        The same function.
    """
    kernel = numba.njit(nogil=True, error_model="numpy", inline="always")(function)
    return cast("Callable[Parameters, Result]", kernel)
