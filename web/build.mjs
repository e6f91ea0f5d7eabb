// From one source: the program of the page with the script that unpacks it there, and the
// module of the notebook widget. All go to the Python package, where they are committed, so that nobody needs
// node to use latentscape.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build } from "vite";

const out = fileURLToPath(new URL("../src/latentscape/explorer/static", import.meta.url));
const root = fileURLToPath(new URL(".", import.meta.url));
const LIMIT = 140_000; // bytes of a program
const PACKED_LIMIT = 69_000; // bytes that it takes in a page, deflated and in base64

const targets = [
  { name: "boot", entry: "src/boot.ts", format: "iife" },
  { name: "app", entry: "src/main.html.ts", format: "iife" },
  { name: "widget", entry: "src/main.widget.ts", format: "es" },
];

/** Shaders are programs too: without comments and white space. */
const shaders = {
  name: "shaders",
  enforce: "pre",
  transform: (code) =>
    code.replaceAll(/`#version 300 es\n([^`]*)`/g, (_, shader) => {
      const plain = shader.replaceAll(/\/\/.*/g, "").replaceAll(/\s+/g, " ").replaceAll(/ ?([^\w ]) ?/g, "$1");
      return `"#version 300 es\\n${plain.trim()}"`;
    }),
};

for (const { name, entry, format } of targets) {
  await build({
    configFile: false,
    logLevel: "warn",
    root,
    plugins: [shaders],
    build: {
      outDir: out,
      emptyOutDir: false,
      target: "es2022",
      cssCodeSplit: false,
      minify: true,
      modulePreload: false,
      reportCompressedSize: false,
      // No library mode: that keeps the white space of modules.
      rollupOptions: {
        input: `${root}${entry}`,
        preserveEntrySignatures: "strict",
        output: {
          format,
          name: format === "iife" ? "latentscape" : undefined,
          codeSplitting: false,
          entryFileNames: `${name}.js`,
          assetFileNames: `${name}[extname]`,
        },
      },
    },
  });
  const text = readFileSync(`${out}/${name}.js`, "utf8");
  if (text.length > LIMIT) throw new Error(`${name}.js has ${text.length} bytes, more than ${LIMIT}`);
  // The page holds the program between script tags.
  if (/<\/script|<!--/i.test(text)) throw new Error(`${name}.js holds text that would end a script element`);
  const packed = Math.ceil(deflateRawSync(text, { level: 9 }).length / 3) * 4;
  if (packed > PACKED_LIMIT) throw new Error(`${name}.js takes ${packed} bytes of a page, more than ${PACKED_LIMIT}`);
  console.log(`${name}.js ${text.length} bytes, ${packed} in a page`);
}
