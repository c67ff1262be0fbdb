"""Languages: catalogues as they are shipped, and the functions that read them."""

import gettext
import io
import re
from pathlib import Path

import jinja2
import pytest
from babel.messages import mofile, pofile

import gis_supervision
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import (
    LANGUAGES,
    Translator,
    gettext_noop,
    install,
    translator,
)

CATALOGUE = """
msgid ""
msgstr ""
"Language: zh_CN\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Zone"
msgstr "责任区"

msgctxt "verb"
msgid "Zone"
msgstr "划区"

#, python-format
msgid "%(num)d hazard in %(place)s"
msgid_plural "%(num)d hazards in %(place)s"
msgstr[0] "%(place)s有%(num)d条隐患"

#, fuzzy
msgid "Premises"
msgstr "房屋"
"""


@pytest.fixture
def chinese() -> Translator:
    catalogue = pofile.read_po(io.StringIO(CATALOGUE), locale="zh_CN")
    compiled = io.BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translator("zh_CN", gettext.GNUTranslations(compiled))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_without_translation_stays_as_it_is(language):
    _ = translator(language)
    assert _.language == language
    assert _("A text that nobody wrote, 100 %") == "A text that nobody wrote, 100 %"
    assert _("%(share).1f %% of %(place)s", share=12.34, place="乌苏") == "12.3 % of 乌苏"


def test_english_knows_one_and_many():
    _ = translator("en")
    texts = [_.ngettext("%(num)d case", "%(num)d cases", count) for count in (0, 1, 2)]
    assert texts == ["0 cases", "1 case", "2 cases"]


@pytest.mark.parametrize("language", ["de", "", "zh_cn", "../zh_CN"])
def test_an_unknown_language_is_refused_with_those_known(language):
    with pytest.raises(InvalidInputError, match="zh_CN, en"):
        translator(language)


def test_tags_are_those_of_html():
    assert [translator(language).tag for language in ("zh_CN", "en")] == ["zh-CN", "en"]


def test_texts_contexts_and_plurals(chinese):
    assert chinese("Zone") == "责任区"
    assert chinese.pgettext("verb", "Zone") == "划区"
    forms = "%(num)d hazard in %(place)s", "%(num)d hazards in %(place)s"
    assert chinese.ngettext(*forms, 3, place="乌苏") == "乌苏有3条隐患"
    assert chinese(gettext_noop("Zone")) == "责任区"


def test_fuzzy_translations_are_not_used(chinese):
    assert chinese("Premises") == "Premises"


def test_a_value_cannot_be_a_placeholder(chinese):
    forms = "%(num)d hazard in %(place)s", "%(num)d hazards in %(place)s"
    assert chinese.ngettext(*forms, 1, place="%(num)d%s") == "%(num)d%s有1条隐患"


def test_templates_translate_and_escape_values(chinese):
    environment = jinja2.Environment(autoescape=True)
    install(environment, chinese)
    template = environment.from_string(
        '<p lang="{{ language_tag }}">{{ _("Zone") }}'
        "{% trans num=count, place=name %}{{ num }} hazard in {{ place }}"
        "{% pluralize %}{{ num }} hazards in {{ place }}{% endtrans %}"
        '{{ pgettext("verb", "Zone") }}{{ _("%(name)s!", name=name) }}</p>'
    )
    text = template.render(count=2, name="<b>")
    assert text.startswith('<p lang="zh-CN">责任区')
    assert "划区&lt;b&gt;!" in text
    assert "<b>" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_none_in_every_language(language):
    assert translator(language)("") == ""


def test_a_zone_has_one_name_in_chinese():
    assert "片区" in translator("zh_CN")("Zone")
    catalogue = Path(gis_supervision.__file__).parent / "locale/zh_CN/LC_MESSAGES"
    assert "责任区" not in (catalogue / "gis_supervision.po").read_text(encoding="utf-8")


def test_a_language_is_read_once():
    assert translator("zh_CN") is translator("zh_CN")


def test_texts_that_no_mark_collects_are_in_the_catalogue():
    # only _() and gettext_noop() are collected: what is given to translate() must be marked there
    chinese = translator("zh_CN")
    given = re.compile(r"""\btranslate\(\s*"((?:[^"\\\\]|\\\\.)*)\"""")
    package = Path(gis_supervision.__file__).parent
    texts = {
        text
        for file in package.rglob("*.py")
        for text in given.findall(file.read_text(encoding="utf-8"))
    }
    assert "Writing %(file)s" in texts
    assert [text for text in sorted(texts) if chinese(text, file="x") == text % {"file": "x"}] == []
