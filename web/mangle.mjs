// Short names for properties, by their types.
//
// Minifiers shorten variables but not properties, since they cannot know which of them are
// the browser's. The compiler knows: each property that is declared in src/ gets a mark,
// which the minifier then shortens. Spared is what others read by name: the interfaces named
// below (the data block, and what the page lends to the console and to Python). The marked
// sources are compiled again; where a marked object meets anything unmarked the types do not
// fit, and the names that do not fit keep theirs: nothing is renamed on one side only.
import { readFileSync } from "node:fs";
import ts from "typescript";

/** Ends every marked name. */
export const MARK = /_\$$/;

/** Interfaces whose properties keep their names. */
const SPARED = new Set([
  // parts of the data block (format.ts), some of which are handed on as they are (data.ts)
  "BlockEntry", "MapEntry", "ColumnEntry", "LayerEntry", "ModelEntry", "ImagesEntry", "Header",
  "Measure", "QualityCurve", "MapQuality", "MapCard", "SweepRow", "EpochRow", "Choice", "About",
  "Layer", "LinearLayer", "ConvLayer", "ScaleLayer", "ResidualLayer", "PointwiseLayer", "UnflattenLayer", "UpsampleLayer", "PadLayer", "CropLayer", "Weighted", "AnyConv", "ImageShape", "Autoencoder", "Column", "NumberColumn", "CategoryColumn", "TextColumn",
  // what the page lends: $("#app").latentscape, and the widget's model
  "AtlasData", "Compute", "Inverse", "RoundTrip", "Neighbours", "Arrived", "ImageSource", "Store", "State", "Place", "Camera",
  "Filter", "End", "Handle", "Model",
]);

