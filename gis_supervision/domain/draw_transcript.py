"""What an office publishes of a draw: the commitment before, the transcript after, the results."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gis_supervision.domain.draws import list_sha256
from gis_supervision.domain.verify_draw import (
    ALGORITHM,
    FORMAT,
    DrawError,
    canonical_json,
    check_commitment,
    digest,
    parse_list,
    replay,
    select_premises,
)
from gis_supervision.errors import ConflictError, InvalidInputError


@dataclass(frozen=True)
class Commitment:
    """What is fixed, and published, before the seed can be known.

    Attributes
    ----------
    plan : str
        Name of the inspection plan.
    rules : str
        Rule pack that quotas and exclusions come from (`RulePack.reference`).
    list_sha256 : str
        Digest of the canonical list.
    quotas : dict[str, int]
        Number of premises drawn from each stratum.
    randomness : str
        Where the seed will come from and how it is written as text, such as a named lottery.
    published_at, seed_known_from : datetime
        With time zone; publication comes first.
    """

    plan: str
    rules: str
    list_sha256: str
    quotas: dict[str, int]
    randomness: str
    published_at: datetime
    seed_known_from: datetime

    def content(self) -> dict[str, Any]:
        """Give the JSON object that is published."""
        return {
            "format": FORMAT,
            "algorithm": ALGORITHM,
            "plan": self.plan,
            "rules": self.rules,
            "list_sha256": self.list_sha256,
            "quotas": dict(self.quotas),
            "randomness": self.randomness,
            "published_at": self.published_at.isoformat(),
            "seed_known_from": self.seed_known_from.isoformat(),
        }

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
    rules: str,
    randomness: str,
    published_at: datetime,
    seed_known_from: datetime,
) -> Commitment:
    """Fix a draw before its seed can be known.

    Parameters
    ----------
    list_data : bytes
        The canonical list (`draws.canonical_list`).
    quotas : Mapping[str, int]
        For exactly the strata of the list (`draws.quotas_by_ratio`).

    Raises
    ------
    InvalidInputError
        When quotas and list do not fit, a text or a time is not as it should be, or the seed could
        be known before the publication.
    """
    commitment = Commitment(
        plan,
        rules,
        list_sha256(list_data),
        dict(sorted(quotas.items())),
        randomness,
        published_at,
        seed_known_from,
    )
    try:
        check_commitment(commitment.content())
        select_premises("", parse_list(list_data).strata, quotas)
    except DrawError as error:
        raise InvalidInputError(str(error)) from error
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
            f"the list of plan {commitment.plan!r} has changed since it was committed to "
            f"(SHA-256 {list_sha256(list_data)}, expected {commitment.list_sha256})"
        )
    try:
        transcript = replay(commitment.content(), seed, drawn_at.isoformat(), list_data)
    except DrawError as error:
        raise InvalidInputError(str(error)) from error
    return canonical_json(transcript)


def public_results(
    transcript: Mapping[str, Any], findings: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """List what is made public after the visits: premises, stratum, ticket and finding.

    Inspectors are left out: the transcript names them by identifier for those who verify, the
    public result does not.

    Parameters
    ----------
    transcript : Mapping[str, Any]
        The parsed transcript.
    findings : Mapping[str, str], optional
        Result of the inspection by premises.

    Returns
    -------
    list[dict[str, str]]
        By stratum, then in the order of the draw; ``finding`` is empty where there is none yet.

    Raises
    ------
    InvalidInputError
        When a finding is for premises that were not drawn.
    """
    known = dict(findings or {})
    rows = [
        {
            "premises": pick["premises"],
            "stratum": stratum,
            "ticket": pick["ticket"],
            "finding": known.pop(pick["premises"], ""),
        }
        for stratum, picks in sorted(transcript["selected"].items())
        for pick in picks
    ]
    if known:
        raise InvalidInputError(f"findings for premises that were not drawn: {sorted(known)}")
    return rows
