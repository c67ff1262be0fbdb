"""What an office publishes of a draw: a commitment before its seed is known, a transcript after."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from gis_supervision.domain.draws import list_sha256
from gis_supervision.domain.verify_draw import (
    ALGORITHM,
    FORMAT,
    DrawError,
    canonical_json,
    check_commitment,
    check_numbers,
    digest,
    parse_list,
    replay,
)
from gis_supervision.errors import ConflictError, InvalidInputError


@dataclass(frozen=True)
class Commitment:
    """What is fixed, and published, before the seed can be known.

    Attributes
    ----------
    plan : str
        Name of the inspection plan.
    as_of : date
        Day that the list speaks of.
    rules : str
        Rule pack that quotas and exclusions come from (`RulePack.reference`).
    list_sha256 : str
        Digest of the canonical list.
    quotas, reserves : dict[str, int]
        Number of premises, and of reserves beside them, drawn from each stratum.
    randomness : str
        Where the seed will come from and how it is written as text, such as a named lottery.
    published_at, seed_known_from : datetime
        With time zone; publication comes first.
    algorithm : str
        One of `verify_draw.ALGORITHMS`.
    both_skilled : bool
        Whether both inspectors of a pair need the skills.
    """

    plan: str
    as_of: date
    rules: str
    list_sha256: str
    quotas: dict[str, int]
    reserves: dict[str, int]
    randomness: str
    published_at: datetime
    seed_known_from: datetime
    algorithm: str = ALGORITHM
    both_skilled: bool = False

    def content(self) -> dict[str, Any]:
        """Give the JSON object that is published."""
        return {
            "format": FORMAT,
            "algorithm": self.algorithm,
            "plan": self.plan,
            "as_of": self.as_of.isoformat(),
            "rules": self.rules,
            "list_sha256": self.list_sha256,
            "quotas": dict(self.quotas),
            "reserves": dict(self.reserves),
            "both_skilled": self.both_skilled,
            "randomness": self.randomness,
            "published_at": self.published_at.isoformat(),
            "seed_known_from": self.seed_known_from.isoformat(),
        }

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read the canonical text back.

        Raises
        ------
        InvalidInputError
            When it is not that of a commitment.
        """
        try:
            content = json.loads(data)
            check_commitment(content)
        except ValueError as error:
            raise InvalidInputError("this is no commitment: %(error)s", error=error) from error
        return cls(
            plan=content["plan"],
            as_of=date.fromisoformat(content["as_of"]),
            rules=content["rules"],
            list_sha256=content["list_sha256"],
            quotas=content["quotas"],
            reserves=content["reserves"],
            randomness=content["randomness"],
            published_at=datetime.fromisoformat(content["published_at"]),
            seed_known_from=datetime.fromisoformat(content["seed_known_from"]),
            algorithm=content["algorithm"],
            both_skilled=content["both_skilled"],
        )

    def to_json(self) -> bytes:
        """Write the canonical text that is published."""
        return canonical_json(self.content())

    @property
    def sha256(self) -> str:
        """Digest of the canonical text, in hexadecimal."""
        return digest(self.content())


def commit(
    list_data: bytes,
    quotas: Mapping[str, int],
    *,
    plan: str,
    as_of: date,
    rules: str,
    randomness: str,
    published_at: datetime,
    seed_known_from: datetime,
    reserves: Mapping[str, int] | None = None,
    algorithm: str = ALGORITHM,
    both_skilled: bool = False,
) -> Commitment:
    """Fix a draw before its seed can be known.

    Parameters
    ----------
    list_data : bytes
        The canonical list (`draws.canonical_list`).
    quotas : Mapping[str, int]
        For exactly the strata of the list (`draws.quotas_by_ratio`).
    reserves : Mapping[str, int], optional
        The same (`draws.reserves_by_ratio`); left out, none.
    plan, as_of, rules, randomness, published_at, seed_known_from, algorithm, both_skilled
        As in `Commitment`.

    Raises
    ------
    InvalidInputError
        When quotas and list do not fit, a text or a time is not as it should be, or the seed could
        be known before the publication.
    """
    commitment = Commitment(
        plan,
        as_of,
        rules,
        list_sha256(list_data),
        dict(sorted(quotas.items())),
        dict(sorted((dict.fromkeys(quotas, 0) if reserves is None else reserves).items())),
        randomness,
        published_at,
        seed_known_from,
        algorithm,
        both_skilled,
    )
    try:
        check_commitment(commitment.content())
        check_numbers(algorithm, parse_list(list_data).strata, quotas, commitment.reserves)
    except DrawError as error:
        raise InvalidInputError.told(error) from error
    return commitment


def draw(commitment: Commitment, seed: str, list_data: bytes, *, drawn_at: datetime) -> bytes:
    """Carry out a draw and write its transcript.

    Parameters
    ----------
    commitment : Commitment
        As it was published.
    seed : str
        From the source that the commitment names.
    list_data : bytes
        The list that was committed to.
    drawn_at : datetime
        With time zone; not before `Commitment.seed_known_from`.

    Returns
    -------
    bytes
        Canonical JSON, which `verify_draw.py` replays.

    Raises
    ------
    ConflictError
        When the list is not the one that was committed to.
    InvalidInputError
        When the seed is empty or has control characters in it, or it is too early.
    """
    if list_sha256(list_data) != commitment.list_sha256:
        raise ConflictError(
            "the list of plan %(plan)r has changed since it was committed to (SHA-256 "
            "%(list_sha256)s, expected %(expected)s)",
            plan=commitment.plan,
            list_sha256=list_sha256(list_data),
            expected=commitment.list_sha256,
        )
    try:
        transcript = replay(commitment.content(), seed, drawn_at.isoformat(), list_data)
    except DrawError as error:
        raise InvalidInputError.told(error) from error
    return canonical_json(transcript)
