"""Commands of the order of risk."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from gis_supervision.analysis import risk_order
from gis_supervision.analysis.risk_evaluation import Interval, Measures, Share
from gis_supervision.analysis.risk_judgement import FAIR, KNOWN, UNKNOWN, Judgement
from gis_supervision.analysis.risk_reasons import REASONS
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, AsOf, print_json, print_table, progress
from gis_supervision.demo import risk_evaluation
from gis_supervision.language import Translator, gettext_noop, translator
from gis_supervision.settings import load
from gis_supervision.storage import register, risk_places
from gis_supervision.storage.database import session_scope

ORDERS = {
    FAIR: gettext_noop("ours, inspectors held equal"),
    UNKNOWN: gettext_noop("ours, as if no inspector was recorded"),
    "published_without_groups": gettext_noop("published model without inspector groups"),
    KNOWN: gettext_noop("ours, by who inspects (not for use)"),
    "published_with_groups": gettext_noop("published model, by who inspects (not for use)"),
}
"""What people call the orders, the fair ones first."""

BY_DIVISION = {
    FAIR: gettext_noop("ours, divisions held equal"),
    UNKNOWN: gettext_noop("ours, divisions not looked at"),
    KNOWN: gettext_noop("ours, by division (not for use)"),
}
"""The same in a register where the division stands for the inspectors."""

SHOWN_REASONS = 3
LEAST_SHOWN = 5
"""Inspections of a district or category that is printed."""

app = typer.Typer(
    no_args_is_help=True, help=gettext_noop("Order of risk: rank premises, judge the order.")
)

Seed = Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of resamples and fits."))]


@app.command(help=gettext_noop("Judge the order on months after the ones it was fitted to."))
def evaluate(
    of_register: Annotated[
        bool,
        typer.Option(
            "--register",
            help=gettext_noop("The office's own register; left out: the published evaluation."),
        ),
    ] = False,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=gettext_noop("First day judged; left out: 60 days with the last."),
        ),
    ] = None,
    end: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=gettext_noop("Last day judged; left out: that of the last inspection."),
        ),
    ] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    of_register = of_register or bool(start or end)
    if of_register:
        with connected() as connection:
            _ = connection.translate
            with progress() as advance, session_scope(connection.engine) as session:
                advance(_("Fitting and judging orders"))
                last = end.date() if end else register.last_inspection(session)
                last = last or register.current_day(session)
                first = start.date() if start else risk_order.last_period(last)[0]
                judged = risk_order.evaluate(session, first, last, seed=seed)
        data: dict[str, Any] = judged.to_dict()
    else:
        _ = translator(load().language)
        with progress() as advance:
            advance(_("Fitting and judging orders"))
            published = risk_evaluation.evaluate(seed=seed)
        judged = published.judgement
        data = published.to_dict()
    if as_json:
        print_json(data)
        return
    _print_judgement(judged, _, by_division=of_register)


def _print_judgement(judged: Judgement, _: Translator, *, by_division: bool) -> None:
    fair = judged.orders[FAIR]
    data = judged.to_dict()
    labels = {
        name: _(label) for name, label in (ORDERS | (BY_DIVISION if by_division else {})).items()
    }
    names = sorted(judged.orders, key=list(ORDERS).index)
    print_table(
        _(
            "Inspections from %(start)s to %(end)s in the order of risk: %(visits)d,"
            " of them %(critical)d with a critical hazard",
            start=data["start"],
            end=data["end"],
            visits=fair.visits,
            critical=fair.critical,
        ),
        (
            _("Order"),
            _("Days earlier (95 %)"),
            _("Found in the first half, %"),
            _("Earlier"),
            _("Later"),
            _("AUC (95 %)"),
            _("Brier score"),
        ),
        [
            *(_order_row(labels[name], judged.orders[name]) for name in names),
            (_("by lot"), _span(judged.random, 2), "50.0", "", "", "0.500", ""),
            (
                _("as inspected"),
                "0.00",
                f"{100 * fair.found_in_first_half_as_made:.1f}",
                "",
                "",
                "",
                f"{fair.brier_of_the_mean:.4f}",
            ),
        ],
    )
    if judged.ahead:
        print_table(
            _("Days by which the first order is ahead, on the same resamples"),
            (_("Of"), _("Days (95 %)")),
            [(labels[name], _span(of, 2)) for name, of in judged.ahead.items()],
        )
    typer.echo(
        _(
            "Model: %(model)s, fitted to %(visits)d inspections before, of them %(critical)d with"
            " a critical hazard; orders by lot that do as well: p = %(p)s.",
            model=data["model"],
            visits=judged.model.visits,
            critical=judged.model.critical,
            p=f"{judged.p:.4f}",
        )
    )
    typer.echo(
        _(
            "Intervals are of inspections drawn with replacement; how the model would differ with"
            " another past is not in them, see the periods below."
        )
    )
    if by_division:
        typer.echo(
            _(
                "The register does not record who made a visit: the division stands for the"
                " inspectors, and its effect is taken out."
            )
        )
    if judged.trials:
        print_table(
            _("Models on the periods before, which choose"),
            (_("Model"), _("Mean AUC"), _("Mean days earlier")),
            [(one.candidate, f"{one.auc:.3f}", one.days_earlier) for one in judged.trials],
        )
        print_table(
            _("The chosen model on these periods"),
            (_("From"), _("To"), _("Inspections"), _("Critical"), _("Days earlier"), _("By lot")),
            [
                (
                    one["start"],
                    one["end"],
                    one["visits"],
                    one["critical"],
                    one["days_earlier"],
                    one["random_days"],
                )
                for one in data["periods"]
            ],
        )
    print_table(
        _("Reliability"),
        (_("Inspections"), _("Predicted, %"), _("Found, %")),
        [(one.visits, 100 * one.predicted, 100 * one.observed) for one in fair.reliability],
    )
    _print_shares(_("Districts"), judged.districts, _)
    _print_shares(_("Categories"), judged.categories, _)


def _order_row(label: str, of: Measures) -> tuple[object, ...]:
    return (
        label,
        _span(of.days_earlier, 2),
        f"{100 * of.found_in_first_half.value:.1f}",
        of.earlier,
        of.later,
        _span(of.auc, 3),
        f"{of.brier:.4f}",
    )


def _span(of: Interval, decimals: int) -> str:
    if of.low is None or of.high is None:
        return f"{of.value:.{decimals}f}"
    return f"{of.value:.{decimals}f} ({of.low:.{decimals}f}, {of.high:.{decimals}f})"


def _print_shares(title: str, parts: tuple[Share, ...], _: Translator) -> None:
    if not parts:
        return
    none = _("none")
    print_table(
        title,
        (
            _("Name"),
            _("Inspections"),
            _("Critical"),
            _("In the first half, %"),
            _("Its critical in the first half, %"),
            _("Share of the first half, %"),
            _("Share of all critical, %"),
            _("Days earlier"),
            _("Earlier"),
            _("Later"),
        ),
        [
            (
                part.name or _("unknown"),
                part.visits,
                part.critical,
                f"{100 * part.first_half:.0f}",
                none
                if part.critical_first_half is None
                else f"{100 * part.critical_first_half:.0f}",
                f"{100 * part.share_of_first_half:.1f}",
                f"{100 * part.share_of_critical:.1f}",
                none if part.days_earlier is None else f"{part.days_earlier:.1f}",
                part.earlier,
                part.later,
            )
            for part in parts
            if part.visits >= LEAST_SHOWN
        ],
    )
    small = [part for part in parts if part.visits < LEAST_SHOWN]
    if small:
        typer.echo(
            _(
                "Not shown: %(count)d with fewer than %(least)d inspections, %(visits)d in all.",
                count=len(small),
                least=LEAST_SHOWN,
                visits=sum(part.visits for part in small),
            )
        )


@app.command(help=gettext_noop("Rank premises for the visits after a day, with reasons."))
def rank(
    as_of: AsOf = None,
    limit: Annotated[
        int, typer.Option(min=1, help=gettext_noop("How many premises are printed."))
    ] = 20,
    seed: Seed = 0,
    publish: Annotated[
        bool | None,
        typer.Option(
            help=gettext_noop(
                "Let reports that name no day speak of this one;"
                " left out: unless it is earlier than the one they speak of."
            )
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Ordering premises by risk"))
            day = as_of.date() if as_of else register.default_as_of(session)
            spoken_of = risk_places.latest_as_of(session)
            announce = publish if publish is not None else spoken_of is None or day >= spoken_of
            made = risk_order.rank(session, day, seed=seed, publish=announce)
            places = risk_places.first(session, made.id, limit)
    if as_json:
        print_json(
            {
                "run": made.id,
                "as_of": made.as_of,
                "parameters": made.parameters,
                "summary": made.summary,
                "reused": made.reused,
                "published": announce,
                "premises": [asdict(place) for place in places],
            }
        )
        return
    print_table(
        _(
            "Visit first after %(day)s: %(premises)d premises by the probability of a critical"
            " hazard",
            day=day,
            premises=made.summary["premises"],
        ),
        (_("Place"), _("Licence"), _("Premises"), _("Probability, %"), _("Reasons")),
        [
            (
                place.place,
                place.licence,
                place.name,
                100 * place.probability,
                "; ".join(
                    f"{_(REASONS[reason])} {odds:+.2f}"
                    for reason, odds in list(place.reasons.items())[:SHOWN_REASONS]
                    if odds > 0
                ),
            )
            for place in places
        ],
    )
    typer.echo(
        _(
            "Reasons are added log odds against the average inspection; inspectors are none of"
            " them. Fitted to %(visits)d inspections from %(first)s to %(last)s.",
            visits=made.summary["visits"],
            first=made.summary["first_visit"],
            last=made.summary["last_visit"],
        )
    )
    judged = made.summary["judged"]
    if judged is not None:
        gain = judged["days_earlier"]
        typer.echo(
            _(
                "The same model on %(start)s to %(end)s, fitted before: critical hazards found"
                " %(days)s days earlier (95 %%: %(low)s to %(high)s), AUC %(auc)s.",
                start=judged["start"],
                end=judged["end"],
                days=f"{gain['value']:.1f}",
                low=_known(gain["low"]),
                high=_known(gain["high"]),
                auc=f"{judged['auc']['value']:.3f}",
            )
        )


def _known(value: float | None) -> str:
    return "?" if value is None else f"{value:.1f}"


@app.command(help=gettext_noop("Tell why a premises has its place in the order."))
def explain(
    licence: Annotated[str, typer.Argument(help=gettext_noop("Number of the licence."))],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with session_scope(connection.engine) as session:
            day = as_of.date() if as_of else register.default_as_of(session)
            place = risk_places.of_licence(session, licence, day)
    if as_json:
        print_json(asdict(place) | {"as_of": day})
        return
    print_table(
        _(
            "%(name)s on %(day)s: place %(place)d of %(ranked)d, probability %(probability)s %%",
            name=place.name,
            day=day,
            place=place.place,
            ranked=place.ranked,
            probability=f"{100 * place.probability:.1f}",
        ),
        (_("Reason"), _("Added log odds")),
        [(_(REASONS[reason]), odds) for reason, odds in place.reasons.items()],
    )
