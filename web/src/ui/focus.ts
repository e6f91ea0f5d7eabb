/** The keyboard's place is kept: what goes away while it has the focus leaves it to its surroundings. */

/** Where the focus goes from a part of the page: to that part itself (""), or to what it holds. */
const HOMES: readonly (readonly [place: string, home: string])[] = [
  [".menu", "summary"],
  [".legend", "button, input"],
  [".panel", ".surface"],
  [".panel-body", ""],
  [".reading", ""],
  [".side", ".panel-body"],
  [".latentscape", ".surface, .reading"],
];

function isSeen(element: Element | undefined): element is HTMLElement {
  // What a closed <details> holds has boxes and is not seen.
  return element instanceof HTMLElement && element.getClientRects().length > 0 && element.closest("details:not([open]) > :not(summary)") === null;
}

/**
 * Watch which element of `root` has the focus. When that element is gone or hidden and nothing
 * else has taken the focus, the part of the page where it stood gets it. Returns how to stop.
 */
export function keepFocus(root: HTMLElement): () => void {
  let last: HTMLElement | null = null;
  let around: readonly Element[] = [];
  let frame = 0;
  const heard = (event: FocusEvent): void => {
    last = event.target instanceof HTMLElement ? event.target : null;
    around = last === null ? [] : ancestors(last);
  };
  const check = (): void => {
    // A browser may still name the hidden element, for a frame or two.
    const active = document.activeElement;
    if (last === null || isSeen(last) || (active !== document.body && active !== last)) return;
    for (const [place, home] of HOMES) {
      const near = around.find((each) => each.matches(place));
      const found = [...(home === "" ? [near] : (near?.querySelectorAll(home) ?? []))].find(isSeen);
      if (found === undefined) continue;
      found.focus({ preventScroll: true });
      return;
    }
  };
  // After the listeners of the click or key, and what they have changed.
  const later = (): void => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => (frame = requestAnimationFrame(check)));
  };
  root.addEventListener("focusin", heard);
  root.addEventListener("click", later);
  root.addEventListener("keydown", later, true);
  return () => {
    cancelAnimationFrame(frame);
    root.removeEventListener("focusin", heard);
    root.removeEventListener("click", later);
    root.removeEventListener("keydown", later, true);
  };
}

function ancestors(element: Element): Element[] {
  const found: Element[] = [];
  for (let each = element.parentElement; each !== null; each = each.parentElement) found.push(each);
  return found;
}
