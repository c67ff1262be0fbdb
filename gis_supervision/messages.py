"""What is told to people: an English template and values, to be put into their language.

Inner code does not know who will read what it says, so it says ``Message("row %(row)s", row=7)``;
the outer edge translates. The catalogue collects the templates, which are therefore literals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Translate(Protocol):
    """Gives the text of a template in a language; see `gis_supervision.language.Translator`."""

    def __call__(self, message: str, /, **values: object) -> str:
        """Translate a template, and fill its placeholders in."""
        ...


@runtime_checkable
class Translatable(Protocol):
    """A text that can be told in several languages; ``str()`` gives it in English."""

    def translated(self, translate: Translate) -> str:
        """Return the text in the language of a translator."""
        ...


def english(message: str, /, **values: object) -> str:
    """Fill the placeholders of a template in, which stays English; a `Translate`."""
    return message % values if values else message


@dataclass(frozen=True, init=False)
class Message:
    """One text; ``str()`` gives it in English.

    Attributes
    ----------
    template
        English, with named placeholders such as ``%(count)s``.
    values
        The placeholders' values. Those that are messages are translated too, and so are
        exceptions that have one: errors of this software, a ``ValueError(Message(...))``, and what
        has a `template` and `values`. Other exceptions are kept as their text. Without any value,
        ``%`` may stand in the template.
    """

    template: str
    values: Mapping[str, object]

    def __init__(self, template: str, /, **values: object) -> None:
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "values", {name: _lasting(one) for name, one in values.items()})

    def __str__(self) -> str:
        return english(self.template, **self.values)

    def __hash__(self) -> int:
        return hash((self.template, str(self)))

    def filled(self, **values: object) -> Message:
        """Return the same text with other values."""
        return Message(self.template, **values)

    def translated(self, translate: Translate) -> str:
        """Return the text in the language of a translator."""
        return translate(
            self.template, **{name: told(one, translate) for name, one in self.values.items()}
        )


@dataclass(frozen=True)
class Parts:
    """Several texts one after another; ``str()`` gives them in English.

    Attributes
    ----------
    parts
        Messages, errors, or texts that are the same in every language.
    between
        What separates them.
    """

    parts: tuple[object, ...] = field(default=())
    between: str = "\n"

    def __str__(self) -> str:
        return self.between.join(map(str, self.parts))

    def translated(self, translate: Translate) -> str:
        """Return the texts in the language of a translator."""
        between = translate(self.between) if self.between.strip() else self.between
        return between.join(str(told(part, translate)) for part in self.parts)


def joined(parts: Iterable[object], between: str = "\n") -> Parts:
    """Put texts one after another.

    Parameters
    ----------
    parts
        Messages, errors, or texts that are the same in every language.
    between
        What separates them.

    Returns
    -------
    Parts
    """
    return Parts(tuple(_lasting(part) for part in parts), between)


def parts_of(message: Message | Parts) -> tuple[object, ...]:
    """Return the texts that a message was put together of, itself where it is one."""
    return message.parts if isinstance(message, Parts) else (message,)


def told(value: object, translate: Translate) -> object:
    """Return a value as it is shown in a language.

    Parameters
    ----------
    value
        Anything.
    translate
        Texts of the language.

    Returns
    -------
    object
        The text of what can be translated, anything else as it is.
    """
    return value.translated(translate) if isinstance(value, Translatable) else value


def _lasting(value: object) -> object:
    # an exception holds the frames that it passed, and not every one can be pickled
    if not isinstance(value, BaseException):
        return value
    for known in (getattr(value, "message", None), *value.args[:1]):
        if isinstance(known, Message | Parts):
            return known
    template, values = getattr(value, "template", None), getattr(value, "values", None)
    if isinstance(template, str) and isinstance(values, dict):
        return Message(template, **values)
    return str(value)
