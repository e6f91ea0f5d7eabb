// Two libraries from one source: the program of the page, and the module of the notebook
// widget. Both go to the Python package, where they are committed, so that nobody needs
// node to use latentscape.
import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const out = fileURLToPath(new URL("../src/latentscape/explorer/static", import.meta.url));
const LIMIT = 80_000; // bytes of a program

const targets = [
  { name: "app", entry: "src/main.html.ts", format: "iife" },
  { name: "widget", entry: "src/main.widget.ts", format: "es" },
];

for (const { name, entry, format } of targets) {
  await build({
    configFile: false,
    logLevel: "warn",
    root: fileURLToPath(new URL(".", import.meta.url)),
    build: {
      outDir: out,
      emptyOutDir: false,
      target: "es2022",
      cssCodeSplit: false,
      minify: true,
      reportCompressedSize: false,
      lib: { entry, formats: [format], name: "latentscape", fileName: () => `${name}.js`, cssFileName: name },
      rollupOptions: { output: { codeSplitting: false } },
    },
    worker: { format: "iife" },
  });
  const { size } = statSync(`${out}/${name}.js`);
  if (size > LIMIT) throw new Error(`${name}.js has ${size} bytes, more than the ${LIMIT} allowed`);
  // The page holds the program between script tags.
  if (/<\/script|<!--/i.test(readFileSync(`${out}/${name}.js`, "utf8"))) {
    throw new Error(`${name}.js holds text that would end a script element`);
  }
  console.log(`${name}.js ${size} bytes`);
}
