"""Replay a public draw and find anything that was changed. One file, standard library only.

Anyone may run it with Python 3.9 or newer, on nothing but what was published::

    python verify_draw.py FOLDER-OR-ZIP [--commitment SHA256] [--seed SEED] [--substitutions SHA256]
    python verify_draw.py transcript.json list.txt [the same options]

A folder or ZIP file holds ``list.txt``, ``commitment.json`` and ``transcript.json``, and perhaps
``substitutions.json``; left out, it is the folder that this file lies in. The draw:

1.  *List.* ``list.txt`` is UTF-8 in normal form C, one record a line, fields parted by tabs, lines
    sorted by code point, each ended by a line feed::

        premises   ID  STRATUM  SKILLS     an eligible premises and the skills it asks for
        excluded   ID  REASON              a premises that is left out, and why
        inspector  ID  CAPACITY  SKILLS  ABSENCE   "-" for no limit; ABSENCE empty if present
        recusal    INSPECTOR  PREMISES     this inspector must not visit these premises

    Skills are sorted and joined by commas. No identifier occurs twice.
2.  *Commitment.* The digest of the list, the quota and the number of reserves of each stratum, the
    algorithm and the source of the randomness are published before the seed can be known.
3.  *Premises.* The ticket of an entry is SHA-256 over seed, 0x1F, stage, 0x1F, identifier, all in
    UTF-8, with the stage ``premises``. By the algorithm of the commitment:

    ``ticket-sha256/1``
        In each stratum the lowest tickets win, as many as its quota; the next ones are the
        reserves. So an entry that is removed leaves the order of all others as it was.
    ``rfc3797/1``
        RFC 3797 draws from each stratum, as it stands in the list. The key is the seed and, as a
        last source, the place of the stratum among the sorted strata (from 1), ``.`` and ``/``.
    ``rivest-sha256/1``
        Rivest's sampler draws without replacement from each stratum, as it stands in the list. Its
        seed is the seed, ``/`` and the name of the stratum.
4.  *Inspectors.* The premises drawn are taken by rising ticket. Each needs two inspectors who are
    present, not recused and within their capacity, one of them with all its skills (both of them,
    if the commitment says so in ``both_skilled``). A premises is served if it can be served
    together with all those accepted before it. Then, in the same order, each served premises gets
    the inspectors with the lowest tickets (stage ``pair/`` and the identifier of the premises) with
    whom every other served premises can still be served. The first of a pair (A) leads and has all
    skills asked for, the second (B) assists.
5.  *Substitutes.* Where one of the premises drawn turns out to be closed or not to belong into the
    draw, the next reserve of its stratum stands for it, in the order of the draw; a substitute that
    turns out so gives way to the next one. ``substitutions.json``, which is there if this happened,
    has a record for each: what was replaced and why, the substitute, its pair, which inspectors of
    the list cannot go there on the day, and the digest of the record before (of the first: of the
    transcript). The pair is drawn as in 4 for this premises alone, from the other inspectors,
    with the capacity that the pairs of all premises leave which have not been replaced. Nothing in
    the files tells whether records were left out at the end or made anew: the office publishes the
    digest of the latest one, which is what to compare (``-`` where there is none).

Exit status: 0 verified, 1 something is wrong, 2 the command line or a file cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import sys
import unicodedata
import zipfile
from collections import deque
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FORMAT = "gis-supervision.draw/1"
ALGORITHM = "ticket-sha256/1"
RFC3797 = "rfc3797/1"
RIVEST = "rivest-sha256/1"
ALGORITHMS = (ALGORITHM, RFC3797, RIVEST)
LIST_FILE = "list.txt"
COMMITMENT_FILE = "commitment.json"
TRANSCRIPT_FILE = "transcript.json"
SUBSTITUTIONS_FILE = "substitutions.json"
SUBSTITUTIONS_FORMAT = "gis-supervision.draw-substitutions/1"
FEWER_THAN_TWO = "fewer_than_two_inspectors"
NO_SKILLED = "no_skilled_inspector"
NO_CAPACITY = "no_capacity_left"
NO_SUBSTITUTION = "-"
PAIR = 2
RFC3797_POOL = 0xFFFF
_LONGEST_NUMBER = 9
_SEPARATOR = b"\x1f"
_SINK = ""
_FIELDS = {"premises": 4, "excluded": 3, "inspector": 5, "recusal": 3}
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
COMMITMENT_KEYS = frozenset(
    {
        "format",
        "algorithm",
        "plan",
        "as_of",
        "rules",
        "list_sha256",
        "quotas",
        "reserves",
        "both_skilled",
        "randomness",
        "published_at",
        "seed_known_from",
    }
)


class DrawError(ValueError):
    """What was published is not what this algorithm works on.

    The English text is a template with values, so that a program can tell it in other languages.
    """

    def __init__(self, template: str, **values: object) -> None:
        self.template, self.values = template, values
        super().__init__(template % values if values else template)


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
        raise DrawError("%(what)s is empty", what=what)
    if text != text.strip():
        raise DrawError("%(what)s %(text)r begins or ends with white space", what=what, text=text)
    if text.isascii() and text.isprintable():
        return text
    for character in text:
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            raise DrawError(
                "%(what)s %(text)r has the forbidden character %(character)r in it",
                what=what,
                text=text,
                character=character,
            )
    if unicodedata.normalize("NFC", text) != text:
        raise DrawError("%(what)s %(text)r is not in normal form C", what=what, text=text)
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
        raise DrawError("the list is not UTF-8: %(error)s", error=error) from error
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
            raise DrawError(
                "list, line %(number)s: %(error)s", number=number, error=error
            ) from error
    for inspector, premises in sorted(parsed.recusals):
        if inspector not in parsed.inspectors and inspector not in parsed.absent:
            raise DrawError("recusal names an unknown inspector %(inspector)r", inspector=inspector)
        if premises not in parsed.skills and premises not in parsed.excluded:
            raise DrawError("recusal names unknown premises %(premises)r", premises=premises)
    return parsed


def _parse_line(line: str, parsed: DrawList) -> None:
    kind, *rest = line.split("\t")
    if len(rest) + 1 != _FIELDS.get(kind):
        raise DrawError(
            "expected %(kind)r with another number of fields, or another kind", kind=kind
        )
    name = check_text(rest[0], "identifier")
    if kind == "recusal":
        parsed.recusals.add((name, check_text(rest[1], "identifier")))
    elif kind == "inspector":
        if name in parsed.inspectors or name in parsed.absent:
            raise DrawError("inspector %(name)r stands twice", name=name)
        skills, absence = _parse_skills(rest[2]), check_text(rest[3], "absence", empty=True)
        if rest[1] != "-" and not _is_number(rest[1]):
            raise DrawError(
                "capacity %(capacity)r is neither a whole number nor '-'", capacity=rest[1]
            )
        capacity = None if rest[1] == "-" else int(rest[1])
        if absence:
            parsed.absent[name] = absence
        else:
            parsed.inspectors[name] = (capacity, skills)
    else:
        if name in parsed.skills or name in parsed.excluded:
            raise DrawError("premises %(name)r stand twice", name=name)
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
        raise DrawError("skills %(text)r are not sorted, or one stands twice", text=text)
    return frozenset(skills)


def ticket(seed: str, stage: str, name: str) -> str:
    """Compute SHA-256 over seed, 0x1F, stage, 0x1F, identifier, in hexadecimal."""
    parts = (part.encode("utf-8") for part in (seed, stage, name))
    return hashlib.sha256(_SEPARATOR.join(parts)).hexdigest()


def by_ticket(seed: str, stage: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Order identifiers by their tickets; pairs of ticket and identifier."""
    start = hashlib.sha256(_SEPARATOR.join((seed.encode("utf-8"), stage.encode("utf-8"), b"")))

    def number(name: str) -> str:  # what `ticket` computes, with the common beginning hashed once
        hashed = start.copy()
        hashed.update(name.encode("utf-8"))
        return hashed.hexdigest()

    return sorted((number(name), name) for name in names)


