// Writes docs/reference/api.md and a page for each subpath from the public declarations and their docs. Needs a build.
import { optionName, parameterNames } from "../dist/config/parameters.js";
import { errorCodes } from "../dist/errors.js";
import { publicExports, subpaths } from "./declarations.mjs";
import { linkPages } from "./page-links.mjs";
import { wrap } from "./wrap.mjs";

/** The purpose of each subpath, with the guide that shows its use. */
const purposes = {
  ampho: "The instance of a server: it guards requests, serves the REST API, and manages users and sessions.",
  "ampho/verify": "The guard of another service, which has no database (docs/guides/verifying.md).",
  "ampho/node": "Middleware and guards for `node:http` (docs/guides/frameworks.md).",
  "ampho/express": "Middleware and guards for Express 4 and 5 (docs/guides/frameworks.md).",
  "ampho/fastify": "A plugin and guards for Fastify (docs/guides/frameworks.md).",
  "ampho/hono": "Middleware and guards for Hono (docs/guides/frameworks.md).",
  "ampho/koa": "Middleware and guards for Koa (docs/guides/frameworks.md).",
  "ampho/nest": "A module, guards and decorators for NestJS (docs/guides/frameworks.md).",
  "ampho/mcp": "The guard of servers of the Model Context Protocol (docs/guides/mcp.md).",
  "ampho/client": "The client for browsers, apps and Node: login, renewal and `fetch` (docs/guides/client.md).",
  "ampho/client/account": "The functions of an account page (docs/guides/account.md).",
  "ampho/client/api-keys": "The API keys of the user (docs/guides/api-keys.md).",
  "ampho/client/connections": "The connected applications of the user (docs/guides/connect.md).",
  "ampho/client/outside": "Logins at outside providers (docs/guides/providers.md).",
  "ampho/client/full":
    "The client with second factors, passkeys and step-up (docs/guides/second-factors.md, docs/guides/passkeys.md).",
  "ampho/client/mail": "The client with registration, reset and login by mail (docs/guides/mail-flows.md).",
  "ampho/browser/client.js":
    "One built file for pages without a bundler: the client with mail, and the account page (docs/guides/client.md).",
  "ampho/browser/outside.js": "The same file with logins at outside providers (docs/guides/client.md).",
};

const folder = "docs/reference/api";
/** The subpaths of the client share one page. */
const isClient = (subpath) => /^ampho\/(client|browser)\b/.test(subpath);
const fileOf = (subpath) => (isClient(subpath) ? "client.md" : `${subpath.replace(/^ampho\/(?=.)/, "")}.md`);

/** The path and the text of each generated page. */
export function generate() {
  for (const [subpath] of subpaths())
    if (!Object.hasOwn(purposes, subpath)) throw new Error(`scripts/docs-api.mjs lacks the purpose of ${subpath}`);
  const all = publicExports();
  const first = new Map(all.toReversed().map((each) => [each.id, each]));
  const described = new Map();
  const texts = Object.keys(purposes).map((subpath) => {
    const exports = all.filter((each) => each.subpath === subpath).sort(valuesFirst);
    return [subpath, entriesOf(subpath, exports, { all, first, described })];
  });
  const pages = texts
    .filter(([subpath]) => !isClient(subpath))
    .map(([subpath, text]) => [`${folder}/${fileOf(subpath)}`, `${note}\n# ${subpath}\n\n${text}`]);
  const ofClient = texts
    .filter(([subpath]) => isClient(subpath))
    .map(([subpath, text]) => `## ${subpath}\n\n${text.replace(/^(##+) (?!.*\n```)/gm, "#$1 ")}`);
  return {
    "docs/reference/api.md": index(),
    ...Object.fromEntries(pages),
    [`${folder}/client.md`]: `${note}\n# The client\n\n${clientText}\n\n${ofClient.join("\n")}`,
  };
}

const clientText = wrap("Each subpath has a section. The larger clients also have what the smaller ones have.");

/** Longer lists of members are in editors alone. */
const listedMembersMax = 12;

const list = (names) => wrap(names.join(", "));

