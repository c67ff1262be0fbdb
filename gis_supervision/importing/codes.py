"""Codes of many rows at once; `gis_supervision.domain` defines what makes one valid."""

from typing import Final

import numpy as np
import polars as pl

CREDIT_CODE_LENGTH: Final = 18

_CHARACTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = np.array([pow(3, place, 31) for place in range(CREDIT_CODE_LENGTH)])
_NO_CHARACTER: Final = -1
_DIGITS: Final = {"county": 6, "township": 9, "village": 12}


def credit_code(text: pl.Expr) -> pl.Expr:
    """Write unified social credit codes as they should be: no spaces, no hyphens, capitals."""
    return text.str.replace_all(r"[\s-]", "").str.to_uppercase()


def wrong_credit_codes(codes: pl.Series) -> pl.Series:
    """Tell which unified social credit codes are wrong.

    Parameters
    ----------
    codes
        Text; null is not wrong.

    Returns
    -------
    polars.Series of bool
        True where the length, a character or the check character (GB 32100-2015) is wrong.
    """
    wrong = np.zeros(codes.len(), dtype=bool)
    given = codes.is_not_null().to_numpy()
    fits = (codes.str.len_bytes() == CREDIT_CODE_LENGTH).fill_null(value=False).to_numpy()
    wrong[given & ~fits] = True
    if fits.any():
        joined = "".join(codes.filter(pl.Series(fits)).to_list()).encode()
        table = np.full(256, _NO_CHARACTER)
        for value, character in enumerate(_CHARACTERS):
            table[ord(character)] = value
        values = table[np.frombuffer(joined, dtype=np.uint8)].reshape(-1, CREDIT_CODE_LENGTH)
        # the check character completes the weighted sum to a multiple of 31
        first = (values[:, :-1] * _WEIGHTS[:-1]).sum(axis=1)
        good = (values != _NO_CHARACTER).all(axis=1) & ((first + values[:, -1]) % 31 == 0)
        wrong[fits] = ~good
    return pl.Series(wrong)


def wrong_division_code(code: pl.Expr, level: pl.Expr) -> pl.Expr:
    """Find division codes whose digits do not suit their level (6, 9, 12); others are free."""
    digits = level.replace_strict(_DIGITS, default=None, return_dtype=pl.Int64)
    fits = code.str.contains(r"^[0-9]+$") & (code.str.len_chars() == digits)
    return digits.is_not_null() & ~fits
