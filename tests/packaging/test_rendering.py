"""A page looks everywhere as it was meant: CommonMark shows each heading, block and table that was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import ROOT
from .markdown import pages_of_the_repository, render_outline, scan_outline

SOUND = """\
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
    "backticks in the words after a fence": SOUND.replace("```sh", "```sh not run: `make demo` does"),
    "no blank line before a block in <details>": SOUND.replace(
        "</summary>\n", "</summary>\n```sh\nls\n```\n"
    ),
    "no blank line before a heading in <details>": SOUND.replace("</summary>\n\n", "</summary>\n"),
    "a fence that is not closed": SOUND.replace("demo\n```", "demo\n"),
    "a table without its line of dashes": SOUND.replace("| --- | --- |\n", ""),
    "a heading within an HTML element": SOUND.replace("# Title\n", "<div>\n# Title\n</div>\n"),
}


@pytest.mark.parametrize("page", pages_of_the_repository(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_renderer_shows_every_heading_block_and_table_of_a_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert render_outline(text) == scan_outline(text)


def test_a_page_that_is_sound_reads_the_same_both_ways() -> None:
    outline = render_outline(SOUND)
    assert outline == scan_outline(SOUND)
    assert outline == (["# Title", "## Inside"], [("sh", 2), ("json", 1)], [2])


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_a_page_that_falls_apart_is_noticed(broken: str) -> None:
    assert broken != SOUND
    assert render_outline(broken) != scan_outline(broken)