def rfc3797(key: str, pool: int, count: int) -> list[int]:
    """Draw as RFC 3797 does; places from 1 to `pool`, in the order of the picks.

    The n-th pick takes the MD5 digest of n as two bytes, the key, and n again, as a number modulo
    the size of what is left of the pool; whoever is picked leaves the pool and the others close up.
    """
    if not 0 <= count <= pool <= RFC3797_POOL:
        raise DrawError(
            "expected 0 <= count <= pool <= %(rfc3797_pool)s, got %(count)s and %(pool)s",
            rfc3797_pool=RFC3797_POOL,
            count=count,
            pool=pool,
        )
    if not key.isascii():
        raise DrawError("the key of RFC 3797 is ASCII, got %(key)r", key=key)
    left = list(range(1, pool + 1))
    picks = []
    for turn in range(count):
        counter = turn.to_bytes(2, "big")
        hashed = hashlib.md5(counter + key.encode() + counter, usedforsecurity=False)
        picks.append(left.pop(int.from_bytes(hashed.digest(), "big") % len(left)))
    return picks


def rivest_sha256(seed: str, total: int, count: int, *, is_repeating: bool = False) -> list[int]:
    """Draw as Rivest's sampler does; numbers from 1 to `total`, in the order of the draw.

    The n-th number is SHA-256 of seed, comma, and n in decimal (counted from 1), modulo `total`,
    plus 1. Unless numbers may repeat, one that came up before is passed over, and n goes on.
    """
    if count < 0 or total < min(count, 1) or (count > total and not is_repeating):
        raise DrawError("cannot draw %(count)s of %(total)s", count=count, total=total)
    try:
        start = hashlib.sha256(f"{seed},".encode())
    except UnicodeEncodeError as error:
        raise DrawError("seed %(seed)r is not encodable as UTF-8", seed=seed) from error
    picks: list[int] = []
    seen: set[int] = set()
    turn = 0
    while len(picks) < count:
        turn += 1
        hashed = start.copy()
        hashed.update(str(turn).encode())
        number = int.from_bytes(hashed.digest(), "big") % total + 1
        if is_repeating or number not in seen:
            seen.add(number)
            picks.append(number)
    return picks


