// Everything that a user can name has an entry and an example in docs/reference/. The count of what lacks one is 0.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { auditEvents } from "../../dist/audit/events.js";
import { commands } from "../../dist/cli/commands.js";
import { optionName, parameterNames, parameters } from "../../dist/config/parameters.js";
import { errorCodes } from "../../dist/errors.js";
import { routes } from "../../dist/http/rest/routes.js";
import { acrs } from "../../dist/levels/acr.js";
import { methods } from "../../dist/levels/methods.js";
import * as lines from "../../dist/log-lines.js";
import { notAccepted } from "../../dist/tokens/credential.js";
import { type Member, membersOf, type PublicExport, publicExports } from "../../scripts/declarations.mjs";
import { generateAll } from "../../scripts/docs.mjs";
import { linesOf, logLines } from "../../scripts/docs-logs.mjs";
import { problemExamples } from "../../scripts/docs-problems.mjs";
import { serve } from "../world/http-server.js";
import { alice } from "../world/people.js";
import { post } from "../world/requests.js";
import { claimsOf, readPage, section } from "./evidence.js";

const root = path.resolve(import.meta.dirname, "../..");
const exports = publicExports();

const names = (text: string, name: string) => new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(text);

/** The section of a page under a heading of any level. */
function entry(page: string, heading: string): string {
  const [, rest = ""] = page.split(new RegExp(`^#+ ${heading.replace(/[.()]/g, "\\$&")}\n`, "m"));
  return rest.split(/^#+ /m)[0] ?? "";
}

const hasExample = (text: string) => /^```(?:ts|sh|http|console|json)\n/m.test(text);

it("the generated pages are current", async () => {
  for (const [file, text] of Object.entries(await generateAll()))
    expect(readFileSync(path.join(root, file), "utf8"), `${file}: run npm run docs`).toBe(text);
});

it("every public export has an entry with a text, and every function, class and constant has an example", () => {
  const pages = readdirSync(path.join(root, "docs/reference/api")).map((name) =>
    readPage(`docs/reference/api/${name}`),
  );
  const isType = ({ kind }: PublicExport) => kind === "type" || kind === "interface";
  const lacking = exports.filter(
    (each) =>
      each.docs.text === "" ||
      (!isType(each) && each.docs.examples.length === 0) ||
      !pages.some((page) => (isType(each) ? entry(page, each.name) !== "" : hasExample(entry(page, each.name)))),
  );
  expect(lacking.map(({ subpath, name }) => `${subpath} ${name}`)).toEqual([]);
  expect(exports.length).toBeGreaterThan(150);
});

it("every member of a public type has a text, and every function of it an example that names it", () => {
  const lacking = new Set<string>();
  const shown = new Set<string>();
  for (const owner of exports)
    for (const member of owner.members) {
      const name = `${owner.name}.${member.path}`;
      if (member.docs.text === "") lacking.add(name);
      for (const each of undescribed(member)) lacking.add(`${name}(${each})`);
      if (isShown(owner, member)) shown.add(member.id);
    }
  for (const { name, members } of exports)
    for (const { id, path: member, callable } of members)
      if (callable && !shown.has(id)) lacking.add(`${name}.${member}`);
  expect([...lacking]).toEqual([]);
  expect(shown.size).toBeGreaterThan(150);
});

it("every type that a public function resolves to is exported", () => {
  const known = new Set([...exports.map(({ name }) => name), "Omit", "ReadonlyMap", "Uint8Array"]);
  const lacking = new Set<string>();
  for (const { name, members } of exports)
    for (const { path: member, callable, signatures } of members)
      for (const signature of callable ? signatures : []) {
        const [, type] = /\bPromise<(?:readonly )?([A-Z]\w+)[^\n]*$/.exec(signature) ?? [];
        if (type !== undefined && !known.has(type)) lacking.add(`${name}.${member}: ${type}`);
      }
  expect([...lacking]).toEqual([]);
});

/** Members of an argument that neither the text nor an example of the function names. */
const undescribed = ({ parameters: all, docs }: Member) =>
  all.filter((each) => !names([docs.text, ...docs.examples].join("\n"), each));

/** An example of the function or of its type names it. */
function isShown({ docs }: PublicExport, member: Member): boolean {
  const leaf = member.path.split(".").at(-1) ?? "";
  if (leaf === "()") return docs.examples.length > 0;
  return [...member.docs.examples, ...docs.examples].some((text) => names(text, leaf));
}

it("every parameter has an entry with an example, which is no default and has the same value in the environment", () => {
  const page = readPage("docs/reference/configuration.md");
  for (const name of parameterNames) {
    const { kind, example, default: value } = parameters[name];
    const text = entry(page, name);
    expect(text, name).toContain(`\n- \`${name}=`);
    expect(text.replaceAll(/\s+/g, " "), name).toContain(`, in code \`${optionName(name)}\``);
    const parsed = kind.parse(example);
    expect(parsed, name).toBeDefined();
    expect(kind.parse(typeof example === "string" ? example : JSON.stringify(example)), name).toEqual(parsed);
    // This parameter has one value only.
    expect(parsed, name).not.toEqual(value);
  }
});

