"""Replay a public draw and find anything that was changed. One file, standard library only.

Anyone may run it, on nothing but what was published::

    python verify_draw.py transcript.json list.txt [--commitment SHA256] [--seed SEED]

The draw (algorithm ``ticket-sha256/1``):

1.  *List.* ``list.txt`` is UTF-8 in normal form C, one record a line, fields parted by tabs, lines
    sorted by code point, each ended by a line feed::

        premises   ID  STRATUM  SKILLS     an eligible premises and the skills it asks for
        excluded   ID  REASON              a premises that is left out, and why
        inspector  ID  CAPACITY  SKILLS  ABSENCE   "-" for no limit; ABSENCE empty if present
        recusal    INSPECTOR  PREMISES     this inspector must not visit these premises

    Skills are sorted and joined by commas. No identifier occurs twice.
2.  *Commitment.* The digest of the list, the quota of each stratum, the algorithm and the source of
    the randomness are published before the seed can be known.
3.  *Premises.* The ticket of an entry is SHA-256 over seed, 0x1F, stage, 0x1F, identifier, all in
    UTF-8, with the stage ``premises``. In each stratum the lowest tickets win, as many as its
    quota. So an entry that is removed leaves the order of all others as it was.
4.  *Inspectors.* The premises drawn are taken by rising ticket. Each needs two inspectors who are
    present, not recused and within their capacity, and at least one of them with all its skills. A
    premises is served if it can be served together with all those accepted before it. Then, in the
    same order, each served premises gets the inspectors with the lowest tickets (stage ``pair/``
    and the identifier of the premises) with whom every other served premises can still be served.

Exit status: 0 verified, 1 something is wrong, 2 the command line or a file cannot be read.
"""

import argparse
import hashlib
import json
import sys
import unicodedata
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

FORMAT = "gis-supervision.draw/1"
ALGORITHM = "ticket-sha256/1"
FEWER_THAN_TWO = "fewer_than_two_inspectors"
NO_SKILLED = "no_skilled_inspector"
NO_CAPACITY = "no_capacity_left"
PAIR = 2
_LONGEST_NUMBER = 9
_SEPARATOR = b"\x1f"
_FIELDS = {"premises": 4, "excluded": 3, "inspector": 5, "recusal": 3}
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
COMMITMENT_KEYS = frozenset(
    {
        "format",
        "algorithm",
        "plan",
        "rules",
        "list_sha256",
        "quotas",
        "randomness",
        "published_at",
        "seed_known_from",
    }
)


class DrawError(ValueError):
    """What was published is not what this algorithm works on."""


