/**
 * The page, put together.
 *
 * A slim bar above (name, facts, four tabs), the maps below it on the whole width but for one
 * panel at the right, which shows what the pen is for: the point, any place, a path, a drawing, a
 * selection. The legend under the maps filters. Nothing moves unless it is asked to; colour is for
 * data only, with one accent for what is being pointed at.
 */

import type { AtlasData, Compute } from "../data";
import { Store, fromFragment, isPage, toFragment, type State, type Tab, type Theme } from "../store";
import { aboutPage } from "./about";
import { keepAddress } from "./address";
import { TRUST } from "./colouring";
import { Marks, type Context } from "./context";
import { decodePanel } from "./decode";
import { fill, h, shorten, text } from "./dom";
import { drawPanel } from "./draw";
import { keepFocus } from "./focus";
import { helpSheet } from "./help";
import { listenToKeys } from "./keyboard";
import { legend } from "./legend";
import { pathPanel } from "./path";
import { pointPanel } from "./point";
import { selectionPanel } from "./selection";
import { makeSheet } from "./sheet";
import { sizePage } from "./size";
import { createStage } from "./stage";
import { toolbar } from "./toolbar";
import { trustPage } from "./trust";
import { extent, plural } from "./words";

export interface Explorer {
  readonly store: Store;
  /** Stop everything and leave the page empty. */
  close(): void;
}

export interface Options {
  /** Keep the state in the URL's fragment; not in notebooks, whose address is not ours. */
  readonly link: boolean;
  readonly makeCompute: (atlas: AtlasData) => Compute;
}

type Part = "point" | "decode" | "path" | "draw" | "selection";
const PARTS: readonly (readonly [Part, string, Partial<State>])[] = [
  ["point", "Point", { pen: "look" }],
  ["decode", "Decode", { pen: "decode" }],
  ["path", "Path", { pen: "path" }],
  ["draw", "Draw", { pen: "look" }],
  ["selection", "Select", { pen: "lasso" }],
];
const PAGES: readonly (readonly [Tab, string])[] = [["size", "Size"], ["trust", "Trust"], ["about", "About"]];
const SAID = 4000; // milliseconds that a message stays on the page

/** Fill `root` with the explorer of an atlas, which may still be arriving. */
export async function explore(root: HTMLElement, opened: Promise<AtlasData>, options: Options): Promise<Explorer> {
  root.classList.add("latentscape");
  const waiting = h("p", { class: "waiting", role: "status" }, "Opening the atlas…");
  fill(root, waiting);
  let atlas: AtlasData;
  try {
    atlas = await opened;
  } catch (error) {
    fail(root, error);
    throw error;
  }
  return build(root, atlas, options);
}

function fail(root: HTMLElement, error: unknown): void {
  fill(root, h("div", { class: "failure", role: "alert" }, h("h1", {}, "This atlas cannot be shown"), h("p", {}, error instanceof Error ? error.message : String(error))));
}

