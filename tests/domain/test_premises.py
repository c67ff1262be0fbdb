import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.domain.premises import (
    CreditClass,
    CreditCode,
    FoodRiskClass,
    ResponsibilityTier,
    check_character,
    licence_number_valid,
    organisation_code_valid,
)
from gis_supervision.errors import InvalidInputError

CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
PUBLISHED = ["91110000802100433B", "9144030071526726XG", "914403001922038216", "91330100799655058B"]
FIRST = st.builds(
    lambda head, division, rest: head + division + rest,
    st.text(CHARACTERS, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(CHARACTERS, min_size=9, max_size=9),
)


@pytest.mark.parametrize("code", PUBLISHED)
def test_published_credit_codes(code):
    parsed = CreditCode.parse(f" {code.lower()} ")
    assert str(parsed) == code
    assert parsed.division == code[2:8]
    assert parsed.organisation_code == code[8:17]
    assert parsed.organisation_code_valid


@settings(deadline=None)
@given(FIRST, st.integers(0, 16), st.sampled_from(CHARACTERS))
def test_one_wrong_character_is_always_found(first, place, other):
    code = first + check_character(first)
    assert CreditCode.parse(code).code == code
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        with pytest.raises(InvalidInputError, match="credit code"):
            CreditCode.parse(wrong)


@settings(deadline=None)
@given(FIRST, st.integers(8, 15))
def test_two_characters_swapped_are_always_found(first, place):
    code = first + check_character(first)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped != code:
        with pytest.raises(InvalidInputError, match="check character"):
            CreditCode.parse(swapped)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_credit_code_or_an_error(text):
    try:
        code = CreditCode.parse(text)
    except InvalidInputError:
        return
    assert len(code.code) == 18


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("9111000080210043", "16 characters, expected 18"),
        ("91110000802100433I", "'I' in place 18"),
        ("91110O00802100433B", "'O' in place 6"),
        ("9111A000802100433B", "division in places 3 to 8"),
        ("91110000802100433A", "expected 'B'"),
        ("", "0 characters"),
    ],
)
def test_wrong_credit_codes_say_what_is_expected(code, words):
    with pytest.raises(InvalidInputError, match=words):
        CreditCode.parse(code)


def test_full_width_credit_codes_are_mended():
    assert CreditCode.parse("９１１１００００８０２１００４３３Ｂ").code == PUBLISHED[0]


def test_organisation_codes():
    assert organisation_code_valid("80210043-3")
    assert organisation_code_valid("71526726X")
    assert not organisation_code_valid("71526726-1")
    assert not organisation_code_valid("")
    assert not organisation_code_valid("é1526726X")


def test_old_licence_numbers():
    assert licence_number_valid("440301103448669")
    assert licence_number_valid("440301103097413")
    assert not licence_number_valid("440301103448668")
    assert not licence_number_valid("44030110344866")
    assert not licence_number_valid("44030110344866X")


@settings(deadline=None)
@given(st.integers(0, 14), st.integers(0, 9))
def test_one_wrong_digit_of_a_licence_number_is_always_found(place, digit):
    number = "440301103448669"
    wrong = number[:place] + str(digit) + number[place + 1 :]
    assert licence_number_valid(wrong) == (wrong == number)


def test_the_three_classes_never_mix():
    assert FoodRiskClass.A != CreditClass.A
    assert CreditClass.A != ResponsibilityTier.A
    assert FoodRiskClass.A != "A"
    assert len({FoodRiskClass.A, CreditClass.A, ResponsibilityTier.A}) == 3
    assert FoodRiskClass.parse(" c级") is FoodRiskClass.C
    assert str(CreditClass.parse("Ｂ")) == "B"
    with pytest.raises(
        InvalidInputError, match="ResponsibilityTier 'E': expected one of A, B, C, D"
    ):
        ResponsibilityTier.parse("E")
