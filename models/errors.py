"""The one exception for input that cannot be used."""

from __future__ import annotations


class InputError(ValueError):
    """Input that cannot be read or does not make sense; the message is one line a user can act on.

    Parameters
    ----------
    message
        What is wrong and what was expected.
    source
        File name, or ``<stdin>``, or the option the value was given to.
    where
        Line (``line 12``) or JSON path (``root_buses[0].functions[2].bars[1].size``) inside the source.
    """

    def __init__(self, message: str, *, source: str | None = None, where: str | None = None) -> None:
        self.message, self.source, self.where = message, source, where
        super().__init__(": ".join(part for part in (source, where, message) if part))

    def at(self, source: str) -> InputError:
        """The same error, with the source named."""
        return InputError(self.message, source=source, where=self.where)
