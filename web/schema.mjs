// The types of the data block's header, from the schema that Python shares: it writes
// src/header.ts, which is committed, and CI fails when it is stale. It knows the part of
// JSON Schema that the schema uses, and refuses the rest.
import { readFileSync, writeFileSync } from "node:fs";

const at = (path) => new URL(path, import.meta.url);
const schema = JSON.parse(readFileSync(at("../src/latentscape/explorer/schema.json"), "utf8"));

const PLAIN = { string: "string", number: "number", integer: "number", boolean: "boolean", null: "null" };
const CHECKED = ["minimum", "minItems", "maxItems"]; // nothing that a type can say
const KNOWN = ["$ref", "description", "oneOf", "enum", "const", "type", "items", "prefixItems", "properties", "required", "additionalProperties", ...CHECKED];

function typeOf(part) {
  const strange = Object.keys(part).filter((key) => !KNOWN.includes(key));
  if (strange.length > 0) throw new Error(`schema.mjs makes no types of ${strange.join(", ")}`);
  if (part.$ref) return part.$ref.replace("#/$defs/", "");
  if (part.oneOf) return part.oneOf.map(typeOf).join(" | ");
  if (part.enum) return part.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in part) return JSON.stringify(part.const);
  return [part.type].flat().map((type) => typeOfKind(type, part)).join(" | ");
}

function typeOfKind(type, part) {
  if (type === "array") {
    if (part.prefixItems) return `readonly [${part.prefixItems.map(typeOf).join(", ")}]`;
    const item = typeOf(part.items);
    return item.includes("|") ? `readonly (${item})[]` : `readonly ${item}[]`;
  }
  if (type === "object") {
    const others = part.additionalProperties;
    return `Readonly<Record<string, ${others === true ? "unknown" : typeOf(others)}>>`;
  }
  if (!(type in PLAIN)) throw new Error(`schema.mjs makes no type of ${type}`);
  return PLAIN[type];
}

const comment = (part, indent = "") => (part.description ? `${indent}/** ${part.description} */\n` : "");

function declared(name, part) {
  if (!part.properties) return `${comment(part)}export type ${name} = ${typeOf(part)};\n`;
  if (part.additionalProperties !== false) throw new Error(`${name} leaves open what else it holds`);
  const fields = Object.entries(part.properties).map(([field, inner]) => {
    const mark = part.required.includes(field) ? "" : "?";
    return `${comment(inner, "  ")}  readonly ${field}${mark}: ${typeOf(inner)};\n`;
  });
  return `${comment(part)}export interface ${name} {\n${fields.join("")}}\n`;
}

const parts = [
  "// Made from src/latentscape/explorer/schema.json by schema.mjs (npm run check): change that.\n",
  `/** The version of the data block that this page reads. */\nexport const FORMAT_VERSION = ${schema.version};\n`,
  declared(schema.title, schema),
  ...Object.entries(schema.$defs).map(([name, part]) => declared(name, part)),
];
writeFileSync(at("src/header.ts"), parts.join("\n"));
