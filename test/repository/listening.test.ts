// A server of a test listens before a client connects to it, and no program takes its port. Otherwise a test fails by chance.
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { expect, it } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\0")
  .filter((file) => /^(?:test|bench|examples|scripts|site|packages)\/.*\.[cm]?[jt]s$/.test(file))
  .filter((file) => !file.startsWith("test/vectors/"));
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

/** Users of `freePort`, with the reason for which the system cannot choose their port. */
const reasons: Readonly<Record<string, string>> = {
  "test/cli/next-steps.system.test.ts": "The port is in the printed code.",
  "test/connect/page.system.test.ts": "",
};

interface Call {
  readonly start: number;
  readonly callee: { readonly type: string; readonly name?: string; readonly property?: { readonly name?: string } };
  readonly arguments: readonly { readonly type: string }[];
}

const isFunction = ({ type }: { readonly type: string }) =>
  type === "ArrowFunctionExpression" || type === "FunctionExpression" || type === "Identifier";

/**
 * The lines at which a server listens and no code waits for it. Code waits if it awaits or returns the promise of a framework,
 * or passes a callback. The linter rejects an `await` of what is no promise, such as the result of `listen` of `node:http`.
 */
function hastyLines(name: string, source: string): readonly number[] {
  const calls: Call[] = [];
  const awaited = new Set<number>();
  const fromHono = /import \{[^}]*\bserve\b[^}]*\} from "@hono\/node-server"/.test(source);
  new Visitor({
    AwaitExpression: ({ argument }) => void awaited.add(argument.start),
    ReturnStatement: ({ argument }) => void awaited.add(argument?.start ?? -1),
    CallExpression: (node) => {
      const { callee } = node as unknown as Call;
      const listens = callee.type === "MemberExpression" && callee.property?.name === "listen";
      if (listens || (fromHono && callee.name === "serve")) calls.push(node as unknown as Call);
    },
  }).visit(parseSync(name, source).program);
  return calls
    .filter(({ start, arguments: [, ...rest] }) => !awaited.has(start) && !rest.slice(-1).some(isFunction))
    .map(({ start }) => source.slice(0, start).split("\n").length);
}

it("every server listens before the code goes on", () => {
  expect(files.length).toBeGreaterThan(900);
  const hasty = files.flatMap((file) => hastyLines(file, read(file)).map((line) => `${file}:${line}`));
  expect(hasty).toEqual([]);
});

it("a server that listens later is found in each form, and one whose code waits is not", () => {
  const hasty = [
    '\nserver.listen(0, "127.0.0.1");',
    '\nconst server = createServer(app).listen(0, "127.0.0.1");',
    "\napp.listen(0);",
    'import { serve } from "@hono/node-server";\nserve({ fetch: app.fetch, port: 0 });',
  ];
  expect(hasty.map((source) => hastyLines("a.ts", source))).toEqual(hasty.map(() => [2]));
  const waiting = [
    'await app.listen({ port: 0, host: "127.0.0.1" });',
    'const start = () => { return server.listen(0, "127.0.0.1"); };',
    'await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));',
    "server.listen(0, () => console.log(server.address()));",
    'import { serve } from "@hono/node-server";\nserve({ fetch: app.fetch }, (info) => console.log(info.port));',
  ];
  expect(waiting.flatMap((source) => hastyLines("a.ts", source))).toEqual([]);
});

it("only programs whose port the system cannot choose use freePort", () => {
  const users = files.filter((file) => /^test\/(?!world\/free-port)/.test(file) && /free-port\.js"/.test(read(file)));
  expect(users).toEqual(Object.keys(reasons).sort());
});
