"""Texts of the map report's own script, in all languages: the file can switch between them."""

from __future__ import annotations

from gis_supervision.language import LANGUAGES, gettext_noop, translator

TEXTS = (
    gettext_noop("Restricted to"),
    gettext_noop("Layers"),
    gettext_noop("Filters"),
    gettext_noop("Reset filters"),
    gettext_noop("All"),
    gettext_noop("No value"),
    gettext_noop("Other"),
    gettext_noop("Located"),
    gettext_noop("Not located"),
    gettext_noop("Not located: {0}"),
    gettext_noop("({0} not located)"),
    gettext_noop("Total"),
    gettext_noop("Shown"),
    gettext_noop("of"),
    gettext_noop("Colour by"),
    gettext_noop("under {0}"),
    gettext_noop("{0} to under {1}"),
    gettext_noop("{0} or more"),
    gettext_noop("mean age {0}, oldest {1}"),
    gettext_noop("{0} y"),
    gettext_noop("{0} d"),
    gettext_noop("yes"),
    gettext_noop("no"),
    gettext_noop("Previous"),
    gettext_noop("Next"),
    gettext_noop("{0} to {1} of {2}"),
    gettext_noop("Show more"),
    gettext_noop("Show on the map"),
    gettext_noop("Close"),
    gettext_noop("Print"),
    gettext_noop("Whole area"),
    gettext_noop("Zoom in"),
    gettext_noop("Zoom out"),
    gettext_noop("Map"),
    gettext_noop("Nothing to show"),
    gettext_noop("Play"),
    gettext_noop("Pause"),
    gettext_noop("Previous step"),
    gettext_noop("Next step"),
    gettext_noop("They cannot be drawn, and are counted in all totals."),
    gettext_noop("Rings show the mix of the features within, their number and their mean age."),
    gettext_noop("This browser cannot read the file; use a newer one."),
)


def all_texts() -> dict[str, dict[str, str]]:
    """Return every text by language and English text."""
    return {
        language: {text: translator(language)(text) for text in TEXTS} for language in LANGUAGES
    }
