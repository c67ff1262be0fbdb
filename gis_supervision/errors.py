"""Exceptions that inner code raises; `api.errors` and `cli` map them to statuses and exit codes."""


class SupervisionError(Exception):
    """Base of every error that a user can do something about.

    The message says what is wrong, where, and what was expected.
    """


class InvalidInputError(SupervisionError):
    """A value, a file or a parameter is not what was asked for."""


class NotFoundError(SupervisionError):
    """The thing that was named does not exist."""


class ConflictError(SupervisionError):
    """The register does not allow this now: it would overlap or contradict what is there."""


class UnavailableError(SupervisionError):
    """Something that the work needs is not there: database, extension, program, right."""


OUT_OF_CALENDAR = "date value out of range"
"""What Python's OverflowError says of a day before the year 1 or after the year 9999."""

NO_SUCH_DAY = "a day, or one reckoned from it, is not between 0001-01-01 and 9999-12-31"
"""What users are told of that."""
