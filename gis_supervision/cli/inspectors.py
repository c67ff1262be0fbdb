"""Commands for inspectors: who they are, certificates, leave, recusals, teams, and their files."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from gis_supervision.cli import registration
from gis_supervision.cli.connection import connected
from gis_supervision.cli.endings import days_of, print_endings
from gis_supervision.cli.terminal import AsJson, actor, print_json, print_table
from gis_supervision.domain.inspectors import (
    SKILL_NAMES,
    Period,
    Skill,
)
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.importing import people
from gis_supervision.language import gettext_noop
from gis_supervision.storage import absences, endings, recusals, register, teams
from gis_supervision.storage import inspectors as storage
from gis_supervision.storage.database import session_scope

app = typer.Typer(
    no_args_is_help=True,
    help=gettext_noop("Inspectors: certificates, leave, recusals, teams."),
)

app.command(
    "load", help=gettext_noop("Load inspectors from CSV files or workbooks: all rows or none.")
)(registration.load)
app.command(
    "template", help=gettext_noop("Write an empty workbook with the columns that `load` reads.")
)(registration.template)
app.command("register", help=gettext_noop("Register an inspector, or change what is given."))(
    registration.register_
)

Number = Annotated[str, typer.Argument(help=gettext_noop("Staff number."))]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: the report's day.")),
]
From = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help=gettext_noop("First day; left out: the report's day."),
    ),
]
To = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help=gettext_noop("Last day; left out: no end.")),
]
End = Annotated[
    datetime | None,
    typer.Option(
        "--end", formats=["%Y-%m-%d"], help=gettext_noop("End it: first day on which it is over.")
    ),
]
By = registration.By


@app.command("list", help=gettext_noop("List the inspectors of a day."))
def list_(as_of: Day = None, as_json: AsJson = False) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        day = as_of.date() if as_of else register.default_as_of(session)
        found = storage.on(session, day)
    if as_json:
        print_json([{**one.to_dict(), "available": one.available(day)} for one in found])
        return
    numbers = {one.id: one.staff_number for one in found}
    print_table(
        _("Inspectors on %(day)s", day=day),
        (
            _("Staff number"),
            _("Name"),
            _("Skills"),
            _("Languages"),
            _("Hours a year"),
            _("There"),
            _("Team"),
        ),
        [
            (
                one.staff_number,
                one.name,
                ", ".join(_(SKILL_NAMES[skill]) for skill in sorted(one.skills(day))),
                ", ".join(sorted(one.languages)),
                one.capacity_hours,
                _("yes") if one.available(day) else _("no"),
                None
                if one.team is None
                else f"{one.team.role} + {numbers.get(one.team.colleague_id, '')}",
            )
            for one in found
        ],
    )


@app.command(help=gettext_noop("Show everything about an inspector; home and leave: --personal."))
def show(
    number: Number,
    as_of: Day = None,
    personal: Annotated[
        bool, typer.Option("--personal", help=gettext_noop("Tell home and leave too."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        day = as_of.date() if as_of else register.default_as_of(session)
        person = storage.find(session, number)
        (one,) = storage.on(session, day, day + timedelta(days=365), ids=[person])
        kept_away = [r for r in recusals.since(session, day) if r.inspector_id == person]
        away = [a for a in storage.absences(session, day, None) if a.inspector_id == person]
        ended = endings.of(session, person)
        by, at = storage.recorded(session, person)
    told: dict[str, Any] = {
        **one.to_dict(personal=personal),
        "available": one.available(day),
        "recusals": [
            {
                "id": r.id,
                "licence": r.licence,
                "owner": r.owner,
                "reason": r.reason,
                **r.period.to_dict(),
            }
            for r in kept_away
        ],
        "recorded_by": by,
        "recorded_at": at and at.isoformat(),
        "endings": [e.to_dict(personal=personal) for e in ended],
    }
    if personal:
        told["leave"] = [{"reason": a.reason, **a.period.to_dict()} for a in away]
    if as_json:
        print_json(told)
        return
    print_table(
        f"{one.name} ({one.staff_number})",
        (_("What"), _("Value")),
        [
            (_("Hours a year"), one.capacity_hours),
            (_("Languages"), ", ".join(sorted(one.languages))),
            (_("There on %(day)s", day=day), _("yes") if one.available(day) else _("no")),
            (_("Recorded by"), f"{by or ''} {at.strftime('%Y-%m-%d %H:%M') if at else ''}".strip()),
            *((_(SKILL_NAMES[c.skill]), days_of(c.valid)) for c in one.certificates),
            *(
                (_("Recusal %(id)d", id=r.id), f"{r.licence or r.owner}: {r.reason}")
                for r in kept_away
            ),
            *((_("Leave"), f"{days_of(a.period)} ({a.reason})") for a in away if personal),
        ],
    )
    print_endings(ended, _, personal=personal)


@app.command(help=gettext_noop("Give a certificate, or end one."))
def skill(
    number: Number,
    kind: Annotated[
        str,
        typer.Argument(
            help=gettext_noop("production, circulation, catering or special_food, or in Chinese.")
        ),
    ],
    first: From = None,
    last: To = None,
    certificate: Annotated[
        str | None, typer.Option(help=gettext_noop("Number of the certificate."))
    ] = None,
    end: End = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    chosen = people.SKILL_WORDS.get(kind.lower())
    if chosen is None:
        raise InvalidInputError(
            "skill %(kind)r: expected one of %(skill_words)s",
            kind=kind,
            skill_words=", ".join(people.SKILL_WORDS),
        )
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        person = storage.find(session, number)
        if end is not None:
            if not storage.withdraw_certificate(session, person, chosen, end.date(), by=actor(by)):
                raise NotFoundError(
                    "%(number)s: no certificate for %(chosen)s on %(end)s",
                    number=number,
                    chosen=chosen,
                    end=end.date(),
                )
        else:
            begin = first.date() if first else register.default_as_of(session)
            storage.certify(
                session,
                person,
                chosen,
                _period(begin, last),
                number=certificate,
                by=actor(by),
            )
        held = storage.certificates_of(session, person)
    if as_json:
        print_json([{"skill": c.skill, "number": c.number, **c.valid.to_dict()} for c in held])
    else:
        _print_certificates(_("Certificates of %(number)s", number=number), held, _)


def _print_certificates(title: str, held: Any, _: Any) -> None:
    print_table(
        title,
        (_("Skill"), _("Number of the certificate"), _("Days")),
        [(_(SKILL_NAMES[Skill(c.skill)]), c.number, days_of(c.valid)) for c in held],
    )


@app.command(help=gettext_noop("List certificates that end within some days, or have ended."))
def expiring(
    within: Annotated[int, typer.Option(min=0, help=gettext_noop("Days from then on."))] = 90,
    as_of: Day = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        day = as_of.date() if as_of else register.default_as_of(session)
        found = storage.expiring(session, day, within)
    if as_json:
        print_json([{**vars(one), "skill": one.skill, "last_day": one.last_day} for one in found])
        return
    print_table(
        _("Certificates that end within %(days)d days of %(day)s", days=within, day=day),
        (
            _("Staff number"),
            _("Name"),
            _("Skill"),
            _("Number of the certificate"),
            _("Last day"),
            _("Days left"),
        ),
        [
            (e.staff_number, e.name, _(SKILL_NAMES[e.skill]), e.number, e.last_day, e.days_left)
            for e in found
        ],
    )


@app.command(help=gettext_noop("Record leave from a first to a last day, or end it early."))
def leave(
    number: Number,
    first: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help=gettext_noop("First day.")),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Argument(formats=["%Y-%m-%d"], help=gettext_noop("Last day.")),
    ] = None,
    reason: Annotated[
        str, typer.Option(help=gettext_noop("leave, sick, training, secondment or other."))
    ] = "leave",
    end: End = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        person = storage.find(session, number)
        if end is not None:
            day = end.date()
            if storage.end_leave(session, person, day, by=actor(by)) is None:
                raise NotFoundError(
                    "%(number)s: no leave on %(day)s or later", number=number, day=day
                )
        elif first is None or last is None:
            raise InvalidInputError("leave: expected a first and a last day, or --end")
        else:
            day = first.date()
            storage.take_leave(
                session,
                person,
                _period(day, last),
                reason=people.LEAVE_WORDS.get(reason, reason),
                by=actor(by),
            )
        rows = [a for a in storage.absences(session, day, None) if a.inspector_id == person]
        covered = end is not None and any(
            one.inspector_id == person for one in absences.covered(session, day)
        )
    if as_json:
        print_json([{"reason": a.reason, **a.period.to_dict()} for a in rows])
        return
    print_table(
        _("Leave of %(number)s from %(day)s on", number=number, day=day),
        (_("Days"), _("Reason"), _("Recorded by")),
        [(days_of(a.period), a.reason, a.recorded_by) for a in rows],
    )
    if covered:
        typer.echo(
            _(
                "Others still have the zones: gis-supervision zones return %(number)s --on %(day)s"
                " --by NAME",
                number=number,
                day=day,
            )
        )


@app.command(help=gettext_noop("Keep an inspector away from a premises or an owner, or end that."))
def recuse(
    number: Number,
    licence: Annotated[
        str | None, typer.Option(help=gettext_noop("Licence of the premises."))
    ] = None,
    owner: Annotated[
        str | None, typer.Option(help=gettext_noop("Unified social credit code of the owner."))
    ] = None,
    reason: Annotated[str | None, typer.Option(help=gettext_noop("Why."))] = None,
    first: From = None,
    last: To = None,
    end: End = None,
    recusal: Annotated[
        int | None, typer.Option(help=gettext_noop("Number of the recusal to end."))
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        person = storage.find(session, number)
        day = first.date() if first else register.default_as_of(session)
        if end is not None:
            day = end.date()
            known = {r.id for r in recusals.since(session, day) if r.inspector_id == person}
            if recusal not in known:
                raise NotFoundError(
                    "%(number)s: --recusal: expected one of %(known)s",
                    number=number,
                    known=sorted(known),
                )
            recusals.end(session, recusal, day, by=actor(by))
        else:
            if not reason:
                raise InvalidInputError("recuse: expected a --reason")
            recusals.add(
                session,
                person,
                premises_id=None if licence is None else recusals.premises_with(session, licence),
                owner=None if owner is None else people.owner_code(owner),
                reason=reason,
                by=actor(by),
                valid=_period(day, last),
            )
        rows = [r for r in recusals.since(session, day) if r.inspector_id == person]
    if as_json:
        print_json(
            [
                {"id": r.id, "licence": r.licence, "owner": r.owner, "reason": r.reason}
                | r.period.to_dict()
                for r in rows
            ]
        )
        return
    print_table(
        _("Recusals of %(number)s from %(day)s on", number=number, day=day),
        (_("No."), _("Premises or owner"), _("Reason"), _("Days"), _("Recorded by")),
        [
            (str(r.id), r.licence or r.owner, r.reason, days_of(r.period), r.recorded_by)
            for r in rows
        ],
    )


@app.command(help=gettext_noop("Let two go together: A leads, B assists; or end a team."))
def team(
    lead: Annotated[str, typer.Argument(help=gettext_noop("Staff number of A, who leads."))],
    assistant: Annotated[
        str | None, typer.Argument(help=gettext_noop("Staff number of B, who assists."))
    ] = None,
    first: From = None,
    last: To = None,
    end: End = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        one = storage.find(session, lead)
        if end is not None:
            ended = teams.disband(session, one, end.date(), by=actor(by))
            if not ended:
                raise NotFoundError(
                    "%(lead)s: in no team on %(end)s or later", lead=lead, end=end.date()
                )
            told = {"ended": ended}
        else:
            if assistant is None:
                raise InvalidInputError("team: expected two staff numbers, or --end")
            day = first.date() if first else register.default_as_of(session)
            new = teams.team_up(
                session,
                one,
                storage.find(session, assistant),
                _period(day, last),
                by=actor(by),
            )
            told = {"new": int(new)}
    if as_json:
        print_json(told)
    elif end is not None:
        typer.echo(_("Teams that were ended: %(count)d", count=told["ended"]))
    else:
        typer.echo(_("Team: A %(lead)s, B %(assistant)s", lead=lead, assistant=assistant))


def _period(first: date, last: datetime | None) -> Period:
    return Period(first, None if last is None else last.date() + timedelta(days=1))