/** Marked texts of the sources of a project, by file name. */
export function marked(project) {
  const config = ts.getParsedCommandLineOfConfigFile(project, {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail });
  const texts = new Map();
  let round = 0;
  const service = ts.createLanguageService({
    ...ts.sys,
    useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
    getScriptFileNames: () => config.fileNames,
    getScriptVersion: (file) => (texts.has(file) ? String(round) : "plain"),
    getScriptSnapshot: (file) => {
      const text = texts.get(file) ?? ts.sys.readFile(file);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => ts.sys.getCurrentDirectory(),
    getCompilationSettings: () => config.options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
  });
  const program = service.getProgram();
  const ours = program.getSourceFiles().filter((file) => file.fileName.includes("/web/src/") && !file.isDeclarationFile);
  const checker = program.getTypeChecker();
  const edits = new Map(ours.map((file) => [file.fileName, new Map()]));
  for (const file of ours) {
    const seen = edits.get(file.fileName);
    const visit = (node) => {
      const name = declaredName(node, checker);
      if (name && !seen.has(name.getStart())) rename(service, file.fileName, name, edits);
      asked(node, checker, seen);
      shortTest(node, checker, seen);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  // Where a marked name meets an unmarked one, it keeps its own everywhere.
  const kept = new Set();
  for (round = 1; ; round++) {
    for (const [file, found] of edits) {
      texts.set(file, apply(readFileSync(file, "utf8"), [...found.values()].filter(({ name }) => !kept.has(name))));
    }
    const wrong = ours.flatMap(({ fileName }) => [...service.getSyntacticDiagnostics(fileName), ...service.getSemanticDiagnostics(fileName)]);
    if (wrong.length === 0) return texts;
    const before = kept.size;
    for (const [, name] of explained(wrong).matchAll(/(\w+)_\$/g)) kept.add(name);
    for (const [, name] of explained(wrong).matchAll(/Property '(\w+)'/g)) kept.add(name);
    if (kept.size === before) throw new Error(explained(wrong));
  }
}

/** The name of a property where it is declared, if it is one to be marked. */
function declaredName(node, checker) {
  const { parent, name } = node;
  if (!name || !ts.isIdentifier(name)) return null;
  const member =
    ts.isPropertySignature(node) || ts.isMethodSignature(node) || ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node) || ts.isGetAccessor(node) || ts.isSetAccessor(node) ||
    (ts.isParameter(node) && ts.isConstructorDeclaration(parent) && (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.ParameterPropertyModifier) !== 0);
  if (member) return spared(node) ? null : name;
  // An object that nothing but its own literal describes.
  const own = (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) && !checker.getContextualType(parent);
  return own && !inside(node, ts.isExportAssignment) ? name : null;
}

function inside(node, test) {
  for (let at = node; at; at = at.parent) if (test(at)) return true;
  return false;
}

function spared(node) {
  return inside(node, (at) => (ts.isInterfaceDeclaration(at) || ts.isTypeAliasDeclaration(at) || ts.isClassDeclaration(at)) && SPARED.has(at.name?.text));
}

function rename(service, file, name, edits) {
  const places = service.findRenameLocations(file, name.getStart(), false, false, { providePrefixAndSuffixTextForRename: true });
  if (!places) return;
  const program = service.getProgram();
  for (const place of places) {
    // One of a family (a class and its interface) that is spared spares all of it.
    const source = program.getSourceFile(place.fileName);
    if (!edits.has(place.fileName) || spared(tokenAt(source, place.textSpan.start))) return;
  }
  for (const { fileName, textSpan, prefixText = "", suffixText = "" } of places) {
    const start = textSpan.start;
    edits.get(fileName).set(start, { start, end: start + textSpan.length, text: `${prefixText}${name.text}_$${suffixText}`, name: name.text });
  }
}

function tokenAt(source, position) {
  let found = source;
  const visit = (node) => {
    if (node.getStart() <= position && position < node.end) {
      found = node;
      ts.forEachChild(node, visit);
    }
  };
  visit(source);
  // Only a declaration's own place tells; uses inside of a spared interface's methods do not.
  return found;
}

/** `"name" in object` asks for the marked name. */
function asked(node, checker, edits) {
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.InKeyword || !ts.isStringLiteral(node.left)) return;
  const type = checker.getTypeAtLocation(node.right);
  const found = (type.isUnion() ? type.types : [type]).map((part) => part.getProperty(node.left.text)).filter(Boolean);
  if (!found.some((symbol) => symbol.declarations?.some((place) => declaredName(place, checker)))) return;
  const end = node.left.end - 1;
  edits.set(end, { start: end, end, text: "_$", name: node.left.text });
}

/** `object === null` becomes `!object`, where nothing but null and undefined is falsy. */
function shortTest(node, checker, edits) {
  if (!ts.isBinaryExpression(node)) return;
  const equal = node.operatorToken.kind === ts.SyntaxKind.EqualsEqualsEqualsToken;
  if (!equal && node.operatorToken.kind !== ts.SyntaxKind.ExclamationEqualsEqualsToken) return;
  const { left, right } = node;
  const none = right.kind === ts.SyntaxKind.NullKeyword ? ts.TypeFlags.Null : right.getText() === "undefined" ? ts.TypeFlags.Undefined : 0;
  if (none === 0 || !ts.isLeftHandSideExpression(left)) return;
  const type = checker.getTypeAtLocation(left);
  const parts = type.isUnion() ? type.types : [type];
  const others = parts.filter((part) => (part.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined)) === 0);
  if (others.length === 0 || !others.every((part) => part.flags & ts.TypeFlags.Object)) return;
  // The other kind of nothing may not be told apart from this one.
  if (parts.some((part) => part.flags & (ts.TypeFlags.Null | ts.TypeFlags.Undefined) & ~none)) return;
  edits.set(`${left.getStart()}!`, { start: left.getStart(), end: left.getStart(), text: equal ? "!" : "!!" });
  edits.set(`${left.end}=`, { start: left.end, end: node.end, text: "" });
}

function apply(text, edits) {
  let out = text;
  // From the end on; where two begin at one place, the insertion comes first in the text.
  for (const { start, end, text: put } of edits.sort((a, b) => b.start - a.start || b.end - a.end)) {
    out = out.slice(0, start) + put + out.slice(end);
  }
  return out;
}

function explained(wrong) {
  return ts.formatDiagnostics(wrong, { getCurrentDirectory: () => "", getCanonicalFileName: (name) => name, getNewLine: () => "\n" });
}

function fail(wrong) {
  throw new Error(explained([wrong]));
}
