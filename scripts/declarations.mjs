// The public declarations of the package, from the built `.d.ts` files: every export of every subpath, with its members and docs.
// TypeScript 7 has no stable compiler API, so oxc-parser reads the files, and this module follows the names between them.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The types file of each subpath: `ampho/express` -> its path in dist/. */
export function subpaths() {
  const { name, exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  return Object.entries(exports).flatMap(([subpath, conditions]) =>
    typeof conditions === "string" ? [] : [[path.posix.join(name, subpath), path.join(root, conditions.types)]],
  );
}

/** Every export: { subpath, name, id, kind, signatures, docs, members }. `id` is the same where two subpaths export one thing. */
export function publicExports() {
  return subpaths().flatMap(([subpath, file]) =>
    namesOf(file).map((name) => ({ subpath, name, ...described(exported(file, name)) })),
  );
}

/** The members of one exported type of a file in dist/. */
export const membersOf = (file, name) => described(exported(path.join(root, file), name)).members;

const modules = new Map();

function moduleOf(file) {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const source = readFileSync(file, "utf8");
  const { program, comments } = parseSync(file, source);
  const module = { file, source, comments, declared: new Map(), imports: new Map(), exports: new Map(), stars: [] };
  modules.set(file, module);
  for (const node of program.body) addStatement(module, node);
  return module;
}

function addStatement(module, node) {
  const from = node.source?.value.startsWith(".")
    ? path.join(path.dirname(module.file), node.source.value.replace(/\.js$/, ".d.ts"))
    : undefined;
  if (node.type === "ImportDeclaration") {
    for (const { local, imported } of node.specifiers) module.imports.set(local.name, { from, name: imported?.name });
  } else if (node.type === "ExportAllDeclaration") module.stars.push(from);
  else if (node.type === "ExportNamedDeclaration" && node.declaration === null) {
    for (const {
      local,
      exported: { name },
    } of node.specifiers)
      module.exports.set(name, { from, name: local.name });
  } else {
    const declaration = node.declaration ?? node;
    const name = declaration.id?.name ?? declaration.declarations?.[0].id.name;
    if (name === undefined) return;
    const found = { module, node: declaration, outer: node };
    module.declared.set(name, [...(module.declared.get(name) ?? []), found]);
    if (node !== declaration) module.exports.set(name, { name });
  }
}

function namesOf(file) {
  const { exports, stars } = moduleOf(file);
  return [...new Set([...exports.keys(), ...stars.flatMap(namesOf)])];
}

/** The declarations that a module exports under a name. A function has one for each overload. */
function exported(file, name) {
  const { exports, stars } = moduleOf(file);
  const found = exports.get(name);
  if (found === undefined) return stars.map((each) => exported(each, name)).find((each) => each !== undefined);
  return found.from === undefined ? local(file, found.name) : exported(found.from, found.name);
}

/** The declarations that a name means within a module. Undefined for those of other packages. */
function local(file, name) {
  const { declared, imports } = moduleOf(file);
  const found = imports.get(name);
  if (found === undefined) return declared.get(name);
  return found.from === undefined ? undefined : exported(found.from, found.name);
}

function referred({ typeName = {}, expression }, { file, imports }) {
  const { type, name, left, right } = expression ?? typeName;
  if (type === "Identifier") return local(file, name);
  const from = imports.get(left?.name)?.from;
  return from === undefined ? undefined : exported(from, right.name);
}

const kinds = {
  TSDeclareFunction: "function",
  FunctionDeclaration: "function",
  ClassDeclaration: "class",
  VariableDeclaration: "const",
  TSInterfaceDeclaration: "interface",
  TSTypeAliasDeclaration: "type",
};

function described(found) {
  const [{ module, node }] = found;
  const kind = kinds[node.type];
  return {
    id: `${path.relative(root, module.file)}#${node.id?.name ?? node.declarations[0].id.name}`,
    kind,
    signatures: found.map((each) => textOf(each.node, module)),
    docs: merged(found.map(({ outer }) => docsOf(outer, module))),
    members: kind === "const" ? [] : flat(memberNodes(node, module), ""),
  };
}

/** The docs of all overloads as one. */
function merged(docs) {
  return {
    text: [...new Set(docs.map(({ text }) => text))].filter((text) => text !== "").join("\n\n"),
    examples: docs.flatMap(({ examples }) => examples),
    throws: docs.flatMap(({ throws }) => throws),
  };
}

/** The members that every class of errors has. */
const unlisted = new Set(["new", "name"]);

/** Members with the path to them, and those of the object literals in them. */
function flat(nodes, prefix) {
  const overloads = new Map();
  for (const each of nodes)
    if (
      each.node.type !== "TSIndexSignature" &&
      !unlisted.has(nameOf(each.node)) &&
      !docsOf(each.node, each.module).internal
    )
      overloads.set(nameOf(each.node), [...(overloads.get(nameOf(each.node)) ?? []), each]);
  return [...overloads].flatMap(([name, group]) => {
    const [{ node, module }] = group;
    const type = node.typeAnnotation?.typeAnnotation;
    const inner = node.type === "TSMethodSignature" ? [] : literalMembers(type, module);
    const self = {
      path: prefix + name,
      /** The same where a type has the member of another type. */
      id: `${path.relative(root, module.file)}:${node.start}`,
      optional: node.optional === true,
      callable: /Method|Call/.test(node.type) || isFunction(type),
      signatures: group.map((each) => textOf(each.node, each.module)),
      /** The members of arguments, which the docs of a function describe. */
      parameters: parametersOf(node).flatMap((each) => writtenMembers(each.typeAnnotation?.typeAnnotation).map(nameOf)),
      docs: merged(group.map((each) => docsOf(each.node, each.module))),
    };
    return [self, ...flat(inner, `${prefix}${name}.`)];
  });
}

const isFunction = (type) =>
  type?.type === "TSFunctionType" ||
  (type?.type === "TSParenthesizedType" && isFunction(type.typeAnnotation)) ||
  (type?.type === "TSUnionType" && type.types.some(isFunction));

const parametersOf = (node) => node.params ?? node.value?.params ?? node.typeAnnotation?.typeAnnotation?.params ?? [];

const nameOf = ({ type, key, kind }) =>
  type === "TSCallSignatureDeclaration" ? "()" : kind === "constructor" ? "new" : (key?.name ?? String(key?.value));

/** The members of a type that is written out where it is used. The members of a named type are described once, under its name. */
function literalMembers(type, module) {
  if (type === undefined) return [];
  if (type.type === "TSTypeOperator" || type.type === "TSParenthesizedType")
    return literalMembers(type.typeAnnotation, module);
  if (type.type === "TSArrayType") return literalMembers(type.elementType, module);
  if (type.type === "TSTypeLiteral" || type.type === "TSIntersectionType") return typeMembers(type, module);
  return type.type === "TSUnionType" ? type.types.flatMap((each) => literalMembers(each, module)) : [];
}

const writtenMembers = (type) =>
  type?.type === "TSTypeLiteral" ? type.members : (type?.types ?? []).flatMap(writtenMembers);

function memberNodes(node, module) {
  const members = [];
  if (node.type === "ClassDeclaration") {
    const above = node.superClass?.type === "Identifier" ? local(module.file, node.superClass.name) : undefined;
    const own = node.body.body.filter(({ accessibility, key }) => !accessibility && key?.type === "Identifier");
    members.push(...own.map((each) => ({ node: each, module })), ...inherited(above));
  } else if (node.type === "TSInterfaceDeclaration") {
    const above = (node.extends ?? []).flatMap((each) => typeMembers(each, module));
    members.push(...node.body.body.map((each) => ({ node: each, module })), ...above);
  } else if (node.type === "TSTypeAliasDeclaration") members.push(...typeMembers(node.typeAnnotation, module));
  return withoutOverridden(members.map((each) => ({ owner: node, ...each })));
}

const inherited = (found = []) => found.flatMap((each) => memberNodes(each.node, each.module));

/** The members of the nearest type that has them. A type can have several of one name: overloads, and those of a union. */
function withoutOverridden(members) {
  const owners = new Map();
  for (const { node, owner } of members) if (!owners.has(nameOf(node))) owners.set(nameOf(node), owner);
  return members.filter(({ node, owner }) => owners.get(nameOf(node)) === owner);
}

function typeMembers(type, module) {
  switch (type?.type) {
    case "TSTypeLiteral":
      return type.members.map((node) => ({ node, module }));
    case "TSIntersectionType":
    case "TSUnionType":
      return type.types.flatMap((each) => typeMembers(each, module));
    case "TSTypeOperator":
    case "TSParenthesizedType":
      return typeMembers(type.typeAnnotation, module);
    case "TSIndexedAccessType": {
      const name = type.indexType.literal?.value;
      return typeMembers(type.objectType, module)
        .filter(({ node }) => nameOf(node) === name)
        .flatMap((each) => typeMembers(each.node.typeAnnotation?.typeAnnotation, each.module));
    }
    case "TSTypeReference":
    case "TSInterfaceHeritage":
      return referenceMembers(type, module);
    default:
      return [];
  }
}

function referenceMembers(type, module) {
  const name = type.typeName?.name ?? type.expression?.name;
  const [first, second] = type.typeArguments?.params ?? [];
  if (name === "Readonly" || name === "Partial") return typeMembers(first, module);
  if (name === "Omit" || name === "Pick") {
    const names = (second.types ?? [second]).map((each) => each.literal?.value);
    return typeMembers(first, module).filter(({ node }) => names.includes(nameOf(node)) === (name === "Pick"));
  }
  return inherited(referred(type, module));
}

/** The declaration without its comments. */
function textOf(node, { source, comments }) {
  let text = "";
  let at = node.start;
  for (const { start, end } of comments) {
    if (start < node.start || end > node.end) continue;
    text += source.slice(at, start);
    at = end;
  }
  text += source.slice(at, node.end);
  return text.replace(/^declare /, "").replace(/\n\s*\n/g, "\n");
}

/** The doc comment before a declaration, by its tags. */
function docsOf({ start }, { source, comments }) {
  const comment = comments.findLast((each) => each.end <= start);
  const docs = { text: "", examples: [], throws: [], internal: false };
  if (!comment?.value.startsWith("*") || source.slice(comment.end, start).trim() !== "") return docs;
  docs.internal = comment.value.includes("@internal");
  const lines = comment.value
    .slice(1)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  const [text, ...tags] = lines
    .join("\n")
    .trim()
    .split(/^\s*@(?=example|throws|param)/m);
  docs.text = text.trim();
  for (const tag of tags) {
    const [, name, body] = /^(\w+)\s?([\s\S]*)$/.exec(tag);
    if (name === "example") docs.examples.push(body.trim().replace(/^```ts\n([\s\S]*)\n```$/, "$1"));
    else if (name === "throws") docs.throws.push(body.trim());
    else docs.text += `\n\n${body.trim()}`;
  }
  return docs;
}
