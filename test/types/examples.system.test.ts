// Every example of the API compiles against the packed types. Those that need no other program also run.
import { cpSync, writeFileSync } from "node:fs";
import path from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnSync } from "../../scripts/child-process.mjs";
import { publicExports } from "../../scripts/declarations.mjs";
import { environment } from "../docs/readme.js";
import { type Consumer, installPacked } from "../examples/packed.js";
import { compile, compileMs } from "./compile.js";
import { contexts } from "./example-context.js";

const all = publicExports();
const namesOf = (subpath: string) => all.filter((each) => each.subpath === subpath).map(({ name }) => name);

/** Each example once, by the first export that shows it. */
const examples = new Map(
  all
    .flatMap(({ subpath, name, docs, members }) => [
      ...docs.examples.map((text) => ({ subpath, name, text, isParameter: false })),
      ...members.flatMap(({ id, path: member, docs: { examples } }) =>
        examples.map((text) => ({
          subpath,
          name: `${name}.${member}`,
          text,
          isParameter: id.includes("parameters.d.ts"),
        })),
      ),
    ])
    .reverse()
    .map((example) => [example.text, example]),
);

/** The example as a module: it imports what it uses from the package, and the rest of what it uses is declared. */
function moduleOf({ subpath, text }: { readonly subpath: string; readonly text: string }): string {
  const uses = (name: string) => new RegExp(`(?<![.\\w"])${name}(?![\\w"])`).test(text);
  const declares = (name: string) =>
    new RegExp(`\\b(?:const|let|class|for \\(const) (?:${name}\\b|\\{[^}=]*\\b${name}\\b[^}]*\\}|\\[${name}\\])`).test(
      text,
    );
  const exported = namesOf(subpath).filter((name) => uses(name) && !declares(name));
  const declared = Object.entries(contexts[subpath] ?? {}).filter(
    ([name]) => uses(name) && !declares(name) && !exported.includes(name),
  );
  return [
    exported.length === 0 ? "" : `import { ${exported.join(", ")} } from "${subpath}";`,
    ...declared.map(([, declaration]) => declaration),
    text,
    "export {};",
  ].join("\n");
}

let consumer: Consumer;
beforeAll(async () => {
  consumer = await installPacked();
});
afterAll(() => consumer.remove());

it("every example of the API compiles against the types of the package", { timeout: compileMs }, () => {
  const compiler = path.resolve(import.meta.dirname, "../../node_modules/typescript/bin/tsc");
  const modern = {
    module: "nodenext",
    lib: ["es2022", "dom", "dom.iterable", "esnext.decorators"],
    skipLibCheck: true,
  };
  const legacy = { ...modern, experimentalDecorators: true, emitDecoratorMetadata: true };
  const [forNest, others] = [true, false].map((isNest) =>
    [...examples.values()].filter(({ subpath }) => (subpath === "ampho/nest") === isNest),
  );
  const failures = [
    { compilerOptions: modern, some: others ?? [] },
    { compilerOptions: legacy, some: forNest ?? [] },
  ].flatMap(({ compilerOptions, some }) => {
    const files = Object.fromEntries(some.map((example, at) => [`example-${at}.ts`, moduleOf(example)]));
    return compile({ compiler, folder: consumer.folder, type: "module", files, compilerOptions }).map(
      ({ file, line, text }) => {
        const example = some[Number(/\d+/.exec(file)?.[0])];
        return `${example?.subpath} ${example?.name}: ${text}\n${files[file]?.split("\n")[line - 1]}`;
      },
    );
  });
  expect(failures).toEqual([]);
  expect(examples.size).toBeGreaterThan(150);
});

/** Programs and services of the reader, browsers, providers, other servers, and mails that were read. Those examples only compile. */
const elsewhere =
  /\b(?:db|dutch|found|notes|WebSocket|shield|sendGrid|logger|tenantOf|closeSocketsOf|owns|list|update|sockets|SecureStore|location|factorNeeded|linkNeeded|setup|registration|reset|review|lostMailbox|change|followed|jwkSet|getConnInfo|recoveryCode|signal|httpRequest)\b|await (?:outside|verifier)|= verifier|^verifier|mailLogin\.|passkey|Passkey|12345678|nowhere|reload|jsonl|process\./;

/** Their examples need an application, or a server with API keys. */
const compiled = ["ampho/nest", "ampho/mcp", "ampho/client/api-keys", "ampho/client/connections"];

it.each(Object.keys(contexts).filter((subpath) => !compiled.includes(subpath)))(
  "the examples of %s run, where they need no other program",
  { timeout: compileMs },
  async (subpath) => {
    const some = [...examples.values()].filter(
      (example) => example.subpath === subpath && !elsewhere.test(example.text) && !example.isParameter,
    );
    const files = some.map((_, at) => `${subpath.replaceAll("/", "-")}-${at}.mjs`);
    for (const [at, example] of some.entries()) {
      const { code } = await transform(moduleOf(example), { loader: "ts", target: "es2022" });
      writeFileSync(path.join(consumer.folder, files[at] ?? ""), code.replaceAll('"https://app.example"', "url"));
    }
    cpSync(path.join(import.meta.dirname, "run-examples.mjs"), path.join(consumer.folder, "run-examples.mjs"));
    const { stdout, stderr } = spawnSync(process.execPath, ["run-examples.mjs", JSON.stringify({ subpath, files })], {
      cwd: consumer.folder,
      env: environment,
      encoding: "utf8",
    });
    const failures = Object.entries(JSON.parse(stdout.split("\n").at(-1) || JSON.stringify({ all: stderr })));
    const nameOf = (file: string) => some[files.indexOf(file)]?.name ?? file;
    expect(failures.map(([file, error]) => `${nameOf(file)}: ${error}`)).toEqual([]);
    expect(some.length).toBeGreaterThan(0);
  },
);
