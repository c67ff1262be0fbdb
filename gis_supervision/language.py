"""Languages of everything that people read: gettext, with the English text as the key.

Code says ``_ = translator(language)`` and ``_("%(count)d premises", count=3)``; templates get the
same functions by `install`. Texts that stand in a table before the language is known are marked
with `gettext_noop` and translated where they are shown. ``make catalogue`` collects all of them
into ``locale/zh_CN/LC_MESSAGES/gis_supervision.po``, which is what is read at run time.
"""

import functools
import gettext
import io
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from jinja2 import Environment

Language = Literal["zh_CN", "en"]

#: The language of the source texts, which needs no catalogue.
SOURCE_LANGUAGE: Language = "en"
LANGUAGES: tuple[Language, ...] = ("zh_CN", "en")

_DOMAIN = "gis_supervision"


def gettext_noop(message: str) -> str:
    """Mark a text for the catalogue, and return it as it is, to be translated where it is shown."""
    return message


#: What stands between texts that are told together; see `gis_supervision.messages.joined`.
BETWEEN = (
    gettext_noop("; "),
    gettext_noop(" or "),
    gettext_noop(" to "),
    gettext_noop(", "),
    gettext_noop(" and "),
)


@dataclass(frozen=True)
class Translator:
    """Texts in one language; callable as gettext's ``_``.

    Attributes
    ----------
    language
        Name of the language, ``zh_CN`` or ``en``.
    catalogue
        Its texts.
    """

    language: Language
    catalogue: gettext.NullTranslations

    @property
    def tag(self) -> str:
        """Language tag for HTML and HTTP (BCP 47), such as ``zh-CN``."""
        return self.language.replace("_", "-")

    def __call__(self, message: str, /, **values: object) -> str:
        """Translate a text, and fill its named placeholders in; see `gettext`."""
        return self.gettext(message, **values)

    def gettext(self, message: str, /, **values: object) -> str:
        """Translate a text.

        Parameters
        ----------
        message
            English text, with placeholders such as ``%(count)d``.
        **values
            The placeholders' values. Without any, the text is returned as it is, so that ``%``
            may stand in it.

        Returns
        -------
        str
        """
        # gettext keeps the catalogue's header as the translation of the empty text
        return _filled(self.catalogue.gettext(message) if message else "", values)

    def ngettext(self, singular: str, plural: str, num: int, /, **values: object) -> str:
        """Translate a text that depends on a number.

        Parameters
        ----------
        singular, plural
            English texts, with placeholders.
        num
            The number; it is also the placeholder ``%(num)d``.
        **values
            Values of the other placeholders.

        Returns
        -------
        str
        """
        return _filled(self.catalogue.ngettext(singular, plural, num), {"num": num, **values})

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """Translate a text whose meaning depends on where it stands.

        Parameters
        ----------
        context
            Short English name of the place, such as ``"verb"``.
        message
            English text, with placeholders.
        **values
            The placeholders' values.

        Returns
        -------
        str
        """
        return _filled(self.catalogue.pgettext(context, message), values)


def translator(language: str) -> Translator:
    """Return the texts of a language.

    Parameters
    ----------
    language
        ``zh_CN`` or ``en``.

    Returns
    -------
    Translator
        Read once for each language; texts that its catalogue lacks stay English.

    Raises
    ------
    InvalidInputError
        There is no such language.
    """
    for known in LANGUAGES:
        if known == language:
            return _translator(known)
    raise InvalidInputError(
        "language %(language)r is not known: expected one of %(languages)s",
        language=language,
        languages=", ".join(LANGUAGES),
    )


def install(environment: "Environment", translate: Translator) -> None:
    """Give Jinja templates ``_``, ``gettext``, ``ngettext`` and ``{% trans %}`` in a language.

    Parameters
    ----------
    environment
        The `jinja2.Environment`; it speaks that language from then on.
    translate
        The language's texts.

    Notes
    -----
    Values are escaped as elsewhere in the template, the text around them is not (Jinja's
    "newstyle" gettext). A per cent sign in a template's text is written twice.
    """
    environment.add_extension("jinja2.ext.i18n")
    vars(environment)["install_gettext_callables"](
        translate.catalogue.gettext,
        translate.catalogue.ngettext,
        newstyle=True,
        pgettext=translate.catalogue.pgettext,
        npgettext=translate.catalogue.npgettext,
    )
    environment.globals["language_tag"] = translate.tag


def _filled(text: str, values: dict[str, object]) -> str:
    return text % values if values else text


@functools.cache
def _translator(language: Language) -> Translator:
    if language == SOURCE_LANGUAGE:
        return Translator(language, gettext.NullTranslations())
    # here, not above: a program that speaks English need not load the catalogue's reader
    from babel.messages import mofile, pofile  # noqa: PLC0415 - see above

    place = resources.files("gis_supervision") / "locale" / language / "LC_MESSAGES"
    with (place / f"{_DOMAIN}.po").open("rb") as file:
        catalogue = pofile.read_po(file, locale=language, domain=_DOMAIN, abort_invalid=True)
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translator(language, gettext.GNUTranslations(compiled))
