/** Building elements. Names and labels enter the page as text nodes only, never as markup. */

type Child = Node | string | null | undefined | false;
type Attribute = string | number | boolean | null | undefined;

export interface Properties {
  readonly [name: string]: Attribute | ((event: never) => void);
}

/** Make an HTML element: attributes, `on…` listeners, children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (element instanceof HTMLButtonElement) element.type = "button";
  assign(element, properties);
  add(element, children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Make an SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  properties: Properties = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  assign(element, properties);
  add(element, children);
  return element;
}

function assign(element: Element, properties: Properties): void {
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as unknown as EventListener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
}

function add(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/** Whether fingers do what elsewhere a mouse does. */
export function touches(): boolean {
  return window.matchMedia("(hover: none)").matches;
}

/** Replace the content of an element, if it is another one. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  add(element, children);
}

/** Set the text of an element without touching the page where it is already so. */
export function text(element: Element, content: string): void {
  if (element.textContent !== content) element.textContent = content;
}

/** Shorten for a narrow place; whole characters only, so that no emoji is cut in two. */
export function shorten(content: string, length: number): string {
  const characters = [...content.slice(0, 4 * length)];
  return characters.length > length ? characters.slice(0, length - 1).join("") + "…" : content;
}

/** Offer a file for download, without any request. */
export function download(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
