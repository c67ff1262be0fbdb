"""Collect the texts that people read into the gettext catalogues.

``catalogue.py`` rewrites each catalogue: texts that the code no longer speaks go, new ones come in
untranslated. ``catalogue.py --check`` changes nothing and tells what is missing or wrong.
"""

import io
import sys
from pathlib import Path

from babel.messages import extract, pofile
from babel.messages.catalog import Catalog

from gis_supervision import errors

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gis_supervision"
METHODS = [("**.py", "python"), ("**/templates/**", "jinja2")]
OPTIONS = {"**/templates/**": {"silent": "false"}}
ERRORS = [
    kind.__name__
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.SupervisionError)
]
MESSAGES = ("Message", "DrawError", *ERRORS)
"""Classes whose first argument is a text; see `gis_supervision.messages`."""
KEYWORDS = extract.DEFAULT_KEYWORDS | dict.fromkeys(("gettext_noop", *MESSAGES))
HEADER = """\
# Texts of gis-supervision.
# `make catalogue` adds the texts that the code speaks and takes out those it no longer does.
msgid ""
msgstr ""
"Project-Id-Version: gis-supervision\\n"
"Language: {language}\\n"
"Plural-Forms: {plural_forms}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def spoken() -> Catalog:
    """Return every text that code and templates speak, untranslated."""
    catalogue = Catalog()
    found = extract.extract_from_dir(
        PACKAGE,
        METHODS,
        OPTIONS,
        keywords=KEYWORDS,
        comment_tags=("Translators:",),
        strip_comment_tags=True,
    )
    for _file, _line, text, comments, context in found:
        catalogue.add(text, auto_comments=comments, context=context)
    return catalogue


def renewed(path: Path, texts: Catalog) -> Catalog:
    """Return a catalogue's translations of exactly those texts."""
    language = path.parts[-3]
    with path.open("rb") as file:
        known = pofile.read_po(file, locale=language, abort_invalid=True)
    catalogue = Catalog(locale=language)
    for message in texts:
        if message.id:
            old = known.get(message.id, message.context)
            catalogue.add(
                message.id,
                old.string if old and isinstance(old.id, type(message.id)) else "",
                flags=old.flags & {"fuzzy"} if old else (),
                auto_comments=message.auto_comments,
                user_comments=old.user_comments if old else (),
                context=message.context,
            )
    return catalogue


def written(catalogue: Catalog, language: str) -> str:
    """Return a catalogue's file."""
    body = io.BytesIO()
    pofile.write_po(body, catalogue, width=0, omit_header=True, sort_output=True)
    header = HEADER.format(language=language, plural_forms=catalogue.plural_forms)
    return header + body.getvalue().decode()


def mistakes(catalogue: Catalog) -> list[str]:
    """Return what a catalogue lacks or has wrong, a line each."""
    lines = []
    for message in catalogue:
        if not message.id:
            continue
        string = message.string or ""
        strings = [string] if isinstance(string, str) else string
        if not all(strings):
            lines.append(f"{message.id!r}: not translated")
        elif message.fuzzy:
            lines.append(f"{message.id!r}: translation is marked fuzzy")
        else:
            lines += [f"{message.id!r}: {error}" for error in message.check(catalogue)]
    return lines


def main() -> int:
    """Renew or check every catalogue."""
    check = "--check" in sys.argv[1:]
    texts = spoken()
    wrong = 0
    for path in sorted(PACKAGE.glob("locale/*/LC_MESSAGES/gis_supervision.po")):
        name = path.relative_to(ROOT)
        catalogue = renewed(path, texts)
        text = written(catalogue, path.parts[-3])
        if not check:
            path.write_text(text, encoding="utf-8")
        elif text != path.read_text(encoding="utf-8"):
            print(f"{name}: not up to date: run `make catalogue`")
            wrong += 1
        for line in mistakes(catalogue):
            print(f"{name}: {line}")
            wrong += 1
        if not wrong:
            print(f"{name}: {len(catalogue)} texts, all translated")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
