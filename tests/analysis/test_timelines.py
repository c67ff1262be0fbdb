import numpy as np
import pytest

from gis_supervision.analysis.timelines import timeline

OWNERS = np.array([1, 0, 1, 1, -1, 2])
DAYS = np.array([20, 10, 10, 20, 10, 5])
VALUES = np.array([[1.0, 2], [1, 3], [1, 5], [1, 7], [1, 11], [1, 13]])


def days(*values):
    return np.array(values, dtype=np.int64)


def test_sums_are_of_earlier_days_alone():
    line = timeline(OWNERS, DAYS, VALUES)
    asked = line.sums(days(1, 1, 1, 0, 2, 3, -1), days(10, 20, 21, 99, 5, 99, 99))
    assert asked.tolist() == [[0, 0], [1, 5], [3, 14], [1, 3], [0, 0], [0, 0], [0, 0]]


def test_a_window_has_a_first_day():
    line = timeline(OWNERS, DAYS, VALUES)
    assert line.sums(days(1, 1, 1), days(21, 21, 5), days(20, 10, 9))[:, 1].tolist() == [9, 14, 0]


def test_the_last_event_before_a_day():
    line = timeline(OWNERS, DAYS, VALUES)
    assert line.last(days(1, 1, 1, 0, 3, -1), days(10, 20, 21, 11, 99, 99)).tolist() == [
        *(-1, 2, 3, 1, -1, -1)
    ]


def test_no_event_gives_nothing():
    line = timeline(days(), days(), np.zeros((0, 2)))
    assert line.sums(days(0, -1), days(5, 5)).tolist() == [[0, 0], [0, 0]]
    assert line.last(days(0, -1), days(5, 5)).tolist() == [-1, -1]


def test_others_events_change_no_digit_of_a_sum():
    generator = np.random.default_rng(1)
    owners, when = generator.integers(0, 50, 3000), generator.integers(0, 900, 3000)
    values = generator.normal(size=(3000, 3))
    mine = owners == 7
    alone = timeline(owners[mine], when[mine], values[mine])
    among = timeline(owners, when, values)
    asked = days(*range(0, 1000, 50))
    of = np.full(asked.size, 7)
    assert (alone.sums(of, asked) == among.sums(of, asked)).all()
    brute = [values[mine & (when < day)].sum(axis=0) for day in asked]
    assert among.sums(of, asked) == pytest.approx(np.array(brute), abs=1e-5)
