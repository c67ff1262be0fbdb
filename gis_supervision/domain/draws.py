"""Verifiable random draws: who is drawn, by which quota, and two published methods beside ours.

The draw itself is stated and carried out in `gis_supervision.domain.verify_draw`, the file that
anyone can run on what an office has published. Here are its inputs: the canonical list, the quotas
by ratio, the exclusions, and the methods of RFC 3797 and of R. L. Rivest for offices that must use
them.
"""

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from gis_supervision.domain import verify_draw
from gis_supervision.domain.rule_values import DrawExclusions
from gis_supervision.domain.verify_draw import DrawError, parse_list
from gis_supervision.domain.working_days import add_months
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

ExclusionReason = Literal["external", "not_open", "closed", "inspected_within", "do_not_disturb"]

METHODS = {
    "ticket": verify_draw.ALGORITHM,
    "rfc3797": verify_draw.RFC3797,
    "rivest": verify_draw.RIVEST,
}
"""Algorithms by the short names that people choose from."""


@dataclass(frozen=True)
class DrawPremises:
    """An eligible premises.

    Attributes
    ----------
    id : str
        Stable identifier, such as the licence number.
    stratum : str
        Such as the credit class; premises without one need a stratum of their own.
    skills : Collection[str]
        Skills that one of the two inspectors must have.
    """

    id: str
    stratum: str
    skills: Collection[str] = ()


@dataclass(frozen=True)
class DrawInspector:
    """An inspector.

    Attributes
    ----------
    id : str
        Stable identifier, such as the certificate number.
    skills : Collection[str]
        What they may inspect.
    capacity : int or None
        Most premises they can take in this draw; None for no limit.
    absence : str
        Why they are not available, such as ``"leave"``; empty for present. It is published with
        the list, so it should be a code and tell nothing private.
    recused_from : Collection[str]
        Premises that they must not inspect.
    """

    id: str
    skills: Collection[str] = ()
    capacity: int | None = None
    absence: str = ""
    recused_from: Collection[str] = ()


def canonical_list(
    premises: Iterable[DrawPremises],
    excluded: Mapping[str, str] | None = None,
    inspectors: Iterable[DrawInspector] = (),
) -> bytes:
    """Write the canonical list of a draw: sorted lines in normal form C and UTF-8.

    Recusals from premises that are not in the draw are left out: they have no bearing on it.

    Parameters
    ----------
    premises : Iterable[DrawPremises]
        All that can be drawn.
    excluded : Mapping[str, str], optional
        Reason by identifier of those that cannot.
    inspectors : Iterable[DrawInspector]
        All of them, absent ones too.

    Returns
    -------
    bytes
        What is published, and what the digest of the commitment is taken of. The form is described
        in `gis_supervision.domain.verify_draw`.

    Raises
    ------
    InvalidInputError
        When an identifier stands twice (also if only after normalisation), is empty or padded, or
        has a separator, a control or an invisible character in it; or there are no premises.
    """
    lines: list[tuple[str, ...]] = []
    names = set()
    for one in premises:
        names.add(_normal(one.id))
        lines.append(("premises", one.id, one.stratum, _skills(one.skills)))
    if not lines:
        raise InvalidInputError("the list of a draw needs at least one eligible premises")
    for name, reason in (excluded or {}).items():
        names.add(_normal(name))
        lines.append(("excluded", name, reason))
    for who in inspectors:
        lines += _inspector_lines(who, names)
    return _canonical(lines)


def _inspector_lines(who: DrawInspector, premises: Collection[str]) -> list[tuple[str, ...]]:
    if who.capacity is not None and who.capacity < 0:
        raise InvalidInputError(
            "inspector %(id)r: capacity %(capacity)s is negative", id=who.id, capacity=who.capacity
        )
    capacity = "-" if who.capacity is None else str(who.capacity)
    recused = {_normal(name) for name in who.recused_from}
    return [
        ("inspector", who.id, capacity, _skills(who.skills), who.absence),
        *(("recusal", who.id, name) for name in recused if name in premises),
    ]


def _canonical(lines: list[tuple[str, ...]]) -> bytes:
    for line in lines:
        for text in line:
            if set(text) & {"\t", "\n", "\x1f"}:
                raise InvalidInputError("%(text)r has a separator in it", text=text)
    joined = sorted(_normal("\t".join(line)) for line in lines)
    try:
        data = "".join(f"{line}\n" for line in joined).encode()
        parse_list(data)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            "not encodable as UTF-8: %(object)r", object=error.object
        ) from error
    except DrawError as error:
        raise InvalidInputError.told(error) from error
    return data


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _skills(skills: Collection[str]) -> str:
    for skill in skills:
        if not skill or "," in skill:
            raise InvalidInputError("skill %(skill)r is empty or has a comma in it", skill=skill)
    return ",".join(sorted({_normal(skill) for skill in skills}))