def check_numbers(
    algorithm: str,
    strata: Mapping[str, Sequence[str]],
    quotas: Mapping[str, int],
    reserves: Mapping[str, int],
) -> None:
    """Refuse quotas or numbers of reserves that do not fit the strata or the algorithm."""
    for what, numbers in (("quotas", quotas), ("reserves", reserves)):
        if set(numbers) != set(strata):
            raise DrawError(
                "%(what)s are for %(numbers)s, the strata are %(strata)s",
                what=what,
                numbers=sorted(numbers),
                strata=sorted(strata),
            )
    for stratum, names in strata.items():
        quota, reserve = quotas[stratum], reserves[stratum]
        if type(quota) is not int or not 0 <= quota <= len(names):
            raise DrawError(
                "quota of %(stratum)r is %(quota)r, expected 0 to %(count)s",
                stratum=stratum,
                quota=quota,
                count=len(names),
            )
        if type(reserve) is not int or not 0 <= reserve <= len(names) - quota:
            raise DrawError(
                "reserves of %(stratum)r are %(reserve)r, expected 0 to %(count)s",
                stratum=stratum,
                reserve=reserve,
                count=len(names) - quota,
            )
        if algorithm == RFC3797 and len(names) > RFC3797_POOL:
            raise DrawError(
                "stratum %(stratum)r has %(count)s entries, RFC 3797 takes %(rfc3797_pool)s",
                stratum=stratum,
                count=len(names),
                rfc3797_pool=RFC3797_POOL,
            )


def select_premises(
    seed: str,
    strata: Mapping[str, Sequence[str]],
    quotas: Mapping[str, int],
    reserves: Mapping[str, int] | None = None,
    algorithm: str = ALGORITHM,
) -> tuple[dict[str, list[tuple[str | int, str]]], dict[str, list[tuple[str | int, str]]]]:
    """Draw as many premises of each stratum as its quota, then its reserves.

    Returns
    -------
    drawn, reserves : dict[str, list[tuple[str | int, str]]]
        By stratum, in the order of the draw: the ticket (of the other algorithms: the number
        drawn) and the identifier.

    Raises
    ------
    DrawError
        When quotas or reserves do not fit the strata.
    """
    spare = dict.fromkeys(strata, 0) if reserves is None else reserves
    check_numbers(algorithm, strata, quotas, spare)
    drawn, further = {}, {}
    for place, (stratum, names) in enumerate(sorted(strata.items()), start=1):
        quota = quotas[stratum]
        count = quota + spare[stratum]
        picks: list[tuple[str | int, str]]
        if algorithm == ALGORITHM:
            picks = [*by_ticket(seed, "premises", names)[:count]]
        else:
            numbers = (
                rfc3797(f"{seed}{place}./", len(names), count)
                if algorithm == RFC3797
                else rivest_sha256(f"{seed}/{stratum}", len(names), count)
            )
            picks = [(number, names[number - 1]) for number in numbers]
        drawn[stratum], further[stratum] = picks[:quota], picks[quota:]
    return drawn, further


@dataclass(eq=False)
class _Group:
    """Served premises that the same inspectors may visit, as one node of the network.

    Two units go from each of the premises to different inspectors, at most one of them to somebody
    without the skills. A group of n premises can be shared out in this way exactly if it sends 2n
    units, at most n to each inspector, at most n to those without the skills: dealt out in turn,
    those without the skills first, no premises gets two units that must not meet.

    Attributes
    ----------
    eligible : dict[str, bool]
        Whether the inspector has the skills, for all who may visit.
    size : int
        Number of premises.
    units : dict[str, int]
        Units that go to each inspector; only what is above nought.
    unskilled : int
        Units that pass through the hub, which leads to those without the skills.
    hub : _Hub
        That node.
    skilled, others : list[str]
        Inspectors of `eligible` with the skills and without.
    is_full : bool
        That no more of these premises can be served.
    """

    eligible: dict[str, bool]
    size: int = 0
    units: dict[str, int] = field(default_factory=dict)
    unskilled: int = 0
    is_full: bool = False

    def __post_init__(self) -> None:
        self.hub = _Hub(self)
        self.skilled = [name for name, is_skilled in self.eligible.items() if is_skilled]
        self.others = [name for name, is_skilled in self.eligible.items() if not is_skilled]


