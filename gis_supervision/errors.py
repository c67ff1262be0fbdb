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
