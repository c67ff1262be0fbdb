"""Hazards as they follow from inspections and findings, in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.storage import bulk
from gis_supervision.storage.statements import named


@dataclass(frozen=True)
class Derived:
    """What a derivation changed.

    Attributes
    ----------
    new, changed, withdrawn
        Number of hazards. A hazard is withdrawn when its findings turn out not to be there.
    """

    new: int
    changed: int
    withdrawn: int


def derive(
    session: Session, premises_ids: Sequence[int] | None, *, batch_id: int | None = None
) -> Derived:
    """Bring hazards into line with the findings of some premises, or of all.

    A hazard lives from the inspection that first records its item until the next inspection of
    the premises that does not; if the next one records it again it is the same hazard. The result
    does not depend on the order in which inspections came into the register. States that people
    have given to a case are kept: what they have settled stays settled unless a later inspection
    still finds it, and a hazard whose resolution falls away is again what it was before.

    Parameters
    ----------
    session
        An open session; the caller commits.
    premises_ids
        The premises, None for all.
    batch_id
        Batch that withdrawn hazards are remembered for, so that its undoing can bring them back.

    Returns
    -------
    Derived
    """
    session.execute(
        text(
            "CREATE TEMPORARY TABLE IF NOT EXISTS touched_premises (id bigint PRIMARY KEY) "
            "ON COMMIT DROP"
        )
    )
    session.execute(text("TRUNCATE touched_premises"))
    if premises_ids is not None:
        session.execute(
            text("INSERT INTO touched_premises SELECT DISTINCT unnest(cast(:ids AS bigint[]))"),
            {"ids": list(premises_ids)},
        )
    return derive_touched(session, everything=premises_ids is None, batch_id=batch_id)


def derive_touched(
    session: Session,
    *,
    everything: bool = False,
    batch_id: int | None = None,
    excluded_batch_id: int | None = None,
) -> Derived:
    """Do the same for the premises in the temporary table ``touched_premises``.

    Parameters
    ----------
    session
        An open session, with that table.
    everything
        Whether to take all premises instead.
    batch_id
        As in `derive`.
    excluded_batch_id
        Batch whose inspections are left out, since they are about to go.

    Returns
    -------
    Derived
    """
    sql = named("hazards")
    scope = {"everything": everything, "excluded": excluded_batch_id}
    session.execute(text("ANALYZE touched_premises"))
    session.execute(text(sql["episodes"]), scope)
    session.execute(text(sql["match"]))
    session.execute(text(sql["withdrawn"]), {"everything": everything})
    session.execute(text(sql["compare"]))
    new, changed, withdrawn = session.execute(text(sql["count"])).one()
    # statements on the register raise its version even if they touch no row
    if withdrawn:
        if batch_id is not None:
            session.execute(text(sql["remember"]), {"batch": batch_id})
        session.execute(text(sql["delete"]))
    if changed:
        session.execute(text(sql["update"]))
    if new:
        with bulk.load(session, "hazard", new):
            session.execute(text(sql["insert"]))
    session.execute(text(sql["drop"]))
    return Derived(new=new, changed=changed, withdrawn=withdrawn)
