import pytest

from gis_supervision.domain.place_names import Gazetteer, Match, NamedPlace

PLACES = [
    NamedPlace(1, "乌苏市", "county", None),
    NamedPlace(2, "沙湾市", "county", None),
    NamedPlace(11, "新市区街道", "township", 1),
    NamedPlace(12, "西湖镇", "township", 1),
    NamedPlace(21, "大泉乡", "township", 2),
    NamedPlace(111, "塔城路社区居委会", "village", 11),
    NamedPlace(112, "前进村村委会", "village", 11),
    NamedPlace(121, "前进村村委会", "village", 12),
    NamedPlace(113, "振兴路居委会", "village", 11),
    NamedPlace(31, "Lincoln Park", "neighbourhood", None),
    NamedPlace(32, "Park", "neighbourhood", None),
]


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("新疆塔城地区乌苏市塔城路社区12号", 111),
        ("塔城路社区居委会", 111),
        ("乌苏市西湖镇前进村3组", 121),
        # two villages of one name: the county that the address names holds both
        ("乌苏市前进村", 1),
        # a road is not the committee that is named after it
        ("乌苏市振兴路8号", 1),
        ("乌苏市振兴路居委会", 113),
        # the village of that name lies in another county
        ("沙湾市塔城路社区", 2),
        ("沙湾市大泉乡", 21),
        ("２０２ lincoln  PARK west", 31),
        ("12 Park Street", 32),
        ("Parkway 3", None),
        ("北京市", None),
        ("", None),
    ],
)
def test_the_finest_place_that_fits_is_found(address, key):
    assert Gazetteer(PLACES).find(address).key == key


def test_what_could_be_several_places_is_said_to_be_so():
    assert Gazetteer(PLACES).find("前进村") == Match(None, None, ambiguous=True)
    assert Gazetteer(PLACES).find("乌苏市 沙湾市").key is None
    assert Gazetteer([]).find("乌苏市") == Match(None)