@dataclass(eq=False)
class _Hub:
    """The way from a group to inspectors who lack a skill."""

    group: _Group


_Node = Union[str, _Group, _Hub]  # noqa: UP007 - runs under Python 3.9 too


class _Flow:
    """Network from groups of served premises to inspectors, and from those to the sink.

    Which of several ways a unit takes has no bearing on the result, as all that is asked of the
    network is whether there is one.
    """

    def __init__(self, capacity: dict[str, int]) -> None:
        self.capacity = capacity
        self.load = dict.fromkeys(capacity, 0)
        self.users: dict[str, dict[_Group, None]] = {name: {} for name in capacity}

    def onward(self, node: _Node, goal: _Group | None) -> Iterator[_Node]:
        """Go through the nodes that one more unit can be sent to from here.

        Left out are those that can be reached through the sink as well, once the sink is reached.
        """
        if node == _SINK:
            if goal is not None:
                yield from [*goal.units]
            yield from (name for name, load in self.load.items() if load)
        elif isinstance(node, str):
            if self.load[node] < self.capacity[node]:
                yield _SINK
            for user in self.users[node]:
                yield user if user.eligible.get(node, False) else user.hub
        else:
            yield from self.out_of(node)

    def out_of(self, node: _Group | _Hub) -> Iterator[_Node]:
        """Go through the nodes that one more unit can be sent to from a group or its hub."""
        group = node.group if isinstance(node, _Hub) else node
        names = group.skilled if node is group else group.others
        if node is group.hub and group.unskilled:
            yield group
        elif node is group and group.unskilled < group.size:
            yield group.hub
        turn = group.size % len(names) if names else 0  # so that none is filled before the rest
        for name in itertools.chain(names[turn:], names[:turn]):
            if name in group.eligible and group.units.get(name, 0) < group.size:
                yield name
                if self.load[name] < self.capacity[name]:
                    break

    def push(self, start: _Node, end: _Node) -> list[_Node]:
        """Send one unit from start to end, by rerouting others where needed; give its way."""
        goal = end.group if isinstance(end, _Hub) else end if isinstance(end, _Group) else None
        before: dict[_Node, _Node] = {start: start}
        queue = deque([start])
        while queue and end not in before:
            here = queue.popleft()
            for there in self.onward(here, goal):
                if there in before:
                    continue
                before[there] = here
                if there == end:
                    break
                is_near = there == _SINK or (
                    isinstance(there, str)
                    and (
                        there in goal.units
                        if goal is not None and here == _SINK
                        else self.load[there] < self.capacity[there]
                    )
                )
                (queue.appendleft if is_near else queue.append)(there)
        if end not in before:
            return []
        way = [end]
        while way[-1] != start:
            way.append(before[way[-1]])
        way.reverse()
        self.follow(way)
        return way

    def follow(self, way: Sequence[_Node]) -> None:
        """Send one unit along a way."""
        for here, there in zip(way, way[1:]):  # noqa: B905, RUF007 - runs under Python 3.9 too
            if _SINK in (here, there):
                name, more = (here, 1) if there == _SINK else (there, -1)
                self.load[str(name)] += more
            elif isinstance(there, str):
                self.change(here, there, 1)
            elif isinstance(here, str):
                self.change(there, here, -1)
            else:
                group = here.group if isinstance(here, _Hub) else here
                group.unskilled += 1 if here is group else -1

    def change(self, node: _Node, name: str, more: int) -> None:
        """Change the number of units on the way from a group or its hub to an inspector."""
        group = node.group if isinstance(node, _Hub) else node
        if not isinstance(group, str):
            group.units[name] = group.units.get(name, 0) + more
            self.users[name][group] = None
            if not group.units[name]:
                del group.units[name], self.users[name][group]