def list_sha256(data: bytes) -> str:
    """Compute the digest of a canonical list, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def quotas_by_ratio(data: bytes, ratios: Mapping[str, float]) -> dict[str, int]:
    """Compute how many premises of each stratum are drawn.

    The product of ratio and number is rounded up, so that a stratum with premises and a ratio above
    nought is never left out. It is taken exactly, with the decimal number that the ratio is
    written as: 10 % of 30 are 3, and not 4.

    Parameters
    ----------
    data : bytes
        The canonical list.
    ratios : Mapping[str, float]
        Share by stratum, from 0 to 1, such as `RulePack.draw_ratios` gives them.

    Raises
    ------
    InvalidInputError
        When a stratum of the list has no ratio, a ratio is not a share, or the list is broken.
    """
    try:
        strata = parse_list(data).strata
    except DrawError as error:
        raise InvalidInputError.told(error) from error
    shares = {_normal(stratum): ratio for stratum, ratio in ratios.items()}
    quotas = {}
    for stratum, names in sorted(strata.items()):
        if stratum not in shares:
            raise InvalidInputError(
                "stratum %(stratum)r (%(count)s premises) has no ratio; ratios are given for "
                "%(shares)s",
                stratum=stratum,
                count=len(names),
                shares=", ".join(sorted(shares)) or Message("none"),
            )
        ratio = shares[stratum]
        if not 0 <= ratio <= 1:
            raise InvalidInputError(
                "ratio of %(stratum)r is %(ratio)r, expected 0 to 1", stratum=stratum, ratio=ratio
            )
        quotas[stratum] = -(-Fraction(str(ratio)) * len(names) // 1)
    return quotas


def reserves_by_ratio(
    data: bytes, quotas: Mapping[str, int], ratio: float, least: int = 1
) -> dict[str, int]:
    """Compute how many reserves are drawn beside the quota of each stratum.

    Parameters
    ----------
    data : bytes
        The canonical list.
    quotas : Mapping[str, int]
        Of all its strata.
    ratio : float
        Reserves for each premises drawn, rounded up.
    least : int
        At least so many where anything is drawn and enough are left.

    Raises
    ------
    InvalidInputError
        When the ratio is negative or no number.
    """
    if not 0 <= ratio < float("inf"):
        raise InvalidInputError("ratio of reserves is %(ratio)r, expected 0 or more", ratio=ratio)
    sizes = {stratum: len(names) for stratum, names in parse_list(data).strata.items()}
    share = Fraction(str(ratio))
    return {
        stratum: min(
            max(-(-share * quota // 1), least if quota and ratio else 0), sizes[stratum] - quota
        )
        for stratum, quota in quotas.items()
    }


def exclusion_reason(
    rules: DrawExclusions,
    *,
    as_of: date,
    last_inspected: date | None = None,
    is_on_do_not_disturb_list: bool = False,
    is_external: bool = False,
    opened_on: date | None = None,
    closed_on: date | None = None,
) -> ExclusionReason | None:
    """Tell why a premises is left out of a draw; None when it is not.

    "Inspected in the last three months" includes the day three months ago. A premises is open on
    the day it opens and no more on the day it closes; one whose opening is unknown counts as open.
    The first reason that holds is told, in the order of `ExclusionReason`.
    """
    if is_external:
        return "external"
    if opened_on is not None and opened_on > as_of:
        return "not_open"
    if closed_on is not None and closed_on <= as_of:
        return "closed"
    within = rules.inspected_within
    if (
        within is not None
        and last_inspected is not None
        and add_months(as_of, -within.months) <= last_inspected <= as_of
    ):
        return "inspected_within"
    listed = rules.do_not_disturb
    if listed is not None and listed.applies and is_on_do_not_disturb_list:
        return "do_not_disturb"
    return None


def rfc3797_key(sources: Iterable[str | int | Collection[int]]) -> str:
    """Join sources of randomness into the key of RFC 3797, section 4.

    A collection of numbers is sorted; every number is followed by ``.`` and every source by ``/``.
    Text is taken in upper case without anything but letters and digits.

    Examples
    --------
    >>> rfc3797_key([9319, [2, 5, 12, 8, 10], [9, 18, 26, 34, 41, 45]])
    '9319./2.5.8.10.12./9.18.26.34.41.45./'
    """
    parts = []
    for source in sources:
        if isinstance(source, str):
            parts.append("".join(c for c in source.upper() if c.isascii() and c.isalnum()))
        else:
            numbers = [source] if isinstance(source, int) else sorted(source)
            parts.append("".join(f"{number}." for number in numbers))
    return "".join(f"{part}/" for part in parts)


def rfc3797(key: str, pool: int, count: int) -> list[int]:
    """Draw without replacement as RFC 3797 (Eastlake 2004) does.

    The n-th pick takes the MD5 digest of n as two bytes, the key, and n again, as a number modulo
    the size of what is left of the pool; whoever is picked leaves the pool and the others close up.

    Parameters
    ----------
    key : str
        As the RFC canonicalises its sources (see `rfc3797_key`), ASCII.
    pool : int
        Number of entries, at most 65,535.
    count : int
        Number of picks, at most `pool`.

    Returns
    -------
    list[int]
        Places in the published list, counted from 1, in the order of the picks.

    Raises
    ------
    InvalidInputError
        When the numbers do not fit or the key is not ASCII.
    """
    try:
        return verify_draw.rfc3797(key, pool, count)
    except DrawError as error:
        raise InvalidInputError.told(error) from error


def rivest_sha256(
    seed: str, total: int, count: int, *, with_replacement: bool | None = None
) -> list[int]:
    """Draw as R. L. Rivest's sampler (2011, for election audits) does.

    The n-th number is SHA-256 of seed, comma, and n in decimal (counted from 1), modulo `total`,
    plus 1. Without replacement a number that came up before is passed over, and n goes on.

    Parameters
    ----------
    seed : str
        Any text, hashed as UTF-8.
    total : int
        Numbers are drawn from 1 to `total`.
    count : int
        Size of the sample.
    with_replacement : bool, optional
        Whether a number may come up again. The default draws without replacement wherever such a
        sample exists (`count` at most `total`), and with replacement where it does not, which is
        how the published examples and test cases of the sampler are to be read.

    Returns
    -------
    list[int]
        In the order of the draw.

    Raises
    ------
    InvalidInputError
        When there is no such sample, or the seed is not encodable as UTF-8.
    """
    is_repeating = count > total if with_replacement is None else with_replacement
    try:
        return verify_draw.rivest_sha256(seed, total, count, is_repeating=is_repeating)
    except DrawError as error:
        raise InvalidInputError.told(error) from error
