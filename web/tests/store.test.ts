import { describe, expect, test } from "vitest";
import { START, Store, fromFragment, selectionText, toFragment, type State } from "../src/store";

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
      axes: [0.5, 0, -1.25],
      size: 16,
      query: "seven & co",
    };
    expect({ ...START, ...fromFragment(`#${toFragment(state)}`, atlas) }).toEqual(state);
  });

  test.each([[-Infinity, 0.5], [0.5, Infinity]])("keep a range that is open on one side: %d to %d", (low, high) => {
    const filters = [{ column: "label", range: [low, high] as const }];
    expect(fromFragment(toFragment({ ...START, filters }), atlas).filters).toEqual(filters);
  });

  test("are empty for the start", () => expect(toFragment(START)).toBe(""));

  test.each(["rows=-1-2.zzzzzzz.5-4", "point=5000", "point=1.5", "maps=none,%E0%A4%A", "camera=tsne,0,0,0", "path=;,,",
    "off=label,x", "range=label,NaN,1", "range=label,,", "range=label,2,1", "tab=__proto__", "place=tsne,Infinity,0", "%%%=&&&"])(
    "that make no sense leave the start: %s",
    (text) => expect({ ...START, ...fromFragment(text, atlas) }).toEqual(START),
  );

  test("carry selections of any form, and leave out those that are too large", () => {
    const wide = { ...atlas, n: 1_000_000 };
    const selection = Array.from({ length: 2500 }, (_, i) => 2 * i);
    expect(fromFragment(toFragment({ ...START, selection }), atlas).selection).toEqual(selection);
    const many = Array.from({ length: 400_000 }, (_, i) => 2 * i + (i % 7 === 0 ? 1 : 0));
    expect(toFragment({ ...START, selection: many })).toBe("");
    expect(selectionText(many)).toBeNull();
    expect(fromFragment("rows=0-zzzz", wide).selection?.length).toBe(1_000_000);
  });

  test("move along the axes only from a point, and no farther than the sliders", () => {
    expect(fromFragment("point=3&axes=0,1.5", atlas).axes).toEqual([0, 1.5]);
    for (const text of ["axes=1", "point=3&axes=9", "point=3&axes=x", "point=3&axes=0,0"]) expect(fromFragment(text, atlas).axes).toBeUndefined();
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

test("each tab has its pen", () => {
  const store = new Store({ tab: "decode" });
  expect(store.state.pen).toBe("decode");
  store.set({ tab: "selection" });
  expect(store.state.pen).toBe("lasso");
  store.set({ pen: "rectangle" });
  store.set({ tab: "trust" });
  store.set({ tab: "selection" });
  expect(store.state.pen).toBe("rectangle");
  store.set({ tab: "point", pen: "path" });
  expect(store.state.pen).toBe("look");
});
