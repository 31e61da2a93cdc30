"""Text of others made harmless for where it is shown: the one place, and pure, so that every room may use it.

Names come from clusters, buckets, logs and webhooks, and whoever wrote them may have meant to colour a terminal, to
fake a line, to command a CI runner or to mention everyone. What is shown passes through `terminal.output`, which
escapes by default; `say` does so for a line beside the result. A test holds that nothing is printed in another way.
"""

from __future__ import annotations

import html
import json
import re
import sys
from typing import Literal

# Printable by their category, and invisible anyway (Unicode's Default_Ignorable_Code_Point).
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_HIDDEN = re.compile(f"[{_INVISIBLE}]")
# What GitHub's runner takes for a command in a log; where a long line is broken, anything may begin a line.
_COMMANDS = (
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
    "save-state", "set-env", "set-output", "stop-commands", "warning",
)  # fmt: skip
# In a document: whatever is no letter, mark, number, sign or space to be seen, tabs and lines' ends aside.
_UNSEEN = re.compile(
    rf"##\[|[\x00-\x08\x0b-\x1f\x7f-\x9f\xad{_INVISIBLE}\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff\U0001bca0-\U0001bcaf\U0001d173-\U0001d17a\U000e0000-\U000e00ff]"
)
_COMMAND = re.compile(rf":(:(?:{'|'.join(_COMMANDS)})\b[^\n]*?::)|#(#\[)", re.IGNORECASE)
# What GitHub reads as markup.
_MARKUP = re.compile(r"([\\`*_{}\[\]|~])")
# What it makes mentions, references and links of. It looks for them after it has resolved escapes and entities, so that
# only something in between keeps it from them: github/cmark-gfm issue 181.
_LINKED = re.compile(r"([@#]|\bGH-(?=\d)|(?:https?|ftp):(?=//)|www(?=\.))", re.IGNORECASE)
_NOTHING = "&#8203;"


def harmless(text: str) -> bool:
    """Whether a look at a text is enough: it is plain. `visible` knows of more that is harmless."""
    return text.isascii() and text.isprintable() and "::" not in text and "##[" not in text


def visible(text: str) -> str:
    """For a terminal and for a log of CI: one line, all of it to be seen, and nothing in it commands anybody.

    What moves a cursor, colours, turns the direction or cannot be seen is written out (`\\x1b`, `\\u202e`, `\\n`).
    """
    if harmless(text):
        return text
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _written(each) for each in text)
    text = _HIDDEN.sub(lambda found: _written(found[0]), text)
    return _COMMAND.sub(lambda found: f"\\x3a{found[1]}" if found[1] else f"\\x23{found[2]}", text)


def markdown(text: str) -> str:
    """For Markdown on GitHub: shown as it is, without markup or HTML, no one mentioned and nothing referred to."""
    return _unlinked(_MARKUP.sub(r"\\\1", _in_html(text)))


def in_html(text: str) -> str:
    """For an HTML element within Markdown, where a backslash would be shown."""
    return _unlinked(_in_html(text))


def xml(text: str) -> str:
    """For XML such as JUnit, which has no form at all for most control characters."""
    return visible(text)


def comment(text: str) -> str:
    """For the rest of a line behind `#` in a YAML file: a line's end would end the comment."""
    return visible(text)


def shows_itself(text: str) -> bool:
    """Whether each line of a text is harmless as it stands; tabs aside."""
    return all(visible(line) == line for line in text.replace("\t", " ").split("\n"))


def escaped(text: str, form: Literal["json", "yaml"]) -> str:
    """A whole document, each character that is not seen written as its form has it, and no CI runner commanded.

    In YAML every string with such a character has to be in double quotes (`shows_itself`).
    """
    if text.isascii() and text.replace("\n", "").isprintable() and "##[" not in text:
        return text

    def written(found: re.Match[str]) -> str:
        if found[0] == "##[":
            return f"#\\u{ord('#'):04x}["
        code = ord(found[0])
        if code < 65536:
            return f"\\u{code:04x}"
        return f"\\U{code:08x}" if form == "yaml" else json.dumps(found[0])[1:-1]

    return _UNSEEN.sub(written, text)


def say(text: str) -> None:
    """A line on standard error, beside the result."""
    print(visible(text), file=sys.stderr, flush=True)


def _in_html(text: str) -> str:
    return html.escape(visible(" ".join(text.split())), quote=False)


def _unlinked(text: str) -> str:
    return _LINKED.sub(rf"\1{_NOTHING}", text)


def _written(character: str) -> str:
    code = ord(character)
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return known or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
