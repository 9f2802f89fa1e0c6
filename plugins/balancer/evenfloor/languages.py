"""The login page's languages: a file each in ``words``, all with the same keys."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

#: The languages there are, as they call themselves; the first is everybody's who asks for none.
NAMES = {"en": "English", "de": "Deutsch", "es": "Español"}
#: Where a browser keeps the language that was chosen, and for how many seconds.
COOKIE, COOKIE_AGE = "evenfloor_language", 365 * 24 * 3600
_FOLDER = Path(__file__).parent / "words"


@functools.cache
def words(language: str) -> Mapping[str, str]:
    """Return a language's texts by key; ``{name}`` in a text stands for a value.

    Args:
        language: one of :data:`NAMES`.
    """
    return json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def choose(switched: str | None, kept: str | None, accepted: Iterable[tuple[str, float]]) -> str:
    """Choose a language.

    Args:
        switched: what was clicked just now; None for nothing.
        kept: what was clicked earlier; None for nothing.
        accepted: what the browser asks for (``Accept-Language``): tags such as ``de-AT`` with
            their weights, the most wanted first.

    Returns:
        One of :data:`NAMES`.
    """
    # An Austrian asks for de-AT, and then for English: German is meant.
    asked = [tag.lower().partition("-")[0] for tag, quality in accepted if quality > 0]
    known = [language for language in (switched, kept, *asked) if language in NAMES]
    return known[0] if known else next(iter(NAMES))
