"""Colours that differ in meaning differ for colour-blind users too, as Chromium simulates them."""

import io
import re
from itertools import product
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.page.conftest import OpenTab
from tests.page.views import expect_drawn

DEFICIENCIES = ("none", "deuteranopia", "protanopia", "tritanopia")
# Custom properties of the style sheet that must not be mistaken for each other.
PAIRS = (
    ("call", "put"),
    ("up", "down"),
    ("flash-up", "flash-down"),
    ("heat-low", "heat-high"),
)
# 2.3 is a just noticeable difference of CIELAB colours; ten times that is seen at a glance.
DIFFERENCE_MIN = 20.0
LIGHTNESS_MIN = 15.0
SWATCHES = """
(names) => {
  const node = document.createElement("div");
  Object.assign(node.style, { position: "fixed", inset: "0", zIndex: "99", display: "flex" });
  for (const name of names) {
    const swatch = document.createElement("div");
    Object.assign(swatch.style, { flex: "1", background: `var(--${name})` });
    node.append(swatch);
  }
  document.body.append(node);
}
"""

Lab = tuple[float, float, float]


def lab(pixel: Any) -> Lab:
    """A pixel, three bytes, in CIELAB, under the white of sRGB (D65): the formulas of CIE 15."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (byte / 255 for byte in pixel[:3])
    )
    x, y, z = (
        (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505,
        0.2126 * red + 0.7152 * green + 0.0722 * blue,
        (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089,
    )
    fx, fy, fz = (
        part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z)
    )
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def difference(first: Lab, second: Lab) -> float:
    return float(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5)


def seen(page: Page, deficiency: str) -> dict[str, Lab]:
    """The colours of `PAIRS` by name, as a user with *deficiency* sees them."""
    names = [name for pair in PAIRS for name in pair]
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    width = picture.width / len(names)
    centres = [int((number + 0.5) * width) for number in range(len(names))]
    return {name: lab(picture.getpixel((x, 100))) for name, x in zip(names, centres, strict=True)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pairs_of_colours_differ_for_colour_blind_users(new_tab: OpenTab, theme: str) -> None:
    page = new_tab(color_scheme=theme).open("BTC/expiries")
    page.evaluate(SWATCHES, [name for pair in PAIRS for name in pair])
    seen_by = {deficiency: seen(page, deficiency) for deficiency in DEFICIENCIES}
    assert seen_by["none"]["call"] != seen_by["tritanopia"]["call"]  # it is simulated
    differences = {
        (deficiency, *pair): difference(*(seen_by[deficiency][name] for name in pair))
        for deficiency, pair in product(DEFICIENCIES, PAIRS)
    }
    assert {key: value for key, value in differences.items() if value < DIFFERENCE_MIN} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_heatmap_is_ordered_by_lightness(new_tab: OpenTab, theme: str) -> None:
    page = new_tab(color_scheme=theme).open("BTC/expiries")
    page.evaluate(SWATCHES, [name for pair in PAIRS for name in pair])
    colours = seen(page, "none")
    lightness = [colours[name][0] for name in ("heat-low", "heat-high")]
    assert abs(lightness[0] - lightness[1]) >= LIGHTNESS_MIN


def test_rising_and_falling_cells_differ_by_more_than_colour(new_tab: OpenTab) -> None:
    page = new_tab(reduced_motion="reduce").open("BTC/expiries")  # nothing else flashes
    expect_drawn(page, "expiries")
    cells = page.locator("main tbody tr").first.locator("td")
    edges = []
    for index, name in enumerate(("went-up", "went-down")):
        cells.nth(index).evaluate("(cell, name) => cell.classList.add(name)", name)
        shadow = cells.nth(index).evaluate("(cell) => getComputedStyle(cell).boxShadow")
        edges.append(re.findall(r"-?\d+px", shadow)[1])
    assert edges == ["2px", "-2px"]
