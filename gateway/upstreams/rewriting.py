"""Which path an upstream is sent for the path that was judged, and the way back for the paths that it answers with.

Whole segments are taken from the beginning and others put in their place, on the canonical path alone: what is sent is
canonical again, and every path that is sent belongs to one that was judged. A path that does not begin with what was
put there stands for nothing that the client could ask for, so it is left as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

_NOT_THIS_HOST = ("//", "/\\")


@dataclass(frozen=True, slots=True)
class Rewriting:
    """`taken` is replaced by `put`: canonical paths without a slash at their end, nothing at all for the root."""

    taken: str
    put: str

    def there(self, path: str) -> str:
        """The path that is sent for one that lies at or below `taken`; any other, and `*`, is sent as it is."""
        rest = _below(path, self.taken)
        return path if rest is None else (self.put + rest) or "/"

    def back(self, path: str) -> str:
        """The path under which the client finds what the upstream calls `path`.

        It never begins in a way that a browser takes for another host.
        """
        rest = _below(path, self.put)
        if rest is None:
            return path
        found = (self.taken + rest) or "/"
        return path if found.startswith(_NOT_THIS_HOST) else found

    def __str__(self) -> str:
        return f"{self.taken or '/'} sent as {self.put or '/'}"


def _below(path: str, beginning: str) -> str | None:
    """What follows the beginning, in whole segments; None for a path that lies elsewhere."""
    rest = path.removeprefix(beginning)
    if not path.startswith("/") or not path.startswith(beginning) or rest[:1] not in {"", "/"}:
        return None
    return rest
