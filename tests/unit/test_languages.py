"""The login page's languages: every text in each of them, and the right one chosen."""

import re
from pathlib import Path

import pytest
from werkzeug.datastructures import LanguageAccept

import evenfloor
from evenfloor import languages, refusals

PACKAGE = Path(evenfloor.__file__).parent
PAGE = (PACKAGE / "templates/login.html").read_text()
SCRIPT = "".join((PACKAGE / f"static/{name}.js").read_text() for name in ("login", "phone"))
#: What goes wrong with a browser phone before the service is asked.
PHONES = {"no_microphone", "not_registered"}
#: Errors besides the reasons of a refusal: a body that can't be read, no answer at all, nginx's
#: own, and whatever nobody foresaw.
OTHERS = {"malformed", "no_answer", "service_unavailable", "too_many_requests", "other"}


def used() -> set[str]:
    """Return the keys that page and script use."""
    named = set(re.findall(r"\bwords\.([a-z_]+)", PAGE + SCRIPT))
    return named | {f"error_{reason}" for reason in {*refusals.STATUS, *OTHERS, *PHONES}}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_the_page_uses_texts():
    assert {"log_in", "rings", "error_alias_in_use"} <= used()
    assert "`error_${body.error}`" in SCRIPT


@pytest.mark.parametrize("language", languages.NAMES)
def test_every_text_is_there_and_none_is_unused(language):
    assert set(languages.words(language)) == used()


@pytest.mark.parametrize("language", languages.NAMES)
def test_every_text_says_something_with_the_same_values(language):
    for key, text in languages.words("en").items():
        translated = languages.words(language)[key]
        assert translated.strip()
        assert placeholders(translated) == placeholders(text), key


def test_no_text_was_left_in_english():
    same = {"Dialer", "Idioma"}
    for language in set(languages.NAMES) - {"en"}:
        for key, text in languages.words("en").items():
            assert languages.words(language)[key] != text or text in same, (language, key)


def test_every_file_is_a_language_that_can_be_chosen():
    assert {path.stem for path in (PACKAGE / "words").iterdir()} == set(languages.NAMES)


@pytest.mark.parametrize(
    ("switched", "kept", "accepted", "chosen"),
    [
        (None, None, [], "en"),
        (None, None, [("fr", 1)], "en"),
        (None, None, [("de-AT", 1), ("en", 0.5)], "de"),
        (None, None, [("en", 0.5), ("es", 0.9)], "es"),
        (None, None, [("de", 0), ("es", 0.1)], "es"),
        (None, "de", [("es", 1)], "de"),
        ("es", "de", [("en", 1)], "es"),
        ("../x", "klingon", [("de", 1)], "de"),
    ],
)
def test_what_was_clicked_wins_over_what_the_browser_asks_for(switched, kept, accepted, chosen):
    assert languages.choose(switched, kept, LanguageAccept(accepted)) == chosen
