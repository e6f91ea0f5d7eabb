import { describe, expect, test } from "vitest";
import { LONGEST_SELECTION_IN_LINK, START, Store, fromFragment, toFragment, type State } from "../src/store";

const atlas = { n: 5000, maps: ["tsne", "umap", "a,b&#"], columns: ["label", "odd, name=1"] };

describe("links", () => {
  test("restore what was seen", () => {
    const state: State = {
      ...START,
      maps: ["tsne", "a,b&#"],
      cameras: { "a,b&#": { x: 0.25, y: -0.5, zoom: 8 } },
      focus: 42,
      place: { map: "tsne", x: 0.5, y: -0.25 },
      placePinned: true,
      selection: [5, 6, 7, 20, 4999],
      filters: [{ column: "odd, name=1", off: [1, 3] }, { column: "label", range: [0.5, 2] }],
      colour: "odd, name=1",
      tab: "path",
      pen: "path",
      theme: "dark",
      thumbnails: true,
      labels: false,
      mosaic: true,
      path: [{ row: 3 }, { map: "a,b&#", x: 0.125, y: 1 }],
      size: 16,
      query: "seven & co",
    };
    expect({ ...START, ...fromFragment(`#${toFragment(state)}`, atlas) }).toEqual(state);
  });

  test("are empty for the start", () => expect(toFragment(START)).toBe(""));

  test.each(["rows=-1-2.zzzzzzz.5-4", "point=5000", "point=1.5", "maps=none,%E0%A4%A", "camera=tsne,0,0,0", "path=;,,",
    "off=label,x", "range=label,NaN,1", "tab=__proto__", "place=tsne,Infinity,0", "%%%=&&&"])(
    "that make no sense leave the start: %s",
    (text) => expect({ ...START, ...fromFragment(text, atlas) }).toEqual(START),
  );

  test("do not carry endless selections, even when asked to", () => {
    const selection = Array.from({ length: LONGEST_SELECTION_IN_LINK + 1 }, (_, i) => 2 * i);
    expect(toFragment({ ...START, selection })).toBe("");
    expect(fromFragment("rows=0-zzzz", atlas).selection?.length).toBe(LONGEST_SELECTION_IN_LINK);
  });
});

test("listeners hear once of what is really new", () => {
  const store = new Store();
  const heard: string[] = [];
  const stop = store.subscribe((_, changed) => heard.push([...changed].join()), "hover", "focus");
  store.set({ hover: 3, tab: "size" });
  store.set({ hover: 3 });
  store.set({ tab: "about" });
  stop();
  store.set({ hover: 4 });
  expect(heard).toEqual(["hover,tab"]);
});
