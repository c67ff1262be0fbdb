"""The archive of runs: a run of the same analysis on the same register is made once and kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely import MultiPolygon

from gis_supervision import __version__
from gis_supervision.domain import h3_index
from gis_supervision.storage import analyses
from gis_supervision.storage.tables import AnalysisRun

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.storage.analyses import Run


@dataclass(frozen=True)
class Findings:
    """What a run found.

    Attributes
    ----------
    summary
        As JSON takes it.
    metrics
        Pairs of unit kind and frame, as `gis_supervision.storage.analyses.store` takes them.
    series
        The same over time; the frames have a column ``period_end`` too.
    zeros
        Whether zeros of the series are stored.
    """

    summary: dict[str, Any]
    metrics: Sequence[tuple[str, pl.DataFrame]]
    series: Sequence[tuple[str, pl.DataFrame]] = ()
    zeros: bool = True


def reuse_or_store(
    session: Session,
    kind: str,
    as_of: date,
    parameters: dict[str, Any],
    seed: int,
    compute: Callable[[], Findings],
) -> Run:
    """Return the run of this analysis on the register as it is, making it where there is none.

    Parameters
    ----------
    session
        An open session; the caller commits.
    kind, as_of, parameters, seed
        What the run is of; all that it depends on beside the register and the code.
    compute
        Makes the run.

    Returns
    -------
    Run
    """
    found = analyses.find(session, kind, as_of, parameters, seed, __version__)
    if found is None:
        # whoever else makes the same run finishes it first
        analyses.lock(session, kind, as_of)
        found = analyses.find(session, kind, as_of, parameters, seed, __version__)
    if found is not None:
        return found
    version = analyses.registry_version(session)
    begun = analyses.started(session)
    findings = compute()
    return analyses.store(
        session,
        AnalysisRun(
            kind=kind,
            as_of=as_of,
            parameters=parameters,
            seed=seed,
            registry_version=version,
            code_version=__version__,
            summary=findings.summary,
            started_at=begun,
            finished_at=analyses.started(session),
        ),
        findings.metrics,
        findings.series,
        zeros=findings.zeros,
    )


def keep_outlines(session: Session, cells: Sequence[int], resolution: int) -> None:
    """Keep the outlines of H3 cells, for layers to draw.

    Parameters
    ----------
    session
        An open session; the caller commits.
    cells
        H3 indexes of one resolution; those whose outline is kept already are passed over.
    resolution
        Their resolution.
    """
    missing = analyses.missing_h3_outlines(session, cells)
    outlines = [
        # A cell on the antimeridian has two parts, so all are kept as multipolygons.
        f"SRID=4326;{MultiPolygon(getattr(outline, 'geoms', [outline])).wkt}"
        for outline in h3_index.boundaries(np.asarray(missing, dtype=np.int64))
    ]
    analyses.store_h3_outlines(session, missing, resolution, outlines)