/** The bodies of responses, by the heading of docs/reference/http.md that has their members. */
const bodies = {
  AccessItem: "List everything that can still sign in or act",
  AccessView: "List everything that can still sign in or act",
  AccountExport: "Export the account",
  AccountView: "Read the account",
  ApiKeyView: "Export the account",
  ClientSession: "Read the current session",
  ConnectView: "Read what an application asks of the user",
  ConnectionView: "Export the account",
  ExportedEvent: "Export the account",
  Grant: "Sign in",
  LinkedIdentity: "Read the account",
  NewApiKey: "Create an API key",
  PasskeyView: "Read the account",
  ScopeView: "Read what an application asks of the user",
  SessionView: "List the user's sessions",
  Ways: "Read the ways to sign in",
};

/** Types that only an adapter for another host needs. */
const ofAdapters = ["Caller", "HttpRequest", "HttpResponse", "RequestBody", "UpgradeInstance"];

/** Types that an application seldom names, because TypeScript infers them. */
const inferred = [
  "AuthOf",
  "Authorize",
  "Authorizer",
  "CheckedRequirements",
  "GuardedContext",
  "GuardedFetchHandler",
  "GuardedHandler",
  "HandlerOf",
  "MandatoryRequirements",
  "RequestHolder",
];

const isValue = ({ kind }) => ["function", "class", "const"].includes(kind);
/** `createAmpho` before other functions and classes, and these before types, of which the first describes others. */
const ranks = { createAmpho: 2, Requirements: 0.5 };
const rank = (each) => ranks[each.name] ?? Number(isValue(each));
const valuesFirst = (a, b) => rank(b) - rank(a);

const note = "<!-- Generated by scripts/docs-api.mjs. -->";

function index() {
  const sections = Object.entries(purposes).map(([subpath, purpose]) => {
    return wrap(`- [${subpath}](api/${pageLink(subpath)}): ${linkPages(purpose, "docs/reference/api.md")}`, "  ");
  });
  return `${note}
# The API of the package

Each entry has the signature, the purpose, the members, the codes of its errors, and for values an example where it
shows more than the signature. Editors show the same texts, and examples of types too. The examples are compiled against
the types of the package, and those that need no other program are run. A name is listed at the first subpath that
exports it, and the page of another subpath leads there. Signatures here leave out \`readonly\`, \`undefined\` of
members that are optional, overloads that explain a mistake, and the types of generic functions.

${sections.join("\n")}
`;
}

/** `first` has the export that describes a declaration, and `described` the export that describes a member. */
function entriesOf(subpath, exports, { all, first, described }) {
  const own = exports.filter(({ id }) => first.get(id).subpath === subpath);
  const others = exports.filter(({ id }) => first.get(id).subpath !== subpath);
  return `${wrap(linked(purposes[subpath]))}
${elsewhere(subpath, others, { all, first })}
${own.map((each) => section(each, described)).join("\n")}`;
}

/** The exports that another subpath describes. */
function elsewhere(subpath, exports, { all, first }) {
  const ids = new Set(exports.map(({ id }) => id));
  const ownersOf = (group) => new Set(group.map(({ id }) => first.get(id).subpath));
  const lacking = (owner) =>
    [...first.values()].filter((each) => each.subpath === owner && !ids.has(each.id)).map(({ name }) => name);
  const whole = [...ownersOf(exports)].filter((owner) => lacking(owner).length < 3);
  const isWithin = ({ id }, owner) => all.some((each) => each.subpath === owner && each.id === id);
  const isOfAnother = (each) => whole.some((owner) => owner !== first.get(each.id).subpath && isWithin(each, owner));
  const shown = exports.filter((each) => !isOfAnother(each));
  const rows = [...ownersOf(shown)].map((owner) => {
    const but = lacking(owner).map((name) => `\`${name}\``);
    if (whole.includes(owner))
      return wrap(
        `It also exports everything of [${owner}](${pageLink(owner, subpath)})${but.length > 0 ? `, except ${but.join(" and ")}` : ""}.`,
      );
    const links = shown
      .filter(({ id }) => first.get(id).subpath === owner)
      .map(({ id, name }) => `[\`${name}\`](${linkTo(first.get(id), subpath)})`);
    return wrap(`It also exports, as ${owner} does: ${links.join(", ")}.`);
  });
  return rows.map((row) => `\n${row}\n`).join("");
}

