"""What a text costs, in lines: `encode` of the shell and of the command line.

Owns: the tables. Refuses to know: the words in them (`core.encoding`), and terminals.
"""

from __future__ import annotations

from smppgw.core.command import Column
from smppgw.core.encoding import InParts, rows, summary
from smppgw.ops.shell.render import fold, table_lines

LABEL = 12
"""Characters of a label and the gap behind it."""
PARTS = (
    Column("PART", "part"),
    Column("UNITS", "units", right=True),
    Column("DATA_CODING", "data_coding", whole=True),
    Column("ESM_CLASS", "esm_class", whole=True),
    Column("HEADER", "header", whole=True),
)
TLVS = Column("TLVS", "tlvs")


def encode_text(text: InParts, width: int) -> list[str]:
    """A text in parts, in lines: counts, what makes it dear, a table of the parts, what each says.

    Texts are in quotes and whole, so their lines can be longer than those of a table.
    """
    lines: list[str] = []
    for label, words in summary(text.found, text.style, text.replacements):
        lines += fold(f"{label:{LABEL}}{words}", width, " " * LABEL)
    parts = rows(text.found)
    columns = (*PARTS, TLVS) if any(one["tlvs"] for one in parts) else PARTS
    lines += ["", *table_lines(columns, parts, width), ""]
    return lines + [f"{one['part']}  {one['text']}" for one in parts]
