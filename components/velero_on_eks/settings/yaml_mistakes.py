"""Where the mistake in a text that is not YAML is, and the likely mend.

A parser stops where it can go no further, which is often some lines after the mistake. So each likely mend of the lines
before is made in a copy, and the copy is read: the fix that lets the parser go on is the one to propose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import yaml

from velero_on_eks.settings.refusals import HIDDEN, secret_shaped, smells

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Lines before the one where the parser stopped that are looked at. An unclosed quote ends at the next one, mostly.
_WINDOW = 12
# Characters that all tries together may read: some hundred copies of a stack file of usual size.
_BUDGET = 1_500_000
_TAB = "a tab indents this line, and YAML allows spaces alone", "replace the tab with spaces"
_TAB_WIDTHS = (2, 4, 8, 1)
# The time that a pattern takes for a line of blanks grows with the square of its length.
_LONGEST_LINE = 10_000

_CONFLICT = re.compile(r"(?:<{7}|>{7}|\|{7})(?: |$)|={7}$")
_INDENT = re.compile(r"\s*")
_KEY = re.compile(r"\s*(?:- +)*[\"']?(?P<key>[A-Za-z_](?:[\w:./-]*[\w./-])?)[\"']?(?::(?= |$)|(?= ))")
# `- ` in front, the key with its colon, the value, a comment.
_ENTRY = re.compile(r"^(?P<head>\s*(?:- +)*(?:[^\s#'\"\[{][^#]*?:(?: +|$))?)(?P<value>.*?)(?P<comment>\s+#.*)?$")
_WORD = r"[A-Za-z_][\w.:/-]*"
_NO_COLON = re.compile(rf"^(?P<head>\s*(?:- +)?)(?P<key>{_WORD})(?: *=)? +(?P<value>\S.*)$")
_NO_COLON_ALONE = re.compile(rf"^\s*(?:- +)?(?P<key>{_WORD})\s*(?:#.*)?$")
_NO_SPACE = re.compile(r"^(?P<head>\s*(?:- +)?)(?P<key>(?:velero-eks:|aws:)?[A-Za-z_][\w.-]*):(?P<value>[^\s:/].*)$")
_NO_DASH_SPACE = re.compile(r"^(?P<head>\s*)-(?P<value>[^\s-].*)$")
_NO_COMMA = re.compile(r"(?<=[^\s,{\[:]) +(?=[A-Za-z_][\w-]*:(?: |$))")
_FLOW = {"[": "]", "{": "}"}
# `aws:region` is one word.
_NAMESPACES = frozenset({"aws", "velero-eks", "pulumi", "kubernetes"})

_WORDS = {
    "found character that cannot start any token": "a value cannot begin with this character",
    "mapping values are not allowed in this context": "a colon is not expected here",
    "mapping values are not allowed here": "a colon is not expected here",
    "could not find expected ':'": "a colon is missing",
    "did not find expected key": "a key is expected here",
    "did not find expected node content": "a value is expected here",
    "did not find expected '-' indicator": "a list's next '- ' is expected here",
    "did not find expected ',' or ']'": "',' or ']' is expected here",
    "did not find expected ',' or '}'": "',' or '}' is expected here",
    "found unexpected end of stream": "the file ends too early",
    "found undefined alias": "an alias (*name) without its anchor (&name)",
    "found unknown escape character": "a backslash inside double quotes, which begins an escape",
    "but found another document": "a second document begins here",
    "found unexpected document indicator": "a document begins or ends inside a quoted text",
    "did not find expected alphabetic or numeric character": "an alias (*) or anchor (&) without a name",
    "found duplicate %YAML directive": "a second %YAML line",
    "found incompatible YAML document": "another version of YAML than 1.1 or 1.2",
    "did not find expected <document start>": "the document does not begin as YAML does",
    "found undefined tag handle": "a tag (!name) that is not defined",
    "block sequence entries are not allowed in this context": "a list's '- ' is not expected here",
}


@dataclass(frozen=True)
class Mistake:
    """What is wrong, at a line and column from 1, and what to do."""

    line: int
    column: int
    what: str
    mend: str


@dataclass(frozen=True)
class _Try:
    line: int
    column: int
    what: str
    mend: str
    text: str

    @property
    def mistake(self) -> Mistake:
        return Mistake(self.line + 1, self.column + 1, self.what, self.mend)


def shown_line(text: str, number: int) -> str:
    """A line, counted from 1, as it may be shown: what a key that smells of a secret stands above of is hidden."""
    lines = text.splitlines()
    line = lines[number - 1] if number <= len(lines) else ""
    key = _KEY.match(line)
    hidden = f"{line[: key.end()]} {HIDDEN}" if key else f"{_indent(line)}{HIDDEN}"
    left = len(_indent(line)) + 1
    nearest = next((found for above in reversed(lines[: number - 1]) if (found := _KEY.match(above))), None)
    if (key is None or not key[0].endswith(":")) and nearest and smells(nearest["key"]):
        # It may go on from there, however it is indented.
        return f"{_indent(line)}{HIDDEN}"
    for above in [line, *reversed(lines[: number - 1])]:
        found = _KEY.match(above)
        if found is None or len(_indent(above)) >= left:
            continue
        if smells(found["key"]):
            return hidden
        left = len(_indent(above))
    if (key and secret_shaped(line[key.end() :].strip(" \"'"))) or secret_shaped(line.strip()):
        return hidden
    return line


def find(text: str, error: yaml.MarkedYAMLError, *, try_mends: bool = True) -> Mistake:
    """The mistake that made the parser stop with `error`. Without `try_mends` it is where the parser stopped.

    A text that takes too long to read again and again is to be given without; one with a very long line is taken so.
    """
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if _CONFLICT.match(line):
            what, mend = "the mark of a merge conflict", "keep one side, and remove the three marks"
            return Mistake(number + 1, 1, what, mend)
    stopped = _line(error.problem_mark, len(lines))
    begun = _line(error.context_mark, len(lines)) if error.context_mark else stopped
    if try_mends and lines and max(map(len, lines)) <= _LONGEST_LINE:
        found = _best(_tries(lines, stopped, begun), stopped, len(text))
        if found is not None:
            return found.mistake
    return _where_it_stopped(error, lines)


def _line(mark: yaml.Mark | None, count: int) -> int:
    return min(mark.line if mark else 0, max(count - 1, 0))


def _best(tries: Iterable[_Try], stopped: int, size: int) -> _Try | None:
    """The first that makes the whole text YAML, else the first that lets the parser get further than it got."""
    further: tuple[int, _Try] | None = None
    spent = 0
    for each in tries:
        spent += size
        if spent > _BUDGET:
            break
        reached = _reached(each.text)
        if reached is None:
            return each
        if reached > stopped and (further is None or reached > further[0]):
            further = (reached, each)
    return further[1] if further else None


def _reached(text: str) -> int | None:
    """The line where a text stops being YAML; None where it is YAML, and no value of it goes on over a line's end.

    A value that does is mostly a line without its colon that the one before it has swallowed.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line if error.problem_mark else 0
    except (yaml.YAMLError, RecursionError):
        return 0
    waiting, seen = [root] if root is not None else [], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            if node.style not in ("|", ">") and node.start_mark.line != node.end_mark.line:
                return node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return None