@dataclass
class DrawList:
    """The parsed list.

    Attributes
    ----------
    strata : dict[str, list[str]]
        Identifiers of the eligible premises by stratum.
    skills : dict[str, frozenset[str]]
        Skills that each eligible premises asks for.
    excluded : dict[str, str]
        Reason by identifier of the premises left out.
    inspectors : dict[str, tuple[int | None, frozenset[str]]]
        Capacity (None for no limit) and skills of each inspector who is present.
    absent : dict[str, str]
        Reason by identifier of the inspectors who are not.
    recusals : set[tuple[str, str]]
        Inspector and premises.
    """

    strata: dict[str, list[str]] = field(default_factory=dict)
    skills: dict[str, frozenset[str]] = field(default_factory=dict)
    excluded: dict[str, str] = field(default_factory=dict)
    inspectors: dict[str, tuple[int | None, frozenset[str]]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    recusals: set[tuple[str, str]] = field(default_factory=set)


def check_text(text: str, what: str, *, empty: bool = False) -> str:
    """Refuse text that is not in normal form C, is padded, or has control characters in it."""
    if not text and not empty:
        raise DrawError(f"{what} is empty")
    if text != text.strip():
        raise DrawError(f"{what} {text!r} begins or ends with white space")
    for character in text:
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise DrawError(f"{what} {text!r} has the forbidden character {character!r} in it")
    if unicodedata.normalize("NFC", text) != text:
        raise DrawError(f"{what} {text!r} is not in normal form C")
    return text


def parse_list(data: bytes) -> DrawList:
    """Read the canonical list and check everything about its form.

    Raises
    ------
    DrawError
        With the line and what is wrong there.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DrawError(f"the list is not UTF-8: {error}") from error
    if not text.endswith("\n"):
        raise DrawError("the list does not end with a line feed")
    lines = text[:-1].split("\n")
    parsed = DrawList()
    for number, line in enumerate(lines, start=1):
        try:
            if number > 1 and lines[number - 2] >= line:
                raise DrawError("lines are not sorted, or one stands twice")  # noqa: TRY301 - gets its line number below
            _parse_line(line, parsed)
        except DrawError as error:
            raise DrawError(f"list, line {number}: {error}") from error
    for inspector, premises in sorted(parsed.recusals):
        if inspector not in parsed.inspectors and inspector not in parsed.absent:
            raise DrawError(f"recusal names an unknown inspector {inspector!r}")
        if premises not in parsed.skills and premises not in parsed.excluded:
            raise DrawError(f"recusal names unknown premises {premises!r}")
    return parsed


def _parse_line(line: str, parsed: DrawList) -> None:
    kind, *rest = line.split("\t")
    if len(rest) + 1 != _FIELDS.get(kind):
        raise DrawError(f"expected {kind!r} with another number of fields, or another kind")
    name = check_text(rest[0], "identifier")
    if kind == "recusal":
        parsed.recusals.add((name, check_text(rest[1], "identifier")))
    elif kind == "inspector":
        if name in parsed.inspectors or name in parsed.absent:
            raise DrawError(f"inspector {name!r} stands twice")
        skills, absence = _parse_skills(rest[2]), check_text(rest[3], "absence", empty=True)
        if rest[1] != "-" and not _is_number(rest[1]):
            raise DrawError(f"capacity {rest[1]!r} is neither a whole number nor '-'")
        capacity = None if rest[1] == "-" else int(rest[1])
        if absence:
            parsed.absent[name] = absence
        else:
            parsed.inspectors[name] = (capacity, skills)
    else:
        if name in parsed.skills or name in parsed.excluded:
            raise DrawError(f"premises {name!r} stand twice")
        if kind == "excluded":
            parsed.excluded[name] = check_text(rest[1], "reason")
        else:
            parsed.strata.setdefault(check_text(rest[1], "stratum"), []).append(name)
            parsed.skills[name] = _parse_skills(rest[2])


def _is_number(text: str) -> bool:
    return (
        text.isascii()
        and text.isdigit()
        and len(text) <= _LONGEST_NUMBER
        and str(int(text)) == text
    )


def _parse_skills(text: str) -> frozenset[str]:
    skills = text.split(",") if text else []
    for skill in skills:
        check_text(skill, "skill")
    if skills != sorted(set(skills)):
        raise DrawError(f"skills {text!r} are not sorted, or one stands twice")
    return frozenset(skills)


def ticket(seed: str, stage: str, name: str) -> str:
    """Compute SHA-256 over seed, 0x1F, stage, 0x1F, identifier, in hexadecimal."""
    parts = (part.encode("utf-8") for part in (seed, stage, name))
    return hashlib.sha256(_SEPARATOR.join(parts)).hexdigest()


def by_ticket(seed: str, stage: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Order identifiers by their tickets; pairs of ticket and identifier."""
    return sorted((ticket(seed, stage, name), name) for name in names)


def select_premises(
    seed: str, strata: Mapping[str, Sequence[str]], quotas: Mapping[str, int]
) -> dict[str, list[tuple[str, str]]]:
    """Draw the lowest tickets of each stratum; pairs of ticket and identifier, rising.

    Raises
    ------
    DrawError
        When the quotas do not fit the strata.
    """
    if set(quotas) != set(strata):
        raise DrawError(f"quotas are for {sorted(quotas)}, the strata are {sorted(strata)}")
    for stratum, quota in quotas.items():
        if type(quota) is not int or not 0 <= quota <= len(strata[stratum]):
            raise DrawError(
                f"quota of {stratum!r} is {quota!r}, expected 0 to {len(strata[stratum])}"
            )
    return {
        stratum: by_ticket(seed, "premises", names)[: quotas[stratum]]
        for stratum, names in sorted(strata.items())
    }


class _Flow:
    """Residual network in which two units go from each served premises to inspectors.

    Only what is above nought is kept. Which of several ways a unit takes has no bearing on the
    result, as all that is asked of the network is whether there is one.
    """

    def __init__(self) -> None:
        self.left: dict[str, dict[str, int]] = {"sink": {}}

    def connect(self, start: str, end: str, capacity: int) -> None:
        self.left.setdefault(end, {})
        here = self.left.setdefault(start, {})
        if capacity:
            here[end] = capacity

    def move(self, start: str, end: str) -> None:
        here, there = self.left[start], self.left[end]
        here[end] -= 1
        if not here[end]:
            del here[end]
        there[start] = there.get(start, 0) + 1

    def push(self, start: str, end: str) -> bool:
        """Send one unit from start to end, by rerouting others where needed."""
        before = {start: start}
        queue = deque([start])
        while end not in before and queue:
            here = queue.popleft()
            for there in self.left[here]:
                if there in before:
                    continue
                before[there] = here
                if end in self.left[there]:
                    before.setdefault(end, there)
                    break
                # inspectors who could give a unit back first: that is the short way
                (queue.appendleft if here == "sink" or there == "sink" else queue.append)(there)
        if end not in before:
            return False
        here = end
        while here != start:
            self.move(before[here], here)
            here = before[here]
        return True

    def remove(self, start: str, end: str) -> None:
        self.left[start].pop(end, None)
        self.left[end].pop(start, None)


def assign_pairs(
    seed: str, chosen: Sequence[str], parsed: DrawList
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Give two inspectors to each of the premises drawn, as far as that can be done.

    Parameters
    ----------
    seed : str
        The seed.
    chosen : Sequence[str]
        Premises drawn, by rising ticket.
    parsed : DrawList
        The list.

    Returns
    -------
    pairs : dict[str, tuple[str, str]]
        The lead, who has all skills asked for, and the second inspector.
    without : dict[str, str]
        Reason for each of the premises that get no pair.
    """
    flow = _Flow()
    for name, (capacity, _) in parsed.inspectors.items():
        flow.connect(f"i{name}", "sink", len(chosen) if capacity is None else capacity)
    without: dict[str, str] = {}
    candidates: dict[str, dict[str, bool]] = {}
    for premises in chosen:
        eligible = {
            name: parsed.skills[premises] <= skills
            for name, (_, skills) in parsed.inspectors.items()
            if (name, premises) not in parsed.recusals
        }
        if len(eligible) < PAIR:
            without[premises] = FEWER_THAN_TWO
        elif not any(eligible.values()):
            without[premises] = NO_SKILLED
        elif not _serve(flow, premises, eligible):
            without[premises] = NO_CAPACITY
        else:
            candidates[premises] = eligible
    pairs = {}
    for premises, eligible in candidates.items():
        ranked = [name for _, name in by_ticket(seed, f"pair/{premises}", eligible)]
        two = _fix(flow, premises, ranked, eligible)
        two.sort(key=lambda name: not eligible[name])  # stable: the lead first
        pairs[premises] = (two[0], two[1])
    return pairs, without


def _serve(flow: _Flow, premises: str, eligible: Mapping[str, bool]) -> bool:
    """Route two units for these premises besides all that are routed, or leave all as it was."""
    # at most one unit may pass through the hub to inspectors who lack a skill
    flow.connect(f"p{premises}", f"h{premises}", 1)
    for name, is_skilled in eligible.items():
        flow.connect(f"{'p' if is_skilled else 'h'}{premises}", f"i{name}", 1)
    if flow.push(f"p{premises}", "sink"):
        if flow.push(f"p{premises}", "sink"):
            return True
        for name, is_skilled in eligible.items():  # take the one unit back
            start = f"{'p' if is_skilled else 'h'}{premises}"
            if start in flow.left[f"i{name}"]:
                flow.move("sink", f"i{name}")
    for name, is_skilled in eligible.items():
        flow.remove(f"{'p' if is_skilled else 'h'}{premises}", f"i{name}")
    del flow.left[f"p{premises}"], flow.left[f"h{premises}"]
    return False


def _fix(
    flow: _Flow, premises: str, ranked: Sequence[str], eligible: Mapping[str, bool]
) -> list[str]:
    """Fix the two first inspectors with whom all others can still be served."""
    fixed: list[str] = []
    for name in ranked:
        start, end = f"{'p' if eligible[name] else 'h'}{premises}", f"i{name}"
        is_used = start in flow.left[end]
        flow.remove(start, end)
        # a used edge stays; for another one, a unit has to come back from its end to its start
        if len(fixed) < PAIR and (is_used or flow.push(end, start)):
            fixed.append(name)
    return fixed


def canonical_json(value: Any) -> bytes:
    """Serialise with sorted keys, one space of indentation, UTF-8, and a line feed at the end."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    return f"{text}\n".encode()


def digest(value: Any) -> str:
    """Compute SHA-256 of the canonical serialisation, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def moment(text: Any, what: str) -> datetime:
    """Read a time with its zone in ISO 8601."""
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise DrawError(f"{what} is no time in ISO 8601: {text!r}") from error
    if time.tzinfo is None:
        raise DrawError(f"{what} has no time zone: {text!r}")
    return time


def check_commitment(commitment: Any) -> None:
    """Check the form of a commitment, and that it was published before the seed was known."""
    if not isinstance(commitment, dict) or set(commitment) != COMMITMENT_KEYS:
        raise DrawError(f"expected a commitment with the keys {sorted(COMMITMENT_KEYS)}")
    if commitment["format"] != FORMAT or commitment["algorithm"] != ALGORITHM:
        raise DrawError(f"expected format {FORMAT!r} and algorithm {ALGORITHM!r}")
    for key in ("plan", "rules", "randomness"):
        if not isinstance(commitment[key], str):
            raise DrawError(f"{key} is no text")
        check_text(commitment[key], key)
    if not isinstance(commitment["quotas"], dict):
        raise DrawError("quotas are no object")
    if moment(commitment["published_at"], "published_at") >= moment(
        commitment["seed_known_from"], "seed_known_from"
    ):
        raise DrawError("the commitment was not published before the seed could be known")


def replay(commitment: Any, seed: Any, drawn_at: Any, list_data: bytes) -> dict[str, Any]:
    """Carry out the draw: the whole transcript from what it depends on.

    Raises
    ------
    DrawError
        When commitment, seed, time or list are not what the algorithm works on.
    """
    check_commitment(commitment)
    if not isinstance(seed, str):
        raise DrawError("the seed is no text")
    check_text(seed, "seed")
    if moment(drawn_at, "drawn_at") < moment(commitment["seed_known_from"], "seed_known_from"):
        raise DrawError("drawn before the seed could be known")
    if hashlib.sha256(list_data).hexdigest() != commitment["list_sha256"]:
        raise DrawError("the list is not the one that was committed to (its SHA-256 differs)")
    parsed = parse_list(list_data)
    selected = select_premises(seed, parsed.strata, commitment["quotas"])
    in_order = [name for _, name in sorted(pick for picks in selected.values() for pick in picks)]
    pairs, without = assign_pairs(seed, in_order, parsed)
    transcript = {
        "commitment": commitment,
        "commitment_sha256": digest(commitment),
        "seed": seed,
        "drawn_at": drawn_at,
        "selected": {
            stratum: [{"premises": name, "ticket": number} for number, name in picks]
            for stratum, picks in selected.items()
        },
        "pairs": {name: list(pair) for name, pair in pairs.items()},
        "without_pair": without,
    }
    return {**transcript, "transcript_sha256": digest(transcript)}


def verify(
    transcript_data: bytes,
    list_data: bytes,
    *,
    commitment_sha256: str | None = None,
    seed: str | None = None,
) -> list[str]:
    """Replay a draw and name everything that differs; an empty list when nothing does.

    Parameters
    ----------
    transcript_data, list_data : bytes
        The two published files.
    commitment_sha256 : str, optional
        Digest of the commitment as it was published before the seed was known.
    seed : str, optional
        The seed as its source has published it.
    """
    try:
        transcript = json.loads(transcript_data.decode("utf-8"))
        if not isinstance(transcript, dict):
            return ["the transcript is no JSON object"]
        expected = replay(
            transcript.get("commitment"),
            transcript.get("seed"),
            transcript.get("drawn_at"),
            list_data,
        )
        # sorts every key, so it also refuses what cannot be written as canonical text
        written = canonical_json(transcript)
    except DrawError as error:
        return [str(error)]
    except (ValueError, RecursionError) as error:
        return [f"the transcript is not UTF-8 JSON: {error}"]
    problems = [
        f"{key} is not what the draw gives"
        for key in sorted(expected.keys() | transcript.keys())
        if key not in expected
        or key not in transcript
        or canonical_json(expected[key]) != canonical_json(transcript[key])
    ]
    if not problems and written != transcript_data:
        problems.append("the transcript is not in canonical form: its text was changed")
    if commitment_sha256 is not None and commitment_sha256 != expected["commitment_sha256"]:
        problems.append("the commitment is not the one that was published")
    if seed is not None and seed != transcript["seed"]:
        problems.append("the seed is not the one that its source has published")
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Replay a public draw and check its transcript.")
    parser.add_argument("transcript", type=Path, help="transcript.json")
    parser.add_argument("list", type=Path, help="list.txt")
    parser.add_argument("--commitment", help="SHA-256 of the commitment as published beforehand")
    parser.add_argument("--seed", help="the seed as published by its source")
    options = parser.parse_args(arguments)
    try:
        transcript_data = options.transcript.read_bytes()
        list_data = options.list.read_bytes()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    problems = verify(
        transcript_data, list_data, commitment_sha256=options.commitment, seed=options.seed
    )
    for problem in problems:
        sys.stdout.write(f"WRONG: {problem}\n")
    if problems:
        return 1
    transcript = json.loads(transcript_data)
    drawn = sum(len(picks) for picks in transcript["selected"].values())
    sys.stdout.write(
        f"VERIFIED: {transcript['commitment']['plan']}: {drawn} premises drawn, "
        f"{len(transcript['pairs'])} with a pair of inspectors, "
        f"{len(transcript['without_pair'])} without; "
        f"commitment {transcript['commitment_sha256']}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