def assign_pairs(
    seed: str, chosen: Sequence[str], parsed: DrawList, *, both_skilled: bool = False
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
    both_skilled : bool
        Whether both inspectors need the skills that the premises ask for.

    Returns
    -------
    pairs : dict[str, tuple[str, str]]
        The lead, who has all skills asked for, and the second inspector.
    without : dict[str, str]
        Reason for each of the premises that get no pair.
    """
    everyone = len(chosen)
    flow = _Flow(
        {
            name: everyone if capacity is None else capacity
            for name, (capacity, _) in parsed.inspectors.items()
        }
    )
    recused: dict[str, set[str]] = {}
    for inspector, premises in parsed.recusals:
        recused.setdefault(premises, set()).add(inspector)
    groups: dict[tuple[frozenset[str], frozenset[str]], _Group] = {}
    served: dict[str, _Group] = {}
    without: dict[str, str] = {}
    for premises in chosen:
        key = parsed.skills[premises], frozenset(recused.get(premises, ()))
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(
                {
                    name: key[0] <= skills
                    for name, (_, skills) in parsed.inspectors.items()
                    if name not in key[1]
                }
            )
            if both_skilled:
                group.others = []
        if len(group.eligible) < PAIR:
            without[premises] = FEWER_THAN_TWO
        elif len(group.skilled) < (PAIR if both_skilled else 1):
            without[premises] = NO_SKILLED
        elif not _serve(flow, group):
            without[premises] = NO_CAPACITY
        else:
            served[premises] = group
    pairs = {}
    for premises, group in served.items():
        able = (*group.skilled, *group.others)
        ranked = [name for _, name in by_ticket(seed, f"pair/{premises}", able)]
        two = _fix(flow, group, ranked)
        two.sort(key=lambda name: not group.eligible[name])  # stable: the lead first
        pairs[premises] = (two[0], two[1])
    return pairs, without


def _serve(flow: _Flow, group: _Group) -> bool:
    """Route two units for one more premises besides all that are routed, or leave all as it was."""
    if group.is_full:  # more of the same cannot be served either
        return False
    group.size += 1
    first = flow.push(group, _SINK)
    if first and flow.push(group, _SINK):
        return True
    flow.follow(first[::-1])
    group.size -= 1
    group.is_full = True
    return False


def _fix(flow: _Flow, group: _Group, ranked: Sequence[str]) -> list[str]:
    """Fix for one of a group the two first inspectors with whom all others can be served."""
    own = _apart(flow, group, ranked)
    fixed: list[str] = []
    for name in ranked:
        start = own if own.eligible.pop(name) else own.hub
        # a unit that goes there stays; else one has to come back from there to where it starts
        if name in own.units:
            flow.change(own, name, -1)
            fixed.append(name)
        elif flow.push(name, start):
            fixed.append(name)
        if len(fixed) == PAIR:
            break
    return fixed


def _apart(flow: _Flow, group: _Group, ranked: Sequence[str]) -> _Group:
    """Take one of the premises out of a group, with two units that the others can spare."""
    full = {name for name, units in group.units.items() if units == group.size}
    users = sorted((name for name in ranked if name in group.units), key=lambda x: x not in full)
    for two in itertools.combinations(users, PAIR):
        unskilled = sum(not group.eligible[name] for name in two)
        if full.issubset(two) and group.unskilled - group.size < unskilled <= 1:
            break
    own = _Group({name: group.eligible[name] for name in ranked}, 1, {}, unskilled)
    group.size -= 1
    group.unskilled -= unskilled
    for name in two:
        flow.change(group, name, -1)
        flow.change(own, name, 1)
    return own


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
        raise DrawError(
            "%(what)s is no time in ISO 8601: %(text)r", what=what, text=text
        ) from error
    if time.tzinfo is None:
        raise DrawError("%(what)s has no time zone: %(text)r", what=what, text=text)
    return time


def check_commitment(commitment: Any) -> None:
    """Check the form of a commitment, and that it was published before the seed was known."""
    if not isinstance(commitment, dict) or set(commitment) != COMMITMENT_KEYS:
        raise DrawError(
            "expected a commitment with the keys %(commitment_keys)s",
            commitment_keys=sorted(COMMITMENT_KEYS),
        )
    if commitment["format"] != FORMAT or commitment["algorithm"] not in ALGORITHMS:
        raise DrawError(
            "expected format %(format)r and an algorithm of %(algorithms)s",
            format=FORMAT,
            algorithms=", ".join(ALGORITHMS),
        )
    for key in ("plan", "rules", "randomness"):
        if not isinstance(commitment[key], str):
            raise DrawError("%(key)s is no text", key=key)
        check_text(commitment[key], key)
    if not isinstance(commitment["both_skilled"], bool):
        raise DrawError("both_skilled is neither true nor false")
    for key in ("quotas", "reserves"):
        if not isinstance(commitment[key], dict):
            raise DrawError("%(key)s are no object", key=key)
    try:
        date.fromisoformat(commitment["as_of"])
    except (TypeError, ValueError) as error:
        raise DrawError("as_of is no day: %(as_of)r", as_of=commitment["as_of"]) from error
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
    algorithm = commitment["algorithm"]
    selected, reserves = select_premises(
        seed, parsed.strata, commitment["quotas"], commitment["reserves"], algorithm
    )
    chosen = [name for picks in selected.values() for _, name in picks]
    in_order = [name for _, name in by_ticket(seed, "premises", chosen)]
    pairs, without = assign_pairs(seed, in_order, parsed, both_skilled=commitment["both_skilled"])
    label = "ticket" if algorithm == ALGORITHM else "number"
    transcript = {
        "commitment": commitment,
        "commitment_sha256": digest(commitment),
        "seed": seed,
        "drawn_at": drawn_at,
        **{
            key: {
                stratum: [{"premises": name, label: value} for value, name in picks]
                for stratum, picks in kind.items()
            }
            for key, kind in (("selected", selected), ("reserves", reserves))
        },
        "pairs": {name: list(pair) for name, pair in pairs.items()},
        "without_pair": without,
    }
    return {**transcript, "transcript_sha256": digest(transcript)}


def next_substitution(
    transcript: Mapping[str, Any],
    parsed: DrawList,
    before: Sequence[Mapping[str, Any]],
    *,
    replaced: str,
    reason: str,
    day: str,
    recorded_at: str,
    unavailable: Sequence[str],
) -> dict[str, Any]:
    """Let the next reserve stand for one of the premises, with a pair of its own.

    Parameters
    ----------
    transcript : Mapping[str, Any]
        Of the draw, as `replay` gives it.
    parsed : DrawList
        Its list.
    before : Sequence[Mapping[str, Any]]
        Records of the substitutions so far.
    replaced : str
        One of the premises drawn, or a substitute.
    reason : str
        Why it cannot be inspected in this draw.
    day : str
        On which the substitute is visited, or a later one.
    recorded_at : str
        When this is recorded, in ISO 8601 with its zone.
    unavailable : Sequence[str]
        Inspectors of the list who cannot go there then, sorted.

    Returns
    -------
    dict[str, Any]
        The record.

    Raises
    ------
    DrawError
        When the premises is none of those, no reserve is left, or a value is not as it should be.
    """
    pairs = {name: tuple(pair) for name, pair in transcript["pairs"].items()}
    strata = {
        pick["premises"]: stratum
        for stratum, picks in transcript["selected"].items()
        for pick in picks
    }
    last, last_at = transcript["transcript_sha256"], transcript["drawn_at"]
    for record in before:
        strata[record["premises"]] = strata.pop(record["replaced"])
        pairs.pop(record["replaced"], None)
        if record["pair"] is not None:
            pairs[record["premises"]] = tuple(record["pair"])
        last, last_at = record["sha256"], record["recorded_at"]
    if replaced not in strata:
        raise DrawError(
            "%(replaced)r is none of the premises that this draw asks to inspect",
            replaced=replaced,
        )
    _check_record(parsed, reason, day, recorded_at, unavailable)
    if moment(recorded_at, "recorded_at") < moment(last_at, "recorded_at"):
        raise DrawError("a substitution is recorded before the one ahead of it")
    stratum = strata.pop(replaced)
    pairs.pop(replaced, None)
    used = {record["premises"] for record in before}
    reserves = [pick["premises"] for pick in transcript["reserves"][stratum]]
    premises = next((name for name in reserves if name not in used), None)
    if premises is None:
        raise DrawError("no reserve of stratum %(stratum)r is left", stratum=stratum)
    busy = [name for pair in pairs.values() for name in pair]
    left = DrawList(
        skills=parsed.skills,
        inspectors={
            name: (None if capacity is None else max(capacity - busy.count(name), 0), skills)
            for name, (capacity, skills) in parsed.inspectors.items()
            if name not in set(unavailable)
        },
        recusals=parsed.recusals,
    )
    both = transcript["commitment"]["both_skilled"]
    found, without = assign_pairs(transcript["seed"], [premises], left, both_skilled=both)
    record = {
        "number": len(before) + 1,
        "replaced": replaced,
        "reason": reason,
        "day": day,
        "recorded_at": recorded_at,
        "unavailable": list(unavailable),
        "premises": premises,
        "stratum": stratum,
        "pair": list(found[premises]) if premises in found else None,
        "without_pair": without.get(premises),
        "previous": last,
    }
    return {**record, "sha256": digest(record)}


def _check_record(
    parsed: DrawList, reason: Any, day: Any, recorded_at: Any, unavailable: Any
) -> None:
    """Check what a substitution says that does not follow from the draw."""
    if not isinstance(reason, str):
        raise DrawError("reason is no text")
    check_text(reason, "reason")
    try:
        date.fromisoformat(day)
    except (TypeError, ValueError) as error:
        raise DrawError("day is no day: %(day)r", day=day) from error
    moment(recorded_at, "recorded_at")
    if not isinstance(unavailable, list) or not all(isinstance(one, str) for one in unavailable):
        raise DrawError("unavailable is no list of identifiers")
    if unavailable != sorted(set(unavailable)) or not set(unavailable) <= set(parsed.inspectors):
        raise DrawError("unavailable has others than inspectors of the list, or is not sorted")


def substitutions_json(
    transcript: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> bytes:
    """Write the file of substitutions that is published."""
    return canonical_json(
        {
            "format": SUBSTITUTIONS_FORMAT,
            "transcript_sha256": transcript["transcript_sha256"],
            "substitutions": [dict(record) for record in records],
        }
    )


def _substitution_findings(
    substitutions_data: bytes | None,
    substitutions_sha256: str | None,
    transcript: Mapping[str, Any],
    list_data: bytes,
) -> list[DrawError]:
    """Replay the substitutions of a draw that has been verified; name everything that differs."""
    records: list[dict[str, Any]] = []
    try:
        given: Any = {"substitutions": []}
        if substitutions_data is not None:
            given = json.loads(substitutions_data.decode("utf-8"))
        parsed = parse_list(list_data)
        for one in given["substitutions"]:
            records.append(
                next_substitution(
                    transcript,
                    parsed,
                    records,
                    replaced=one["replaced"],
                    reason=one["reason"],
                    day=one["day"],
                    recorded_at=one["recorded_at"],
                    unavailable=one["unavailable"],
                )
            )
        for one, expected in zip(given["substitutions"], records):  # noqa: B905 - runs under Python 3.9 too
            if canonical_json(one) != canonical_json(expected):
                number = expected["number"]
                return [
                    DrawError("substitution %(number)s is not what the draw gives", number=number)
                ]
        if substitutions_data not in (None, substitutions_json(transcript, records)):
            return [
                DrawError("the substitutions are not those of this draw in canonical form"),
            ]
    except DrawError as error:
        return [DrawError("%(place)s: %(error)s", place=SUBSTITUTIONS_FILE, error=error)]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        return [
            DrawError(
                "%(file)s is not what such a file holds: %(error)s",
                file=SUBSTITUTIONS_FILE,
                error=repr(error),
            )
        ]
    found = records[-1]["sha256"] if records else NO_SUBSTITUTION
    if substitutions_sha256 not in (None, found):
        return [
            DrawError(
                "the latest substitution has SHA-256 %(found)s, and %(published)s was published",
                found=found,
                published=substitutions_sha256,
            )
        ]
    return []


def findings(
    transcript_data: bytes,
    list_data: bytes,
    *,
    commitment_data: bytes | None = None,
    commitment_sha256: str | None = None,
    seed: str | None = None,
    substitutions_data: bytes | None = None,
    substitutions_sha256: str | None = None,
) -> list[DrawError]:
    """Replay a draw and name everything that differs, as `verify`, for telling in any language."""
    try:
        transcript = json.loads(transcript_data.decode("utf-8"))
        if not isinstance(transcript, dict):
            return [DrawError("the transcript is no JSON object")]
        expected = replay(
            transcript.get("commitment"),
            transcript.get("seed"),
            transcript.get("drawn_at"),
            list_data,
        )
        # sorts every key, so it also refuses what cannot be written as canonical text
        written = canonical_json(transcript)
    except DrawError as error:
        return [error]
    except (ValueError, RecursionError) as error:
        return [DrawError("the transcript is not UTF-8 JSON: %(error)s", error=error)]
    problems = [
        DrawError("%(key)s is not what the draw gives", key=key)
        for key in sorted(expected.keys() | transcript.keys())
        if key not in expected
        or key not in transcript
        or canonical_json(expected[key]) != canonical_json(transcript[key])
    ]
    if not problems and written != transcript_data:
        problems.append(DrawError("the transcript is not in canonical form: its text was changed"))
    if commitment_data is not None and commitment_data != canonical_json(expected["commitment"]):
        problems.append(
            DrawError("the commitment of the transcript is not the one in its own file")
        )
    if commitment_sha256 is not None and commitment_sha256 != expected["commitment_sha256"]:
        problems.append(DrawError("the commitment is not the one that was published"))
    if seed is not None and seed != transcript["seed"]:
        problems.append(DrawError("the seed is not the one that its source has published"))
    return problems or _substitution_findings(
        substitutions_data, substitutions_sha256, expected, list_data
    )


def verify(
    transcript_data: bytes,
    list_data: bytes,
    *,
    commitment_data: bytes | None = None,
    commitment_sha256: str | None = None,
    seed: str | None = None,
    substitutions_data: bytes | None = None,
    substitutions_sha256: str | None = None,
) -> list[str]:
    """Replay a draw and name everything that differs; an empty list when nothing does.

    Parameters
    ----------
    transcript_data, list_data : bytes
        The two published files.
    commitment_data : bytes, optional
        The commitment as it was published before the seed was known.
    commitment_sha256 : str, optional
        The digest of that.
    seed : str, optional
        The seed as its source has published it.
    substitutions_data : bytes, optional
        The file of substitutions, where there were any.
    substitutions_sha256 : str, optional
        The digest of the latest one as published, ``-`` where there is none. It holds those before
        it too; without it, records that were left out or made anew are not found.
    """
    found = findings(
        transcript_data,
        list_data,
        commitment_data=commitment_data,
        commitment_sha256=commitment_sha256,
        seed=seed,
        substitutions_data=substitutions_data,
        substitutions_sha256=substitutions_sha256,
    )
    return [str(one) for one in found]


def published_files(
    place: Path, list_place: Path | None = None
) -> tuple[bytes, bytes, bytes | None]:
    """Read transcript, list and (None where there is no such file) commitment.

    Parameters
    ----------
    place : Path
        A folder, a ZIP file, or the transcript itself.
    list_place : Path, optional
        The list beside a transcript; left out, ``list.txt`` in the same folder.

    Raises
    ------
    DrawError
        When a file is missing or cannot be read.
    """
    try:
        if place.is_dir() or not zipfile.is_zipfile(place):
            folder = place if place.is_dir() else place.parent
            transcript = folder / TRANSCRIPT_FILE if place.is_dir() else place
            commitment = folder / COMMITMENT_FILE
            return (
                transcript.read_bytes(),
                (list_place or folder / LIST_FILE).read_bytes(),
                commitment.read_bytes() if place.is_dir() else None,
            )
        with zipfile.ZipFile(place) as bundle:
            return (
                bundle.read(TRANSCRIPT_FILE),
                bundle.read(LIST_FILE),
                bundle.read(COMMITMENT_FILE),
            )
    except KeyError as error:
        raise DrawError("%(place)s: %(error)s", place=place, error=error.args[0]) from error
    except Exception as error:
        told = str(error) or type(error).__name__
        raise DrawError("%(place)s: %(error)s", place=place, error=told) from error


def published_substitutions(place: Path) -> bytes | None:
    """Read the substitutions beside a transcript; None where there were none.

    Raises
    ------
    DrawError
        When the file cannot be read.
    """
    try:
        if place.is_dir() or not zipfile.is_zipfile(place):
            file = (place if place.is_dir() else place.parent) / SUBSTITUTIONS_FILE
            return file.read_bytes() if file.exists() else None
        with zipfile.ZipFile(place) as bundle:
            there = SUBSTITUTIONS_FILE in bundle.namelist()
            return bundle.read(SUBSTITUTIONS_FILE) if there else None
    except Exception as error:
        told = str(error) or type(error).__name__
        raise DrawError("%(place)s: %(error)s", place=place, error=told) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Replay a public draw and check its transcript.")
    parser.add_argument(
        "place",
        type=Path,
        nargs="?",
        default=Path(__file__).parent,
        help="folder or ZIP file, or transcript.json; left out: the folder of this file",
    )
    parser.add_argument("list", type=Path, nargs="?", help="list.txt, beside a transcript.json")
    parser.add_argument("--commitment", help="SHA-256 of the commitment as published beforehand")
    parser.add_argument("--seed", help="the seed as published by its source")
    parser.add_argument(
        "--substitutions",
        help="SHA-256 of the latest substitution as published; '-' where there is none",
    )
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that lacks a character gets its number
            stream.reconfigure(errors="backslashreplace")
    try:
        transcript_data, list_data, commitment_data = published_files(options.place, options.list)
        substitutions_data = published_substitutions(options.place)
    except DrawError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    problems = verify(
        transcript_data,
        list_data,
        commitment_data=commitment_data,
        commitment_sha256=options.commitment,
        seed=options.seed,
        substitutions_data=substitutions_data,
        substitutions_sha256=options.substitutions,
    )
    for problem in problems:
        sys.stdout.write(f"WRONG 有误: {problem}\n")
    if problems:
        return 1
    transcript = json.loads(transcript_data)
    drawn = sum(len(picks) for picks in transcript["selected"].values())
    sys.stdout.write(
        f"VERIFIED 核验无误: {transcript['commitment']['plan']}: {drawn} premises drawn, "
        f"{len(transcript['pairs'])} with a pair of inspectors, "
        f"{len(transcript['without_pair'])} without\n"
        f"commitment 承诺 SHA-256: {transcript['commitment_sha256']}\n"
        f"seed 种子: {transcript['seed']}\n"
    )
    records = json.loads(substitutions_data or b'{"substitutions": []}')["substitutions"]
    latest = records[-1]["sha256"] if records else NO_SUBSTITUTION
    sys.stdout.write(f"substitutions 递补: {len(records)}, SHA-256 {latest}\n")
    if None in (options.commitment, options.seed, options.substitutions):
        sys.stdout.write(
            "Compare all three with what the office and the source of the seed published.\n"
            "请将以上三项与公布的承诺、递补摘要和种子来源公布的数值核对。\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
