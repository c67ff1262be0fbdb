"""What anyone needs to check a draw: list, commitment, transcript, verifier, instructions."""

from __future__ import annotations

import io
import json
import zipfile
from importlib import resources
from typing import TYPE_CHECKING

from gis_supervision.domain.draw_transcript import Commitment
from gis_supervision.domain.verify_draw import (
    COMMITMENT_FILE,
    LIST_FILE,
    NO_SUBSTITUTION,
    SUBSTITUTIONS_FILE,
    TRANSCRIPT_FILE,
)
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from gis_supervision.storage.draws import Record

VERIFIER_FILE = "verify_draw.py"
README_FILE = "README.md"

README = """\
# {name}

## 中文

本文件包供任何人核验这次“双随机”抽取，只需 Python 3.9 及以上，无需安装任何软件包，也无需联网：

    python verify_draw.py . --commitment {commitment} \
--substitutions {substitutions} --seed "种子来源公布的数值"

- `list.txt` 抽取名单：可抽取的经营主体及其分层、排除的主体及原因、检查人员、回避关系；
- `commitment.json` 在种子可知之前公布的承诺：名单的 SHA-256、各层抽取数与备选数、
  算法版本、随机数来源；
- `transcript.json` 抽取结果：种子、抽中主体、备选顺序、检查人员配对（前为 A 主检，后为 B 协检）；
- `substitutions.json`（如有递补）：被替换的主体及原因、依次递补的备选主体及其检查人员配对；
- `verify_draw.py` 核验程序，文件开头写明全部规则。

请将承诺的 SHA-256 与 {published} 公布的数值核对，将最后一次递补的 SHA-256（“-”表示没有递补）
与抽取结果页面公布的数值核对，将种子与其来源公布的数值核对：{randomness}

## English

Anyone can check this random draw with Python 3.9 or newer; no package and no network is needed:

    python verify_draw.py . --commitment {commitment} \
--substitutions {substitutions} --seed "as its source published it"

- `list.txt`: premises that could be drawn with their strata, those left out and why, inspectors,
  recusals;
- `commitment.json`: published before the seed could be known: SHA-256 of the list, quotas and
  reserves, version of the algorithm, source of randomness;
- `transcript.json`: the seed, the premises drawn, the order of reserves, pairs of inspectors (the
  first, A, leads);
- `substitutions.json` (if there were any): what was replaced and why, the reserves that stand for
  it in their order, and their pairs;
- `verify_draw.py`: the verifier; all rules stand at its beginning.

Compare the digest of the commitment with the one published at {published}, that of the latest
substitution ("-": there is none) with the one on the page of the draw, and the seed with what its
source published: {randomness}
"""


def files(record: Record, substitutions: bytes | None = None) -> dict[str, bytes]:
    """Give every file of a bundle by its name.

    Parameters
    ----------
    record
        The draw.
    substitutions
        The file of substitutions (`gis_supervision.assignment.substitution.published`).

    Raises
    ------
    ConflictError
        When the draw has not been carried out.
    """
    kept, result = record.committed(), record.drawn()
    verifier = resources.files("gis_supervision.domain") / VERIFIER_FILE
    readme = README.format(
        name=record.plan.name,
        commitment=kept.sha256,
        published=kept.published_at.isoformat(timespec="seconds"),
        randomness=randomness(record),
        substitutions=_latest(substitutions),
    )
    return {
        LIST_FILE: kept.list_data,
        COMMITMENT_FILE: kept.content.encode(),
        TRANSCRIPT_FILE: result.transcript,
        **({} if substitutions is None else {SUBSTITUTIONS_FILE: substitutions}),
        VERIFIER_FILE: verifier.read_bytes(),
        README_FILE: readme.encode(),
    }


def _latest(substitutions: bytes | None) -> str:
    """Return the digest of the latest substitution, which those before it depend on."""
    made = json.loads(substitutions)["substitutions"] if substitutions is not None else []
    return str(made[-1]["sha256"]) if made else NO_SUBSTITUTION


def randomness(record: Record) -> str:
    """Return the declared source of the seed."""
    return Commitment.read(record.committed().content.encode()).randomness


def zipped(record: Record, substitutions: bytes | None = None) -> bytes:
    """Pack a bundle as a ZIP file, the same bytes for the same draw."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in files(record, substitutions).items():
            bundle.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def write(record: Record, place: Path, substitutions: bytes | None = None) -> Path:
    """Write a bundle: a ZIP file where the name ends in .zip, else a folder.

    Raises
    ------
    InvalidInputError
        When the folder holds other files, or nothing can be written there.
    """
    try:
        if place.suffix.lower() == ".zip":
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(zipped(record, substitutions))
            return place
        made = files(record, substitutions)
        if place.is_dir() and {one.name for one in place.iterdir()} - made.keys():
            raise InvalidInputError("%(place)s: holds other files; name a new folder", place=place)
        place.mkdir(parents=True, exist_ok=True)
        for name, data in made.items():
            (place / name).write_bytes(data)
    except OSError as error:
        raise InvalidInputError(
            "%(place)s: cannot be written: %(reason)s", place=place, reason=error.strerror
        ) from error
    return place
