// Every configuration that a file contains or a page prints, found by its directives. The tables of the tests name each one, so a
// new one without a test fails test/deploy/configurations.test.ts.
import { readFileSync } from "node:fs";
import path from "node:path";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");

const marks = {
  /** A proxy that sends requests on, or that asks Ampho about them. */
  proxy: /^\s*(?:proxy_pass|reverse_proxy|forward_auth|auth_request|forwardAuth|ProxyPass)\b/m,
  /** The parameters of a process that runs in production. */
  environment: /AMPHO_DATABASE_URL(?:=|: |$)/m,
  image: /^FROM \S/m,
  unit: /^\[Service\]$/m,
  /** Compose and Kubernetes. */
  containers: /^(?:services|kind|resources):/m,
} as const;
export type Kind = keyof typeof marks;

/** The texts of a file that can be copied: the blocks of a page, or the whole file. */
function textsOf(file: string): readonly string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  if (!file.endsWith(".md")) return [text];
  return [...text.matchAll(/^( *)```\w+\n([\s\S]*?)^\1```$/gm)].map(([, , block = ""]) => block);
}

/** By file, and from the second of a page on with its number: `docs/operate/deploying.md 2`. */
export function configurations(kind: Kind): ReadonlyMap<string, string> {
  const listed = execFileSync("git", ["ls-files", "-z", "--", "README.md", "docs", "deploy", "examples", "packages"], {
    cwd: root,
    encoding: "utf8",
  });
  // Code and data are no configuration. Generated pages repeat the examples of others.
  const files = listed
    .split("\0")
    .filter((file) => file !== "" && !/\.(?:[cm]?[jt]sx?|json|svg|png|py|go)$/.test(file));
  return new Map(
    files
      .filter((file) => !file.startsWith("docs/reference/"))
      .flatMap((file) =>
        textsOf(file)
          .filter((text) => marks[kind].test(text))
          .map((text, at): [string, string] => [at === 0 ? file : `${file} ${at + 1}`, text]),
      ),
  );
}

export function textOf(kind: Kind, name: string): string {
  const text = configurations(kind).get(name);
  if (text === undefined) throw new Error(`${name} has no configuration of the kind "${kind}"`);
  return text;
}
