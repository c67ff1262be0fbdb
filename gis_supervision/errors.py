"""Exceptions that inner code raises; `api.errors` and `cli` map them to statuses and exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from gis_supervision.messages import Message, Parts, joined

if TYPE_CHECKING:
    from gis_supervision.messages import Translate


class SupervisionError(Exception):
    """Base of every error that a user can do something about.

    The message says what is wrong, where, and what was expected. ``str()`` gives it in English,
    `translated` in a language.

    Parameters
    ----------
    template
        English, a literal with named placeholders such as ``%(count)s``: the catalogue collects it.
    **values
        The placeholders' values; see `gis_supervision.messages.Message`.
    """

    message: Message | Parts

    def __init__(self, template: str, /, **values: object) -> None:
        self.message = Message(template, **values)
        super().__init__(str(self.message))

    @classmethod
    def told(cls, *texts: object, between: str = "\n") -> Self:
        """Make an error of texts that are there already.

        Parameters
        ----------
        *texts
            Messages and other errors, which are translated where the error is shown, or texts
            that are the same in every language, such as what a library says.
        between
            What separates them.

        Returns
        -------
        SupervisionError
        """
        error = cls("")
        error.message = joined(texts, between)
        error.args = (str(error.message),)
        return error

    def translated(self, translate: Translate) -> str:
        """Return the message in the language of a translator."""
        return self.message.translated(translate)


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

NO_SUCH_DAY = Message("a day, or one reckoned from it, is not between 0001-01-01 and 9999-12-31")
"""What users are told of that."""