def _tries(lines: list[str], stopped: int, begun: int) -> Iterator[_Try]:
    """The likely mends, the likeliest first."""
    window = sorted({*range(max(0, stopped - _WINDOW), stopped + 1), begun})
    window = [number for number in window if _counts(lines[number])]
    # The nearest line first: what is further away was read without trouble.
    near = window[::-1]
    yield from _blanks(lines)
    for number in near:
        yield from _spaces(lines, number)
    # An unclosed quote swallows all up to the next one, however far away that is.
    for number in dict.fromkeys((begun, *range(stopped, -1, -1))):
        yield from _quotes(lines, number)
    for number in near:
        yield from _colons(lines, number)
    for number in near:
        yield from _unquoted(lines, number)
    for number in dict.fromkeys((begun, *near)):
        if number in window:
            yield from _brackets(lines, number)
    # Of two ways to make lines fit, the one that the rest of the file is written in.
    odd = any(len(_indent(line)) % 2 for number, line in enumerate(lines) if number not in window)
    moves = [move for number in near for move in _indents(lines, number)]
    yield from (each for _, _, each in sorted(moves, key=lambda move: (move[0] % 2 and not odd, move[1])))


def _counts(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _with(lines: list[str], number: int, line: str) -> str:
    return "\n".join([*lines[:number], line, *lines[number + 1 :]]) + "\n"


def _indent(line: str) -> str:
    found = _INDENT.match(line)
    return found[0] if found else ""


def _blanks(lines: list[str]) -> Iterator[_Try]:
    """Tabs and other blanks that are no spaces, in front of a line."""
    bad = [number for number, line in enumerate(lines) if line.strip() and _indent(line).strip(" ")]
    if not bad:
        return
    first = bad[0]
    indent = _indent(lines[first])
    column = len(indent) - len(indent.lstrip(" "))
    if "\t" in indent:
        what, mend = _TAB
    else:
        what = f"a blank that is not a space (U+{ord(indent[column]):04X}) indents this line"
        mend = "replace it with spaces"
    if len(bad) > 1:
        mend += f", in all {len(bad)} lines that have one"
    for width in _TAB_WIDTHS:
        made = list(lines)
        for number in bad:
            made[number] = _spaced(_indent(lines[number]), width) + lines[number].lstrip()
        yield _Try(first, column, what, mend, "\n".join(made) + "\n")


def _spaced(indent: str, width: int) -> str:
    made = ""
    for blank in indent:
        made += " " * (width - len(made) % width) if blank == "\t" else " "
    return made


def _spaces(lines: list[str], number: int) -> Iterator[_Try]:
    """A dash or a colon without the space behind it."""
    line = lines[number]
    if found := _NO_DASH_SPACE.match(line):
        text = _with(lines, number, f"{found['head']}- {found['value']}")
        yield _Try(number, found.start("value"), "a space is missing after '-'", "write '- ' and the value", text)
    if (found := _NO_SPACE.match(line)) and found["key"] not in _NAMESPACES:
        text = _with(lines, number, f"{found['head']}{found['key']}: {found['value']}")
        what, mend = f"a space is missing after '{found['key']}:'", f"write '{found['key']}: ' and the value"
        yield _Try(number, found.start("value"), what, mend, text)


def _quotes(lines: list[str], number: int) -> Iterator[_Try]:
    """A quote that is not closed, or something behind the closing one."""
    line = lines[number]
    found = _ENTRY.match(line)
    if found is None:
        return
    value, comment = found["value"].rstrip(), found["comment"] or ""
    for quote in ('"', "'"):
        at = _unclosed(value, quote)
        if at is None:
            continue
        column = found.start("value") + at
        what = f"the quote {quote} is not closed"
        # Inside brackets the quoted text ends before the next comma or bracket.
        ends = [len(value)] + [at + 1 + end.start() for end in re.finditer(r"[,\]}]", value[at + 1 :])]
        for end in ends:
            mended = value[:end] + quote + value[end:]
            where = "at the end of the value" if end == len(value) else "behind the value"
            text = _with(lines, number, line[: found.start("value")] + mended + comment)
            yield _Try(number, column, what, f"close it {where}", text)
    if (closed := re.match(r"(\"[^\"]*\"|'[^']*')(?P<rest>\s*[^\s,\]}#:].*)$", value)) is not None:
        text = _with(lines, number, line[: found.start("value")] + closed[1] + comment)
        what = "text behind the closing quote"
        column = found.start("value") + closed.start("rest") + len(closed["rest"]) - len(closed["rest"].lstrip())
        yield _Try(number, column, what, "put it inside the quotes, or remove it", text)


def _unclosed(value: str, quote: str) -> int | None:
    """Where a quoted text begins that the value does not close."""
    inside: str | None = None
    begun = place = 0
    while place < len(value):
        character = value[place]
        if inside is None:
            if character in "\"'" and (place == 0 or value[place - 1] in " [{,:"):
                inside, begun = character, place
        elif character == "\\" and inside == '"':
            place += 1
        elif character == inside:
            inside = None
        place += 1
    return begun if inside == quote else None


def _colons(lines: list[str], number: int) -> Iterator[_Try]:
    """A key without its colon."""
    line = lines[number]
    if found := _NO_COLON.match(line):
        key = found["key"].removesuffix(":")
        text = _with(lines, number, f"{found['head']}{key}: {found['value']}")
        end = found.end("key")
        mend = f"write '{key}: ' and the value"
        yield _Try(number, end, f"a colon is missing after '{key}'", mend, text)
    if found := _NO_COLON_ALONE.match(line):
        end = found.end("key")
        text = _with(lines, number, f"{line[:end]}:{line[end:]}")
        yield _Try(number, end, f"a colon is missing after '{found['key']}'", f"write '{found['key']}:'", text)


def _unquoted(lines: list[str], number: int) -> Iterator[_Try]:
    """A value that needs quotes: it begins with a character that means something, or has a colon in it."""
    line = lines[number]
    found = _ENTRY.match(line)
    if found is None:
        return
    begin, value = found.start("value"), found["value"].rstrip()
    # Between brackets the value alone, and not the bracket.
    for inner in re.finditer(r"(?<=[\[,{ ])[*&@`%!|>][^\s,\]}]*(?: [^,\]}]*)?", line):
        if "[" in line[: inner.start()] or "{" in line[: inner.start()]:
            yield from _quoted(lines, number, inner.start(), inner[0])
    # Up to the first colon alone: the head took as much as it could, and the value may have had a colon in it.
    for colon in [match.end() for match in re.finditer(r": +", line[: begin + len(value)])]:
        yield from _quoted(lines, number, colon, line[colon : begin + len(value)])
    yield from _quoted(lines, number, begin, value)


def _quoted(lines: list[str], number: int, column: int, value: str) -> Iterator[_Try]:
    bracket = value[:1] in ("[", "{") and not value.startswith("{{")
    if not value or value[0] in "\"'#" or "\\" in value or value.startswith("---") or bracket:
        return
    quote = "'" if '"' in value else '"'
    line = lines[number]
    text = _with(lines, number, f"{line[:column]}{quote}{value}{quote}{line[column + len(value) :]}")
    special = value[0] in "*&@`%!|>[]{},?-"
    why = f"a value that begins with {value[0]} needs quotes" if special else "a value with ': ' in it needs quotes"
    yield _Try(number, column, why, f"put {quote} in front of it and behind it", text)


def _brackets(lines: list[str], number: int) -> Iterator[_Try]:
    """A bracket that is not closed or not opened, or a comma that is missing between brackets."""
    line = lines[number]
    if "{" in line or "[" in line:
        mended = _NO_COMMA.sub(", ", line)
        if mended != line and (gap := _NO_COMMA.search(line)):
            what, mend = "a comma is missing between two entries", "put ',' here"
            yield _Try(number, gap.start(), what, mend, _with(lines, number, mended))
    opened: list[int] = []
    for column, character in enumerate(line):
        if character in _FLOW:
            opened.append(column)
        elif character in _FLOW.values():
            if opened and _FLOW[line[opened[-1]]] == character:
                opened.pop()
            else:
                what = f"{character} closes a bracket that is not open"
                rest = line[:column] + line[column + 1 :]
                yield _Try(number, column, what, "remove it", _with(lines, number, rest))
    if opened:
        ends = "".join(_FLOW[line[column]] for column in reversed(opened))
        first = line[opened[-1]]
        bare, comment = re.match(r"(.*?)(\s+#.*)?$", line).groups()  # type: ignore[union-attr]
        text = _with(lines, number, bare.rstrip().removesuffix(",") + ends + (comment or ""))
        yield _Try(number, opened[-1], f"the bracket {first} is not closed", f"close it with {ends}", text)


def _indents(lines: list[str], number: int) -> Iterator[tuple[int, int, _Try]]:
    """A line further left or right than the lines around it, alone and with what belongs to it; with its right
    indentation, and how far that is away."""
    if lines[number].startswith("---"):
        return
    own = len(_indent(lines[number]))
    last = number + 1
    while last < len(lines) and (not lines[last].strip() or len(_indent(lines[last])) > own):
        last += 1
    ends = dict.fromkeys((last, number + 1))
    below = [line for line in lines[number + 1 :] if _counts(line)][:1] + lines[last : last + 1]
    around = [len(_indent(line)) for line in [*lines[max(0, number - 5) : number], *below] if _counts(line)]
    for wanted in sorted({*around} - {own}, key=lambda indent: (abs(indent - own), -around.count(indent))):
        what = f"indented by {own} spaces, where {wanted} fit the lines around it"
        side = "right" if wanted > own else "left"
        mend = f"move it {abs(wanted - own)} to the {side}"
        for end in ends:
            moved = [" " * max(0, wanted + len(_indent(line)) - own) + line.lstrip() for line in lines[number:end]]
            text = "\n".join([*lines[:number], *moved, *lines[end:]]) + "\n"
            yield wanted, abs(wanted - own), _Try(number, own, what, mend, text)


def _where_it_stopped(error: yaml.MarkedYAMLError, lines: list[str]) -> Mistake:
    problem = str(error.problem)
    mark = error.problem_mark
    if problem == "found unexpected end of stream" and error.context_mark:
        # It ends at the file's end; what was not closed began here.
        mark = error.context_mark
    line = _line(mark, len(lines))
    column = min(mark.column if mark else 0, len(lines[line]) if lines else 0)
    if lines and lines[line][column : column + 1] == "\t" and not lines[line][:column].strip():
        return Mistake(line + 1, column + 1, *_TAB)
    if problem == "but found another document":
        mend = "the file has one document: remove what does not belong to it"
    elif problem == "found unknown escape character":
        mend = "write the backslash twice, or use single quotes"
    else:
        mend = "check this line and the one above it"
    return Mistake(line + 1, column + 1, _WORDS.get(problem, problem), mend)
