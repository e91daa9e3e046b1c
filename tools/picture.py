"""Makes the pictures of the README from the real page: ``python tools/picture.py matrix.html``.

Needs the extra ``browser`` and a Chromium on the PATH. Writes docs/matrix-light.png and -dark.png.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).parent.parent / "docs"


def main(page: Path) -> None:
    """Take a picture in each colour scheme."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            tab = chromium.new_page(viewport={"width": 1440, "height": 1230}, color_scheme=scheme)
            tab.goto(page.resolve().as_uri())
            place = DOCS / f"matrix-{scheme}.png"
            tab.screenshot(path=place)
            print(f"wrote {place}")
        chromium.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
