"""SQL that is kept in files: statements by name, from ``storage/sql``."""

import re
from importlib import resources
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def named(noun: str) -> dict[str, str]:
    """Read the statements of a file.

    Parameters
    ----------
    noun
        Name of the file, without ``.sql``.

    Returns
    -------
    dict of str to str
        Text of each statement by the name in the comment ``-- name: x`` before it.
    """
    text = (resources.files("gis_supervision.storage") / "sql" / f"{noun}.sql").read_text("utf-8")
    parts = _NAME.split(text)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))