/** The page of a subpath, or its section of the page of the client. */
const pageLink = (subpath, from) =>
  isClient(subpath) ? `${from && isClient(from) ? "" : "client.md"}#${anchorOf(subpath)}` : fileOf(subpath);

function section({ subpath, name, kind, signatures, docs, members }, described) {
  const own = members.filter(({ id }) => !described.has(id));
  const repeated = members.filter(({ id }) => described.has(id));
  const parts = [
    `## ${entryTitle({ subpath, name })}`,
    ...(isPlain({ kind, signatures, members }) || inferred.includes(name)
      ? []
      : [code(short(signatures.map((each) => (isHeaded(kind) ? headOf(each) : plainCall(each))).join("\n")))]),
    ...body(isValue({ kind }) ? docs : { ...docs, examples: [] }),
  ];
  const shared = new Map();
  for (const { id, path } of inferred.includes(name) ? [] : repeated)
    shared.set(described.get(id), [...(shared.get(described.get(id)) ?? []), `\`${path}\``]);
  for (const [owner, paths] of shared) {
    const isWhole = paths.length === [...described.values()].filter((each) => each === owner).length;
    const of = `of [\`${owner.name}\`](${linkTo(owner, subpath)})`;
    const outer = paths.filter((each) => !paths.includes(each.replace(/\.[^.]*`$/, "`")) || !each.includes("."));
    if (isWhole) parts.push(`It also has the members ${of}.`);
    else if (outer.length > listedMembersMax) parts.push(`It also has most members ${of}.`);
    else parts.push(`It also has, ${of}:\n\n${list(outer)}`);
  }
  const self = { subpath, name };
  for (const { id } of own) described.set(id, self);
  if (Object.hasOwn(bodies, name)) {
    const heading = bodies[name];
    parts.push(`[${heading}](../http.md#${anchorOf(heading)}) has the members.`);
    return `${parts.join("\n\n")}\n`;
  }
  if (inferred.includes(name)) {
    parts.push("TypeScript infers it, and editors show its members.");
    return `${parts.join("\n\n")}\n`;
  }
  if (ofAdapters.includes(name)) {
    parts.push("Only an adapter for another host needs its members. Editors show them.");
    return `${parts.join("\n\n")}\n`;
  }
  const files = own.filter(isFile);
  const plain = own.filter((member) => !hasSection(member) && !isFile(member));
  const options = plain.filter(isOption);
  if (options.length > 0)
    parts.push(
      wrap(
        `The [parameters](../configuration.md#parameters) are options under the names that they have in code, such as ${optionLink(options[0])}. A file can have the value of a secret: ${files.map(({ path }) => `\`${path}\``).join(", ")}.`,
      ),
    );
  const fields = plain.filter((member) => !isOption(member));
  // Where the signature of a type is shown, it has the types of its own members.
  const shown = kind === "type" && !isPlain({ kind, signatures, members }) ? signatures.join("\n") : "";
  if (fields.length > 0) parts.push(fields.map((each) => item(each, shown)).join("\n"));
  for (const member of own.filter((each) => hasSection(each) && !isFile(each)))
    parts.push(`### ${headingOf(name, member)}`, ...memberBody(member));
  return `${parts.join("\n\n")}\n`;
}

const isHeaded = (kind) => kind === "interface" || kind === "class";

/** The members say as much as the signature of a type without parameters. */
function isPlain({ kind, signatures: [signature = ""], members }) {
  if (kind === "interface") return !headOf(signature).includes("<");
  return kind === "type" && members.length > 0 && /^type \w+ = \{[^{}]*\};?$/.test(signature.trim());
}

const parameterOf = ({ id, path }) =>
  id.startsWith("dist/config/parameters.d.ts") ? parameterNames.find((name) => optionName(name) === path) : undefined;

const hasSection = (member) =>
  parameterOf(member) === undefined && (member.callable || member.docs.examples.length > 0);

/** An option that names a file with the value of a parameter. */
const isFile = ({ path, docs }) => path.endsWith("File") && docs.text.includes("_FILE");

const headingOf = (owner, { path }) => (path === "()" ? `Call ${owner}` : `${owner}.${path}`);

const isOption = (member) => parameterOf(member) !== undefined;

const optionLink = (member) => `[\`${member.path}\`](../configuration.md#${parameterOf(member).toLowerCase()})`;

function item({ path, signatures, docs }, shown) {
  const isSigned = new RegExp(`\\b${path}\\??:`).test(shown);
  return wrap(
    `- \`${isSigned ? path : typed(path, short(signatures[0]))}\`: ${linked(docs.text.replaceAll("\n", " "))}`,
    "  ",
  );
}

/** The member with its type, where that is short. */
function typed(path, signature) {
  const [, type = ""] = /^\w+(\??: [^\n{]{1,60});$/.exec(signature) ?? [];
  return path + type;
}

function body({ text, examples, throws }) {
  return [
    ...text.split("\n\n").map((paragraph) => paragraphOf(withCodes(linked(paragraph)))),
    ...throws.map((each) => wrap(`Throws ${withCodes(linked(each.replaceAll("\n", " ")))}.`)),
    ...examples.map(code),
  ].filter((part) => part !== "");
}

/** A call without a function in its arguments, whose members the signature has. Editors show it. */
function isPlainCall(example, signature) {
  const [, given] =
    /^(?:const (?:\w+|\{[^}]*\}|\[\w+\]) = )?(?:await )?[\w.]+(?:\(([^()]*)\))?(?: \?\? \[\])?;$/.exec(example) ?? [];
  if (given === undefined) return false;
  const names = [...given.replace(/"[^"]*"/g, "").matchAll(/[{,] (\w+)(?=[:,} ])/g)].map(([, name]) => name);
  return names.every((name) => new RegExp(`\\b${name}\\b`).test(signature));
}

/** One block has the signature of a member and its example. */
function memberBody({ signatures, docs }) {
  const signature = signatures.join("\n");
  const [text, ...more] = [signature, ...docs.examples.filter((each) => !isPlainCall(each, signature))].map(short);
  return [code([text, ...more].join("\n\n")), ...body({ ...docs, examples: [] })];
}

/** Links the codes of errors. */
const withCodes = (text) =>
  text.replace(/(?<!\[)`(\w+)`/g, (found, name) =>
    errorCodes.includes(name) ? `[${found}](../errors.md#${name})` : found,
  );

/** Prose is wrapped again, and lists keep their lines. */
const paragraphOf = (text) => (/^- /m.test(text) ? text : wrap(text.replaceAll("\n", " ")));

const code = (text) => `\`\`\`ts\n${text}\n\`\`\``;

/** A signature without words that every reader can leave out. The page docs/reference/api.md states it. */
const short = (text) =>
  text
    .replace(/\breadonly /g, "")
    .replace(/(\w\?: [^;{}]*?) \| undefined(?=;|$)/gm, "$1")
    .replace(/= \n/g, "=\n")
    .replace(/^.*TypeMistake<.*\n?/gm, "")
    .trimEnd();

/** A generic function without its types, which editors show. The parameters are what is outside of inner brackets. */
function plainCall(signature) {
  const [, name, rest] = /^function (\w+)<(.*)$/s.exec(signature) ?? [];
  if (name === undefined) return signature;
  let depth = 1;
  let inside = "";
  let isInside = false;
  for (const character of rest.replaceAll("=>", "")) {
    if (">)}]".includes(character)) depth--;
    if (isInside && depth === 0) break;
    if (isInside && depth === 1) inside += character;
    if ("<({[".includes(character)) depth++;
    if (depth === 1 && character === "(") isInside = true;
  }
  const parameters = inside.split(",").flatMap((each) => /^\s*(\w+\??):/.exec(each)?.[1] ?? []);
  return `${name}(${parameters.join(", ")})`;
}

/** The first line of an interface or a class. Its members follow. */
const headOf = (text) => text.slice(0, text.indexOf("{")).trim();

const linked = (text) => linkPages(text, `${folder}/x.md`).replace(/(?<![`\w])(AMPHO_[A-Z_]+[A-Z])(?![`\w])/g, "`$1`");

const linkTo = (each, from) =>
  `${from && fileOf(each.subpath) === fileOf(from) ? "" : fileOf(each.subpath)}#${anchorOf(entryTitle(each))}`;

/** Three subpaths of the client have a function of this name. */
const entryTitle = ({ subpath, name }) =>
  name === "createClient" && subpath !== "ampho/client" ? `${name} of ${subpath}` : name;

/** GitHub's anchor of a heading. */
const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-");
