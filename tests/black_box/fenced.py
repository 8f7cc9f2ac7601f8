"""The fenced code blocks of a Markdown page: what kind each is, what it says, and on which line it begins."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPENING = re.compile(r"^( *)(`{3,}|~{3,}) *([^`\s]*)\s*$")


class Block:
    """`kind` is the word behind the fence, `line` that of the block's first line of text, counted from 1."""

    def __init__(self, page, line, kind, lines):
        self.page = page
        self.line = line
        self.kind = kind
        self.lines = lines
        self.text = "".join(line + "\n" for line in lines)

    def __str__(self):
        path = pathlib.Path(self.page)
        return f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}:{self.line}"


def blocks_of(page, text):
    """All blocks of `text`, in order. A block that is never closed is a mistake of the page."""
    found, opening, lines, first = [], None, [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if opening is None:
            opening = OPENING.match(line)
            lines, first = [], number + 1
        elif line.strip() == opening[2]:
            found.append(Block(page, first, opening[3].lower(), lines))
            opening = None
        else:
            indent = len(opening[1])
            lines.append(line[indent:] if not line[:indent].strip() else line)
    if opening is not None:
        raise AssertionError(f"{page}:{first - 1}: this block is not closed")
    return found


def blocks(page):
    return blocks_of(page, pathlib.Path(page).read_text(encoding="utf-8"))