it("every command has an entry with an example, which uses its own options", () => {
  const page = readPage("docs/reference/cli.md");
  for (const { name, example = "", options = [] } of commands) {
    expect(entry(page, name), name).toContain(`\n$ ampho ${name}${example === "" ? "" : ` ${example}`}\n`);
    const known = ["--", ...options.flatMap((option) => [option.name, option.short])];
    for (const option of example.match(/(?<=^| )--?[a-z-]*(?= |$)/g) ?? []) expect(known, name).toContain(option);
  }
});

it("every error code has an entry with a cause, a fix and the response, whose message is one of the code", async () => {
  const page = readPage("docs/reference/errors.md");
  const sources = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(path.join(root, "src", name), "utf8"));
  const serving = await serve();
  const wrong = await (await post(`${serving.url}/login`, { ...alice, device: 5 })).json();
  await serving.close();
  for (const code of errorCodes) {
    const text = section(page, code);
    expect(text, code).toMatch(/\*\*Status \d{3}\.\*\* [\s\S]+\*\*Fix:\*\* [\s\S]+```http\n/);
    const { message } = problemExamples[code];
    const uses = sources.join("\n").split(message).length - 1;
    if (code === "invalid_request") expect(wrong).toMatchObject({ message, field: "device" });
    else if (code === "credential_not_accepted")
      expect(message).toBe(notAccepted(["session", "foreign"], "service").message);
    else expect(uses, `${code}: ${message}`).toBeGreaterThan(0);
  }
});

it("every route has an entry with an example, and every field of it has a description", () => {
  const page = readPage("docs/reference/http.md");
  for (const { method, path: pattern, summary } of routes) {
    const text = section(page, summary);
    expect(text, summary).toContain(`\`${method} {prefix}${pattern}\``);
    expect(text, summary).toMatch(/^```http\nHTTP\/1\.1 \d{3}\n/m);
  }
  const lacking = routes.flatMap(({ method, path: pattern, input, output }) =>
    [input.schema, output].flatMap((schema) =>
      schema === undefined ? [] : undescribedFields(jsonOf(schema), `${method} ${pattern}`),
    ),
  );
  expect(lacking).toEqual([]);
});

const jsonOf = (schema: z.ZodType): Schema => JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: "input" })));

interface Schema {
  readonly description?: string;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

function undescribedFields({ properties = {}, items, anyOf = [] }: Schema, name: string): readonly string[] {
  const inner = [...anyOf, ...(items === undefined ? [] : [items])].flatMap((each) => undescribedFields(each, name));
  const own = Object.entries(properties).flatMap(([each, field]) => {
    const isDescribed = field.description !== undefined || field.const !== undefined;
    return [...(isDescribed ? [] : [`${name} ${each}`]), ...undescribedFields(field, `${name} ${each}`)];
  });
  return [...own, ...inner];
}

it("every audit event has an item with its meaning, and an example", () => {
  const page = readPage("docs/reference/audit-events.md");
  const rows = new Map(
    claimsOf(page).map(({ text }) => {
      const [, name = "", meaning = ""] = /^`(\w+)`: (.*)$/.exec(text) ?? [];
      return [name, meaning];
    }),
  );
  for (const [event, meaning] of Object.entries(auditEvents)) {
    expect(rows.get(event), event).toBe(meaning);
    expect(page).toMatch(new RegExp(`^\\{"at":\\d+,"event":"${event}",`, "m"));
  }
});

it("every line of the log is in the table of log lines, with a cause and a fix", () => {
  const named = Object.keys(lines).filter((name) => name.endsWith("Line"));
  expect(Object.keys(logLines).sort()).toEqual(named.sort());
  const page = readPage("docs/reference/log-lines.md");
  for (const [name, { cause, fix }] of Object.entries(logLines)) {
    for (const line of linesOf(name)) expect(page).toContain(`\n${line}\n`);
    expect([cause, fix].join(" ")).toMatch(/^[A-Z].*\. .*\.$/);
  }
  const literal = /\b(?:log|note)\(\s*(?:"|`(?!(?:warning|error|keys): \$\{\w+\}`))/;
  const sources = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) =>
    /^(?!client|cli\/(?!commands\/serve)|doctor).*\.ts$/.test(name),
  );
  const elsewhere = sources.filter((name) =>
    literal.test(withoutComments(readFileSync(path.join(root, "src", name), "utf8"))),
  );
  expect(elsewhere).toEqual([]);
  expect(literal.test('log("The port is open.")')).toBe(true);
});

const withoutComments = (source: string) => source.replace(/\/\*[\s\S]*?\*\//g, "");

it("every claim, method and level has an entry, and the example of a token has each claim", () => {
  const page = readPage("docs/reference/claims.md");
  const names = membersOf("dist/tokens/claims.d.ts", "Claims").map((member) => member.path);
  for (const name of [...names, ...Object.keys(methods), ...acrs])
    expect(page).toMatch(new RegExp(`^- \`${name}\`: \\w`, "m"));
  const { payload } = JSON.parse(readPage("test/http/examples.json")).accessToken;
  expect(Object.keys(payload).sort()).toEqual([...names].sort());
});
