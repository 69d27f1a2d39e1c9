"""Did you mean ...? The nearest of the names that there are."""

import difflib
from collections.abc import Iterable


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that `word` is probably meant to be; None if none is near. Case does not count."""
    by_lower = {name.lower(): name for name in names}
    wanted = word.lower()
    whole = [name for name in by_lower if len(wanted) > 2 and name.startswith(wanted)]
    near = difflib.get_close_matches(wanted, by_lower, n=1, cutoff=0.6) or whole[:1]
    return by_lower[near[0]] if near else None


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """ " Did you mean 'name'?", or nothing if no name is near."""
    near = nearest(word, names)
    return f" Did you mean {near!r}?" if near else ""
