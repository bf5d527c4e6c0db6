// Every environment for production that a file contains or a page prints, as its reader would give it to a process.

import { readFileSync } from "node:fs";
import path from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { execFileSync } from "../../scripts/child-process.mjs";
import { readPage } from "../docs/evidence.js";
import { textOf } from "./configurations.js";

export type Environment = Readonly<Record<string, string>>;

const root = path.resolve(import.meta.dirname, "../..");

/** The variables that a shell exports after these lines. A page can use variables that lines before have set. */
function bySh(text: string, before: Environment = {}): Environment {
  const script = `set -a; ${text.replaceAll(/^(?:ampho|npm|npx) .*$/gm, "").replaceAll('"$(ampho sec-gen-key)"', "KEY")}\nexec env -0`;
  const output = execFileSync("sh", ["-ec", script], { env: before, encoding: "utf8" });
  const all = output
    .split("\0")
    .map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
  return Object.fromEntries(all.filter(([name]) => /^(?:AMPHO_|NODE_ENV$)/.test(name)));
}

/** `docker run --env-file`, which knows no quotes. */
const byDocker = (text: string): Environment =>
  Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = "", value = ""]) => [name, value]));

/** The text of a file that a block of a page writes, by a line before it. */
function written(text: string, line: RegExp): string {
  const [, mark = ""] = new RegExp(`${line.source}.*<<'?(\\w+)'?$`, "m").exec(text) ?? [];
  const [, , found] = new RegExp(`(${line.source}).*<<'?${mark}'?\\n([\\s\\S]*?)^${mark}$`, "m").exec(text) ?? [];
  if (mark === "" || found === undefined) throw new Error(`no block writes ${line}`);
  return found;
}

/** `Environment=` of the unit, with the file that a page puts beside it. */
const byUnit = (file: string): Environment => {
  const lines = textOf("unit", "deploy/systemd/ampho.service").matchAll(/^Environment=(\w+)=(.*)$/gm);
  const own = Object.fromEntries([...lines].map(([, name = "", value = ""]) => [name, value.replace("%i", "")]));
  return { ...own, ...bySh(file) };
};

function ofPod(file: string, at: number): Environment {
  const [workload] = parseAllDocuments(readFileSync(path.join(root, file), "utf8")).map((each) => each.toJS());
  const secrets = parseAllDocuments(textOf("containers", "deploy/kubernetes/secrets.example.yaml")).map((each) =>
    each.toJS(),
  );
  const { env } = workload.spec.template.spec.containers[at];
  return Object.fromEntries(
    env.map(
      ({
        name,
        value,
        valueFrom,
      }: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>) => {
        const { name: secret = "", key = "" } = valueFrom?.["secretKeyRef"] ?? {};
        return [name, value ?? secrets.find(({ metadata }) => metadata.name === secret).stringData[key]];
      },
    ),
  );
}

function ofService(name: string): Environment {
  const { services } = parse(textOf("containers", "deploy/compose.yaml"), { merge: true });
  const values: Environment = { RUNTIME_PASSWORD: "secret", OWNER_PASSWORD: "secret", AMPHO_SITE: "app.example" };
  const fill = (text: string) => text.replaceAll(/\$\{(\w+)[^}]*\}/g, (_, variable: string) => values[variable] ?? "");
  return Object.fromEntries(
    Object.entries<string>(services[name].environment).map(([key, value]) => [key, fill(value)]),
  );
}

