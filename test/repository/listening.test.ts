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
  .filter((file) => /^(?:test|bench|scripts|packages)\/.*\.[cm]?[jt]s$/.test(file))
  .filter((file) => !file.startsWith("test/vectors/"));
const read = (file: string) => readFileSync(path.join(root, file), "utf8");

const rejects = "Nothing listens at the port.";
const returns = "The server comes back at its port.";
const configured = "The origin with the port is in the configuration of the program.";
const printed = "The port is in the text of a page, or in a command of it.";
const asEnvironment = "The program reads PORT and prints no address, or comes back at its port.";
const others = "The program cannot choose its port, or does not print it.";

/** Users of `freePort`, with the reason for which the system cannot choose their port. */
const reasons: Readonly<Record<string, string>> = {
  "test/cli/next-steps.system.test.ts": printed,
  "test/deploy/gateway.system.test.ts": others,
  "test/deploy/image.system.test.ts": "The health check of the image reads the port.",
  "test/deploy/protect.system.test.ts": others,
  "test/deploy/proxies.ts": others,
  "test/deploy/raw-proxies.ts": others,
  "test/deploy/raw-world.ts": others,
  "test/deploy/rolling.system.test.ts": returns,
  "test/deploy/unit.system.test.ts": rejects,
  "test/docs/application.system.test.ts": printed,
  "test/docs/dashboard.system.test.ts": others,
  "test/docs/incidents.system.test.ts": rejects,
  "test/docs/operating.system.test.ts": printed,
  "test/docs/password.system.test.ts": printed,
  "test/docs/pasted.system.test.ts": printed,
  "test/docs/readme.system.test.ts": printed,
  "test/docs/readme.test.ts": printed,
  "test/docs/recipes-hosts.system.test.ts": printed,
  "test/docs/start.install.test.ts": printed,
  "test/docs/start.system.test.ts": printed,
  "test/examples/everything.system.test.ts": configured,
  "test/examples/mobile.system.test.ts": returns,
  "test/examples/notes.system.test.ts": configured,
  "test/examples/passkeys.system.test.ts": configured,
  "test/installs/better-auth-passkeys.install.test.ts": configured,
  "test/installs/hosts.install.test.ts": asEnvironment,
  "test/installs/managers.install.test.ts": asEnvironment,
  "test/installs/migrating.install.test.ts": configured,
  "test/installs/next-pages.install.test.ts": configured,
  "test/installs/own-table.install.test.ts": asEnvironment,
  "test/installs/peers.install.test.ts": asEnvironment,
  "test/interop/followers.system.test.ts": returns,
  "test/mail/smtp.test.ts": rejects,
  "test/mail/transports.test.ts": rejects,
  "test/store/pgbouncer.system.test.ts": others,
  "test/verify/revocations.test.ts": returns,
  "test/world/postgres.ts": others,
};

interface Call {
  readonly start: number;
  readonly callee: { readonly type: string; readonly name?: string; readonly property?: { readonly name?: string } };
  readonly arguments: readonly { readonly type: string; readonly name?: string; readonly start: number }[];
}

/** `resolve` is the function of a promise. */
const isCallback = ({ type, name }: { readonly type: string; readonly name?: string }) =>
  type === "ArrowFunctionExpression" || (type === "Identifier" && name === "resolve");

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
      const { callee, arguments: list } = node as unknown as Call;
      // `expect(server.listen(…)).rejects`
      if (callee.name === "expect") awaited.add(list[0]?.start ?? -1);
      const listens = callee.type === "MemberExpression" && callee.property?.name === "listen";
      if (listens || (fromHono && callee.name === "serve")) calls.push(node as unknown as Call);
    },
  }).visit(parseSync(name, source).program);
  return calls
    .filter(({ start, arguments: list }) => !awaited.has(start) && !list.slice(-1).some(isCallback))
    .map(({ start }) => source.slice(0, start).split("\n").length);
}

it("every server listens before the code goes on", () => {
  expect(files.length).toBeGreaterThan(500);
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