function build(root: HTMLElement, atlas: AtlasData, options: Options): Explorer {
  const names = atlas.maps.map((map) => map.name);
  const columns = [...atlas.columns.map((column) => column.name), TRUST];
  const known = { n: atlas.n, maps: names, columns };
  const wide = root.getBoundingClientRect().width >= 760;
  const first = ["tsne", "umap"].filter((name) => names.includes(name));
  const start: Partial<State> = {
    maps: (first.length > 0 ? first : names).slice(0, wide && names.length > 1 ? 2 : 1),
    colour: atlas.label !== null ? "label" : (atlas.columns[0]?.name ?? ""),
  };
  const linked = options.link ? fromFragment(location.hash, known) : {};
  const store = new Store({ ...start, ...linked });

  const stops: (() => void)[] = [];
  const toast = h("div", { class: "toast", role: "status", "aria-live": "polite" });
  let fading = 0;
  const say = (message: string): void => {
    text(toast, message);
    toast.classList.add("shown");
    window.clearTimeout(fading);
    fading = window.setTimeout(() => toast.classList.remove("shown"), SAID);
  };
  stops.push(() => window.clearTimeout(fading));
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  let compute: Compute | null = null;
  let tell: (made: Compute) => void = () => undefined;
  const computed = new Promise<Compute>((resolve) => {
    tell = resolve;
  });
  const context: Context = {
    atlas,
    store,
    marks: new Marks(),
    compute: () => compute,
    computed,
    dark: () => (store.state.theme === "auto" ? scheme.matches : store.state.theme === "dark"),
    say,
    address: options.link ? () => `${location.href.replace(/#.*/, "")}#${toFragment(store.state)}` : null,
    onClose: (stop) => stops.push(stop),
  };

  const dress = (): void => {
    root.dataset["theme"] = context.dark() ? "dark" : "light";
  };
  scheme.addEventListener("change", dress);
  stops.push(() => scheme.removeEventListener("change", dress));
  dress();
  stops.push(store.subscribe(dress, "theme"));

  const help = helpSheet();
  const stage = createStage(context);
  const parts: Record<Part, HTMLElement> = {
    point: pointPanel(context),
    decode: decodePanel(context),
    path: pathPanel(context),
    draw: drawPanel(context, root),
    selection: selectionPanel(context),
  };
  const pages: Partial<Record<Tab, HTMLElement>> = { size: sizePage(context), trust: trustPage(context), about: aboutPage(context) };

  // Tabs of the page: the maps, and three pages to read.
  const mapsTab = h("button", {}, "Maps");
  const tabs = h("nav", { class: "tabs", "aria-label": "Pages" }, mapsTab);
  let lastPart: Part = "point";
  mapsTab.addEventListener("click", () => store.set({ tab: lastPart }));
  const pageButtons = PAGES.map(([tab, name]) => {
    const button = h("button", { onclick: () => store.set({ tab }) }, name);
    tabs.append(button);
    return [tab, button] as const;
  });
  const sheet = makeSheet(root, store, context.onClose);
  const pens = h("div", { class: "pens", role: "group", "aria-label": "Pen" });
  const penButtons = PARTS.map(([part, name, change]) => {
    const button = h("button", { onclick: () => { store.set({ ...change, tab: part }); sheet.open(); } }, name);
    pens.append(button);
    return [part, button] as const;
  });
  const theme = h("button", { class: "icon", onclick: () => store.set({ theme: (context.dark() ? "light" : "dark") satisfies Theme }) });
  const question = h("button", { class: "icon", "aria-label": "Keys", title: "Keys (?)" }, "?");
  question.addEventListener("click", help.toggle);

  const { about } = atlas;
  const facts = [
    h("bdi", {}, shorten(about.name, 40)),
    extent(about, atlas.n),
    about.latent_dim > 0 ? plural(about.latent_dim, about.image_shape.length > 0 ? "neuron" : "dimension") : null,
  ].filter((fact) => fact !== null);
  const chip = h("button", { class: "chip", onclick: () => store.set({ tab: "selection" }) });

  const keys = h("p", { class: "visually-hidden", id: "latentscape-keys" }, "Arrow keys go from point to point, plus and minus zoom, question mark shows all keys.");
  const aside = h("aside", { class: "side", "aria-label": "Details" }, h("div", { class: "side-head" }, pens, sheet.handle), ...Object.values(parts));
  const maps = h("main", { class: "maps" }, toolbar(context, stage), stage.element, h("div", { class: "under" }, legend(context), chip), keys);
  const reading = h("main", { class: "reading", tabindex: 0 }, ...Object.values(pages));
  const trouble = h("p", { class: "notice trouble", role: "alert" });
  trouble.hidden = true;
  fill(
    root,
    h(
      "header",
      { class: "top" },
      h("h1", {}, "latentscape"),
      h("p", { class: "dataset" }, ...facts.flatMap((fact, i) => (i === 0 ? [fact] : [" · ", fact]))),
      h("span", { class: "spacer" }),
      tabs,
      theme,
      question,
    ),
    trouble,
    maps,
    aside,
    reading,
    toast,
    help.element,
  );

  let read = "";
  const show = (): void => {
    const { tab } = store.state;
    const part = isPage(tab) ? null : (tab as Part);
    if (part !== null) lastPart = part;
    const reads = part === null ? tab : "";
    maps.hidden = part === null;
    aside.hidden = part === null;
    reading.hidden = part !== null;
    for (const [name, element] of Object.entries(parts)) element.hidden = name !== part;
    for (const [name, element] of Object.entries(pages)) element.hidden = name !== tab;
    current(mapsTab, part !== null);
    for (const [name, button] of pageButtons) current(button, name === tab);
    for (const [name, button] of penButtons) button.setAttribute("aria-pressed", String(name === part));
    const dark = context.dark();
    text(theme, dark ? "☀" : "☾");
    theme.setAttribute("aria-label", dark ? "Light page" : "Dark page");
    theme.title = `${dark ? "Light" : "Dark"} page (T)`;
    const selected = store.state.selection.length;
    chip.hidden = selected === 0;
    if (reads !== read) {
      // Another page begins at its top.
      read = reads;
      reading.scrollTop = 0;
    }
    text(chip, `${plural(selected, "point")} selected`);
  };
  stops.push(store.subscribe(show, "tab", "theme", "selection"));
  show();
  for (const part of Object.values(parts)) part.tabIndex = -1;
  stops.push(keepFocus(root));
  listenToKeys(root, context, { toggleHelp: help.toggle, toMaps: () => store.set({ tab: lastPart }) });

  if (options.link) stops.push(keepAddress(store, (hash) => ({ ...start, ...fromFragment(hash, known) })));

  atlas.ready.then(
    () => {
      compute = options.makeCompute(atlas);
      stops.push(() => compute?.close());
      tell(compute);
    },
    (error: unknown) => {
      trouble.hidden = false;
      text(trouble, `Part of this atlas could not be read: ${error instanceof Error ? error.message : String(error)}`);
    },
  );

  return {
    store,
    close: () => {
      for (const stop of stops.splice(0)) stop();
      root.replaceChildren();
    },
  };
}

function current(button: HTMLElement, is: boolean): void {
  if (is) button.setAttribute("aria-current", "page");
  else button.removeAttribute("aria-current");
}