/** The packages that `npm install` of a text adds to Ampho. */
function packagesOf(text: string): readonly string[] {
  const lines = [...text.replaceAll(/\s*\n(?=\S)/g, " ").matchAll(/npm install ([^`]*?)(?=`|$| && | ln )/g)].map(
    ([, words = ""]) => words,
  );
  const named = lines.flatMap((line) => line.split(/\s+/)).map((word) => word.replace(/(?<=.)@.*/, ""));
  return ["pg", "nodemailer", "oauth4webapi"].filter((name) => named.includes(name));
}

interface Start {
  /** With the command `db-up`, the environment is that of the schema's owner. */
  readonly command: "serve" | "db-up";
  readonly packages: readonly string[];
  readonly environment: () => Environment;
}

const image = packagesOf(textOf("image", "deploy/Dockerfile"));
const of = (page: string) => packagesOf(readPage(page));
const serve = (packages: readonly string[], environment: () => Environment): Start => ({
  command: "serve",
  packages,
  environment,
});
const up = (packages: readonly string[], environment: () => Environment): Start => ({
  command: "db-up",
  packages,
  environment,
});
const text = (name: string) => textOf("environment", name);

const application = "docs/operate/application.md";
const deploying = "docs/operate/deploying.md";
const everyPlatform = () => /^export AMPHO_SECURITY_KEY="[\s\S]*?(?=^```)/m.exec(readPage(deploying))?.[0] ?? "";
const given = {
  DATABASE_URL: "postgres://app:secret@db/app",
  POOLED_DATABASE_URL: "postgres://app:secret@db/app",
  MAIL_URL: "smtps://user:secret@mail.example",
  PATH: "/usr/bin:/bin",
};
const hosted = (name: string) => serve(of(deploying), () => bySh(everyPlatform() + text(name), given));
const variables = { runtime_password: "secret", owner_password: "secret", server: "db:5432", PATH: "/usr/bin:/bin" };
const applicationEnvironment = () => bySh(written(text(application), /cat > ampho\.env/), variables);

/** By configuration. A configuration can be more than one environment. */
export const starts: Readonly<Record<string, readonly Start[]>> = {
  "deploy/compose.yaml": [up(image, () => ofService("schema")), serve(image, () => ofService("ampho-1"))],
  "deploy/systemd/ampho.service": [serve(of(deploying), () => byUnit(""))],
  [application]: [serve(of(application), () => ({ ...applicationEnvironment(), AMPHO_SECURITY_KEY_FILE: "key.json" }))],
  [`${application} 2`]: [serve(of(application), () => ofPod("deploy/kubernetes/ampho.yaml", 0))],
  [deploying]: [serve(of(deploying), () => bySh(text(deploying)))],
  [`${deploying} 2`]: [up(image, () => byDocker(text(`${deploying} 2`)))],
  [`${deploying} 3`]: [serve(image, () => byDocker(text(`${deploying} 3`)))],
  [`${deploying} 4`]: [
    serve(of(deploying), () =>
      byUnit(written(text(`${deploying} 4`), /install -m 600 \/dev\/stdin \/etc\/ampho\/ampho\.env/)),
    ),
  ],
  [`${deploying} 5`]: [
    up(of(deploying), () =>
      bySh(written(text(`${deploying} 5`), /install -m 600 \/dev\/stdin \/etc\/ampho\/owner\.env/)),
    ),
    serve(of(deploying), () =>
      byUnit(written(text(`${deploying} 5`), /install -m 600 \/dev\/stdin \/etc\/ampho\/ampho\.env/)),
    ),
  ],
  "deploy/kubernetes/ampho.yaml": [serve(image, () => ofPod("deploy/kubernetes/ampho.yaml", 0))],
  "deploy/kubernetes/db-up.yaml": [up(image, () => ofPod("deploy/kubernetes/db-up.yaml", 0))],
  [`${deploying} 6`]: [hosted(`${deploying} 6`)],
  [`${deploying} 7`]: [hosted(`${deploying} 7`)],
  "docs/operate/postgresql.md": [
    up(of("docs/operate/postgresql.md"), () => bySh(text("docs/operate/postgresql.md").replace(/ ampho db-up/, ""))),
  ],
  "docs/operate/fleet.md": [
    serve(of("docs/operate/fleet.md"), () =>
      bySh(
        written(text("docs/operate/fleet.md"), /cat > ampho\.env/).replace(
          "$(cat metrics-token)",
          "0123456789abcdef0123456789abcdef",
        ),
        { ...variables, PWD: "/etc/ampho" },
      ),
    ),
  ],
  "docs/guides/pages.md": [
    serve(of("docs/guides/pages.md"), () => ({
      AMPHO_SECURITY_KEY: "KEY",
      AMPHO_PAGES: "true",
      AMPHO_APP_URL: "http://localhost:3000",
      ...byDocker(written(text("docs/guides/pages.md"), /cat >> \.env/)),
    })),
  ],
  "docs/guides/recipes/windows.md": [serve([], () => bySh(text("docs/guides/recipes/windows.md")))],
};
