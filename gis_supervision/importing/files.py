"""Files as they lie on disk: format, compression, encoding, delimiter, content hash."""

import csv
import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Literal, cast

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message

Format = Literal["csv", "xlsx", "geojson", "gpkg", "shapefile", "flatgeobuf", "geoparquet"]

SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".geojson": "geojson",
    ".json": "geojson",
    ".gpkg": "gpkg",
    ".shp": "shapefile",
    ".fgb": "flatgeobuf",
    ".parquet": "geoparquet",
    ".geoparquet": "geoparquet",
}
DELIMITERS: Final = ",;\t|"

_SAMPLE_BYTES: Final = 4_000_000
_CHUNK_BYTES: Final = 1 << 20


def sha256(path: Path) -> str:
    """Hash a file's content.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.

    Raises
    ------
    NotFoundError
        There is no such file.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except FileNotFoundError:
        raise NotFoundError("no file %(path)s", path=path) from None
    except IsADirectoryError:
        raise InvalidInputError("%(path)s is a directory; expected a file", path=path) from None
    return digest.hexdigest()


def member(path: Path, wanted: str | None) -> str | None:
    """Tell which member of a zip archive is meant.

    Parameters
    ----------
    path
        Any file.
    wanted
        Name of the member; None takes the only one that can be read.

    Returns
    -------
    str or None
        None when the file is no archive.

    Raises
    ------
    InvalidInputError
        There is no such member, or there are several.
    """
    if path.suffix.lower() != ".zip":
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile:
        raise InvalidInputError("%(file)s is not a zip archive", file=path.name) from None
    known = [
        name
        for name in names
        if Path(name).suffix.lower() in SUFFIXES and not name.startswith("__MACOSX")
    ]
    if wanted in names:
        return wanted
    if len(known) == 1:
        return known[0]
    raise InvalidInputError(
        "%(file)s holds %(names)s; expected one file with data, or its name as layer",
        file=path.name,
        names=", ".join(names) or Message("nothing"),
    )


def format_of(path: Path, inside: str | None = None) -> Format:
    """Tell the format of a file by its name.

    Parameters
    ----------
    path
        The file; ``.gz`` is looked through.
    inside
        Member of a zip archive, from `member`.

    Returns
    -------
    Format

    Raises
    ------
    InvalidInputError
        The name says nothing.
    """
    name = Path(inside or path.name)
    if name.suffix.lower() == ".gz":
        name = name.with_suffix("")
    found = SUFFIXES.get(name.suffix.lower())
    if found is None:
        raise InvalidInputError(
            "%(file)s: format unknown; expected one of %(suffixes)s, or a format in the mapping",
            file=path.name,
            suffixes=", ".join(SUFFIXES),
        )
    return found


@contextmanager
def opened(path: Path, inside: str | None = None) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressed.

    Parameters
    ----------
    path
        The file.
    inside
        Member of a zip archive.
    """
    if inside is not None:
        with zipfile.ZipFile(path) as archive, archive.open(inside) as file:
            yield file
    elif path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as file:
            yield cast("IO[bytes]", file)
    else:
        with path.open("rb") as file:
            yield file


def sample(path: Path, inside: str | None = None) -> bytes:
    """Read the first megabytes of a file.

    Raises
    ------
    InvalidInputError
        The file cannot be decompressed.
    """
    try:
        with opened(path, inside) as file:
            return file.read(_SAMPLE_BYTES)
    except (EOFError, OSError, zipfile.BadZipFile) as error:
        raise InvalidInputError(
            "%(file)s cannot be read: %(error)s", file=path.name, error=error
        ) from None


def encoding_of(data: bytes) -> str:
    """Tell the encoding of text by its bytes.

    Parameters
    ----------
    data
        The beginning of a file.

    Returns
    -------
    str
        ``utf-8``, ``utf-16``, ``gb18030`` or ``cp1252`` (``latin-1`` where that cannot be).

    Notes
    -----
    Text that is not UTF-8 is GB18030 if it can be and most of its bytes above 127 stand beside
    another one, as those of Chinese characters do; accented letters of Western languages mostly
    stand alone.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    whole = data if len(data) < _SAMPLE_BYTES else data[: data.rfind(b"\n") + 1] or data[:-4]
    if _decodes(whole, "utf-8"):
        return "utf-8"
    if _decodes(whole, "gb18030"):
        high = [byte > 127 for byte in whole]  # noqa: PLR2004 - the end of ASCII
        beside = sum(
            1
            for index, here in enumerate(high)
            if here and (high[index - 1 : index] == [True] or high[index + 1 : index + 2] == [True])
        )
        if beside > 0.6 * sum(high):
            return "gb18030"
    return "cp1252" if _decodes(whole, "cp1252") else "latin-1"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(header: str) -> str:
    """Tell the delimiter of a table by its header: the candidate that it has most of.

    Parameters
    ----------
    header
        First row; text in double quotes does not count.
    """
    plain = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=plain.count)


def header_of(data: bytes, encoding: str, delimiter: str | None, row: int) -> tuple[list[str], str]:
    """Read the column names of a delimited text.

    Parameters
    ----------
    data
        The beginning of the file.
    encoding
        Its encoding.
    delimiter
        None to find it out.
    row
        Line of the header, from 1.

    Returns
    -------
    names : list of str
        Trimmed; a name that repeats gets ``_2``, ``_3``, and one that is empty ``column_n``.
    delimiter : str

    Raises
    ------
    InvalidInputError
        There is no such row.
    """
    text = io.StringIO(data.decode(encoding, errors="replace").removeprefix("\ufeff"), newline="")
    for _ in range(row - 1):
        text.readline()
    start = text.tell()
    found = delimiter or delimiter_of(text.readline())
    text.seek(start)
    try:
        cells = next(csv.reader(text, delimiter=found), [])
    except csv.Error as error:
        raise InvalidInputError(
            "row %(row)s is no header: %(error)s", row=row, error=error
        ) from None
    if not any(cell.strip() for cell in cells):
        raise InvalidInputError("no header in row %(row)s", row=row)
    return unique_names(cells), found


def unique_names(cells: list[str]) -> list[str]:
    """Make column names of header cells; see `header_of`."""
    names: list[str] = []
    for index, cell in enumerate(cells, start=1):
        name = stem = cell.strip() or f"column_{index}"
        count = 1
        while name in names:
            count += 1
            name = f"{stem}_{count}"
        names.append(name)
    return names
