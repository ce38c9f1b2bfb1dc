"""Every page renders as intended: CommonMark shows each heading, block and table in the source."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import ROOT
from .markdown import list_pages, render_outline, scan_outline

VALID = """\
# Title

<details>
<summary>More</summary>

## Inside

| a | b |
| --- | --- |
| 1 | 2 |

```sh
# not a heading
make demo
```

</details>

- a list with

  ```json
  {}
  ```
"""
BROKEN = {
    "backticks in the info string of a fence": VALID.replace("```sh", "```sh not run: `make demo` does"),
    "no blank line before a block in <details>": VALID.replace(
        "</summary>\n", "</summary>\n```sh\nls\n```\n"
    ),
    "no blank line before a heading in <details>": VALID.replace("</summary>\n\n", "</summary>\n"),
    "a fence that is not closed": VALID.replace("demo\n```", "demo\n"),
    "a table without its line of dashes": VALID.replace("| --- | --- |\n", ""),
    "a heading within an HTML element": VALID.replace("# Title\n", "<div>\n# Title\n</div>\n"),
}


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_renderer_shows_every_heading_block_and_table_of_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert render_outline(text) == scan_outline(text)


def test_both_outlines_of_a_valid_page_are_equal() -> None:
    outline = render_outline(VALID)
    assert outline == scan_outline(VALID)
    assert outline == (["# Title", "## Inside"], [("sh", 2), ("json", 1)], [2])


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_the_outlines_of_a_broken_page_differ(broken: str) -> None:
    assert broken != VALID
    assert render_outline(broken) != scan_outline(broken)
