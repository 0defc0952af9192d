"""The fenced code blocks of a page, and what its author told the tests about them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_REMARK = re.compile(r"<!--\s*test:(.*?)-->", re.DOTALL)
_FILE = re.compile(r"(?:#|//|<!--) file: (\S+)(?: -->)?")


class PageInvalid(Exception):
    """The page asks for something the runner does not know: it skips nothing silently."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced code block; `line` is where its code begins.

    `status` is the exit status that the block should end with, and `shows_output` tells whether
    what stands below its commands must be what they print.
    """

    page: str
    line: int
    language: str
    code: str
    status: int = 0
    shows_output: bool = False

    @property
    def where(self) -> str:
        """Return the place as editors understand it."""
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str | None:
        """Return NAME where the block's first line is `# file: NAME`."""
        found = _FILE.fullmatch(self.code.split("\n", 1)[0].strip())
        return found[1] if found else None


def blocks(text: str, page: str) -> list[Block]:
    """Return the code blocks of the Markdown `text` in their order."""
    found = []
    remark: Token | None = None
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence":
            found.append(_block(token, remark, page))
            remark = None
        elif token.type == "code_block":
            raise PageInvalid(f"{page}:{_line(token)}: code needs a fence with a language")
        elif remark is not None:
            raise PageInvalid(f"{page}:{_line(remark)}: no code block follows this remark")
        elif token.type == "html_block" and _REMARK.match(token.content):
            remark = token
    if remark is not None:
        raise PageInvalid(f"{page}:{_line(remark)}: no code block follows this remark")
    return found


def commands(block: Block) -> list[tuple[str, str]]:
    """Return (command, output shown below it) for every `$ ` line of a console block.

    A line that begins with `> `, or follows a backslash, continues the command above it.
    """
    found: list[tuple[str, str]] = []
    continues = False
    for number, line in enumerate(block.code.splitlines(), block.line):
        if line.startswith("$ "):
            found.append((line[2:], ""))
            continues = True
        elif not found:
            raise PageInvalid(f"{block.page}:{number}: the first command should begin with '$ '")
        elif continues and (line.startswith("> ") or line == ">" or found[-1][0].endswith("\\")):
            more = line[2:] if line.startswith(">") else line
            found[-1] = (f"{found[-1][0]}\n{more}", "")
        else:
            continues = False
            found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    if not found:
        raise PageInvalid(f"{block.where}: a console block without a '$ ' line")
    return found


def matches(shown: str, printed: str) -> bool:
    """Tell whether `printed` is what the page shows, where `...` stands for any text."""

    def tidy(text: str) -> str:
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    pattern = ".*".join(re.escape(part) for part in tidy(shown).split("..."))
    return re.fullmatch(pattern, tidy(printed), re.DOTALL) is not None


def _block(token: Token, remark: Token | None, page: str) -> Block:
    line = _line(token) + 1
    language = token.info.strip()
    status, shows_output = 0, False
    said = _REMARK.match(remark.content) if remark else None
    for word in said[1].split() if said else ():
        if word == "output" and language in {"console", "sh"}:
            shows_output = True
        elif re.fullmatch(r"status=\d+", word):
            status = int(word.removeprefix("status="))
        else:
            raise PageInvalid(f"{page}:{line}: {word!r} says nothing about a {language} block")
    return Block(page, line, language, token.content, status, shows_output)


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
