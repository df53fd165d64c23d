"""A headless Chromium that opens a page and tells what has become of it."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from solver.map.png import browser_flags, find_browser

BROWSER = find_browser()
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: address maps were NOT looked at")

COLLISIONS = """
const texts = Array.from(document.querySelectorAll("svg text")).filter(t => t.textContent.trim() !== "");
const boxes = texts.map(t => t.getBoundingClientRect());
const order = boxes.map((_, i) => i).sort((a, b) => boxes[a].left - boxes[b].left);
report.texts = texts.length;
report.collisions = [];
order.forEach((i, n) => {
  for (let m = n + 1; m < order.length; m++) {
    const j = order[m], a = boxes[i], b = boxes[j];
    if (b.left > a.right - 1) { break; }
    if (Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1.5) {
      report.collisions.push([texts[i].textContent, texts[j].textContent]);
    }
  }
});
report.outside = [];
const page = document.querySelector("svg").getBoundingClientRect();
texts.forEach((t, i) => {
  const item = t.closest(".item");
  const frame = item ? item.querySelector("rect").getBoundingClientRect() : page;
  const b = boxes[i];
  if (b.left < frame.left - 1 || b.right > frame.right + 1 || b.top < frame.top - 1 || b.bottom > frame.bottom + 1) {
    report.outside.push(t.textContent);
  }
});
"""
"""Fills ``report`` with the pairs of labels that touch, and the labels that stick out of their boxes or the page."""


def printed(page: str, folder: Path) -> bytes:
    """``page`` as the PDF that a browser prints."""
    assert BROWSER is not None
    file, made = folder / "page.html", folder / "page.pdf"
    file.write_text(page, encoding="utf-8")
    command = [BROWSER, *browser_flags(folder), "--no-pdf-header-footer", f"--print-to-pdf={made}", file.as_uri()]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert made.exists(), f"the page was not printed: {finished.stderr[-2000:]}"
    return made.read_bytes()


def visit(page: str, script: str, folder: Path) -> dict[str, Any]:
    """Open ``page`` with ``script`` run at its end; what the script wrote into the object ``report``."""
    assert BROWSER is not None
    probe = (
        f"<script>{{const report = {{}};\n{script}\nconst out = document.createElement('pre'); out.id = 'report';"
        "out.textContent = JSON.stringify(report); document.body.append(out);}</script>"
    )
    file = folder / "page.html"
    file.write_text(page.replace("</body>", f"{probe}</body>"), encoding="utf-8")
    command = [BROWSER, *browser_flags(folder), "--window-size=1440,900", "--dump-dom", file.as_uri()]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    match = re.search(r'<pre id="report">(.*?)</pre>', finished.stdout, re.DOTALL)
    assert match is not None, f"the page did not run to its end: {finished.stderr[-2000:]}"
    found: dict[str, Any] = json.loads(unescape(match[1]))
    return found
