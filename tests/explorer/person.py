"""What a person does on the page, and what the screen should show of it."""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np

from latentscape.atlas import Atlas
from latentscape.types import AnyArray

from .browser import wait_until

STORE = "document.getElementById('app').latentscape.store"


def state(page: Any) -> dict[str, Any]:
    """Return what the reader of the page has chosen."""
    found: dict[str, Any] = page.evaluate(f"{STORE}.state")
    return found


def surface(page: Any, map_title: str) -> Any:
    """Return the part of a panel that takes the pointer."""
    return page.get_by_role("application", name=f"{map_title} map of")


def places(atlas: Atlas, name: str, box: dict[str, float]) -> AnyArray:
    """Return where each point of a map stands on the screen while the whole map is shown."""
    xy = atlas.points[[f"{name}_x", f"{name}_y"]].to_numpy(dtype=np.float64)
    low, high = xy.min(axis=0), xy.max(axis=0)
    width, height = high - low
    scale = min((box["width"] - 52) / width, (box["height"] - 82) / height)
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + (box["height"] + 30) / 2])
    placed: AnyArray = middle + (xy - (low + high) / 2) * [scale, -scale]
    return placed


def lonely_row(placed: AnyArray) -> int:
    """Return the point that is farthest from its nearest neighbour, so that it is hit for sure."""
    apart = np.hypot(*(placed[:, None] - placed[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    return int(apart.min(axis=1).argmax())


def draw(page: Any, *stroke: tuple[float, float]) -> None:
    """Draw one stroke on the pad, in its 280 dots, which a small screen shows smaller."""
    box = page.locator(".pad").bounding_box()
    scale = box["width"] / 280
    for number, (x, y) in enumerate(stroke):
        page.mouse.move(box["x"] + scale * x, box["y"] + scale * y, steps=8)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def drag(page: Any, *corners: tuple[float, float]) -> None:
    """Press the button at the first place and let it go at the last."""
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=6)
    page.mouse.up()


def button(page: Any, name: str) -> Any:
    """Return the button of exactly this name."""
    return page.get_by_role("button", name=name, exact=True)


def panel(page: Any) -> Any:
    """Return the panel at the side."""
    return page.get_by_role("complementary")


def set_state(page: Any, change: str) -> None:
    """Change the state at once, where the way there is not what is tested."""
    page.evaluate(f"{STORE}.set({{ {change} }})")


def pixels(page: Any, area: Any) -> AnyArray:
    """Return what stands on the screen in a part of the page: uint8 (H, W, 3)."""
    from PIL import Image

    area.scroll_into_view_if_needed()
    picture = Image.open(io.BytesIO(page.screenshot(clip=area.bounding_box())))
    return np.asarray(picture.convert("RGB"))


def settled(page: Any, area: Any) -> AnyArray:
    """Return the pixels of an area when they have stopped to change."""
    before = pixels(page, area)
    for _ in range(40):
        page.wait_for_timeout(120)
        now = pixels(page, area)
        if np.array_equal(before, now):
            return now
        before = now
    raise AssertionError("the page does not come to rest")


def wait_for_change(page: Any, area: Any, before: AnyArray, share: float) -> None:
    """Wait until at least a share of an area's pixels are other than before."""
    end = time.monotonic() + 30
    while (found := (pixels(page, area) != before).any(axis=2).mean()) < share:
        assert time.monotonic() < end, f"only {found:.1%} of the pixels have changed"
        page.wait_for_timeout(100)


def painted(page: Any, selector: str) -> None:
    """Wait until a canvas of the page has something on it.

    Read from a copy: Chromium complains of a canvas that is read again and again.
    """
    wait_until(
        page,
        f"""[...document.querySelectorAll('{selector}')].some((canvas) => {{
          const {{ width, height }} = canvas;
          if (!width || !height) return false;
          const copy = new OffscreenCanvas(width, height)
            .getContext('2d', {{ willReadFrequently: true }});
          copy.drawImage(canvas, 0, 0);
          return copy.getImageData(0, 0, width, height).data.some((value) => value > 0);
        }})""",
    )
