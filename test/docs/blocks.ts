// The commands of the documents: every `sh` block that a reader copies into a terminal, and where a test runs it.
import { readdirSync } from "node:fs";
import path from "node:path";
import { readPage } from "./evidence.js";

const root = path.resolve(import.meta.dirname, "../..");
/** The tables of the code have these pages. `test/cli/transcripts.system.test.ts` plays the commands of the first. */
const generated = ["docs/reference/cli.md", "docs/reference/configuration.md"];

const below = (folder: string): readonly string[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !name.includes("node_modules"))
    .map((name) => `${folder}/${name}`);

export const pages: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  "bench/README.md",
  "packages/attack/README.md",
  ...["docs", "examples", "deploy"].flatMap(below),
]
  .filter((page) => !generated.includes(page))
  .sort();

export interface Block {
  readonly page: string;
  /** Its first line, which is unique on the page together with `nth`. */
  readonly first: string;
  readonly code: string;
  /** The number of the line on the page. */
  readonly line: number;
}

/** The blocks of a language on a page, without the indent of a list. */
export function blocksOf(page: string, language = "sh"): readonly Block[] {
  const text = readPage(page);
  return [...text.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^\\1\`\`\`$`, "gm"))].map((match) => {
    const [, indent = "", indented = ""] = match;
    const code = indented.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    const line = text.slice(0, match.index).split("\n").length;
    return { page, code, line, first: code.split("\n", 1)[0] ?? "" };
  });
}

/** A page whose blocks another test runs, all of them or those that begin so. The test names the page or a part of its path. */
export interface RunElsewhere {
  readonly page: string;
  readonly test: string;
  readonly begins?: readonly string[];
}

export const elsewhere: readonly RunElsewhere[] = [
  { page: "README.md", test: "test/docs/readme.system.test.ts", begins: ["npm start ", "curl "] },
  { page: "docs/guides/connect.md", test: "test/connect/guide.test.ts" },
  {
    page: "docs/getting-started.md",
    test: "test/docs/start.system.test.ts",
    begins: ["npm install hono", "node ", "npm install express"],
  },
  {
    page: "docs/getting-started.md",
    test: "test/docs/start.install.test.ts",
    begins: ["npm install next", "npx next"],
  },
  {
    page: "docs/operate/deploying.md",
    test: "test/docs/recipes-hosts.system.test.ts",
    begins: ["ampho doctor", "export AMPHO_SECURITY_KEY=", "export AMPHO_DATABASE_URL="],
  },
  { page: "docs/guides/recipes/mobile.md", test: "test/docs/recipes-hosts.system.test.ts", begins: ["curl "] },
  {
    page: "docs/operate/application.md",
    test: "test/docs/application.system.test.ts",
    begins: ["umask 077", "(set -a"],
  },
  { page: "docs/operate/doctor.md", test: "test/doctor/deployments.system.test.ts" },
  { page: "docs/operate/fleet.md", test: "test/docs/operating.system.test.ts" },
  {
    page: "docs/operate/incidents.md",
    test: "test/docs/incidents.system.test.ts",
    begins: [
      "ampho user-expire-password",
      "ampho audit-list --since",
      "ampho mail-list",
      "AMPHO_MAIL_URL=",
      "ampho user-recover",
      "ampho user-show",
      "ampho throttle-clear alice",
    ],
  },
  { page: "docs/operate/incidents.md", test: "test/docs/backup.system.test.ts", begins: ["dropdb ", "rm -f ampho.db"] },
  { page: "docs/operate/signing-keys.md", test: "test/docs/signing-keys.system.test.ts" },
  { page: "examples/README.md", test: "test/examples/examples.test.ts", begins: ["curl "] },
  { page: "examples/protect-anything/README.md", test: "test/deploy/protect.system.test.ts", begins: ["AMPHO_PAGES"] },
];

/** A block that no test can run here, and why. */
export interface CannotRun {
  readonly page: string;
  readonly begins: readonly string[];
  readonly reason: string;
}

const asRoot = "It writes into /etc, /opt or /usr as root, and starts a unit of systemd.";
const images = "It builds an image and starts containers, and a test has no Docker.";
const readersHost = "It names a host of the reader.";
const cluster = "It needs a cluster of Kubernetes.";
const otherSystem = "It reads the database or the export of another product.";

export const cannotRun: readonly CannotRun[] = [
  {
    page: "CONTRIBUTING.md",
    begins: ["npm ci", "npm run build &&"],
    reason: "A run of the tests would start a run of the tests.",
  },
  {
    page: "bench/README.md",
    begins: ["npm run build"],
    reason: "It installs the competitors from the registry, and measures for minutes.",
  },
  { page: "packages/attack/README.md", begins: ["npx --no ampho-attack"], reason: readersHost },
  { page: "docs/guides/api-keys.md", begins: ["curl "], reason: readersHost },
  { page: "docs/guides/importing.md", begins: ["jq ", "psql ", "wp "], reason: otherSystem },
  { page: "docs/guides/recipes/windows.md", begins: ["node "], reason: "The server is the program of the reader." },
  {
    page: "examples/everything/README.md",
    begins: ["npm start"],
    reason: "The next block starts the same program, with one more parameter.",
  },
  {
    page: "docs/guides/recipes/mobile.md",
    begins: ["npx expo"],
    reason: "It needs a project of Expo, and a phone or its simulator.",
  },
  { page: "docs/operate/application.md", begins: ["install -d"], reason: asRoot },
  { page: "docs/operate/application.md", begins: ["docker build"], reason: images },
  { page: "docs/operate/application.md", begins: ["kubectl "], reason: cluster },
  { page: "docs/operate/application.md", begins: ["npx ampho doctor --url"], reason: readersHost },
  { page: "docs/operate/deploying.md", begins: ["docker build", "cd deploy"], reason: images },
  { page: "docs/operate/deploying.md", begins: ["umask 022", "install -m 600", "for port in"], reason: asRoot },
  { page: "docs/operate/kubernetes.md", begins: ["umask 077", "kubectl "], reason: cluster },
  {
    page: "docs/operate/metrics.md",
    begins: ["npm install ampho @opentelemetry"],
    reason: "It installs some hundred packages of OpenTelemetry. `test/telemetry/` uses its interface.",
  },
];

/** Blocks that are pasted into a terminal one after the other, in a folder of their own. */
export interface Pasted {
  readonly page: string;
  /** The beginnings of the blocks, in their order. */
  readonly begins: readonly string[];
  /** The text that is shown before a question of the first block, and what is typed. */
  readonly asks?: readonly Typed[];
  /** The last block starts a server, which shows this text and is then interrupted. */
  readonly listens?: string;
  /** Commands of Ampho before the blocks. `user-add` gets a password on stdin. */
  readonly before?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The folder of examples/ in which the reader is. */
  readonly example?: string;
  /** Files of the reader. */
  readonly files?: Readonly<Record<string, string>>;
  /** `ampho serve` runs meanwhile, and `AMPHO_URL` is its address. */
  readonly served?: true;
  /** Texts of the page, and the values of the reader in their place. */
  readonly replaced?: Readonly<Record<string, string>>;
  /** The URL of the page that stands for an empty database of PostgreSQL. */
  readonly postgres?: string;
  /** Texts that the terminal shows. */
  readonly shows?: readonly string[];
}
export type Typed = readonly [shown: string, typed: string];

const passphrase = "violet kettle harbour morning";
const password: readonly Typed[] = [
  ["Password", `${passphrase}\r`],
  ["Repeat the password: ", `${passphrase}\r`],
];
const created = ['User "alice" created.'];
/** The environment of a reader who has set nothing. */
const clean = { env: { AMPHO_SECURITY_KEY: "", AMPHO_DATABASE_URL: "" } };
/** The issuer becomes a provider of the test. */
const google = '{"google":{"issuer":"https://accounts.google.com","client_id":"1234","client_secret":"GOCSPX"}}';
const alice = "user-add alice --email alice@example.org --password-stdin";
const scopes = { AMPHO_SECURITY_SCOPES: '{"*":["articles:read"]}', AMPHO_SECURITY_TOKEN_ENDPOINT: "true" };
/** Alice has an authenticator app. */
const withApp = {
  before: ["user-import users.jsonl"],
  files: { "users.jsonl": '{"login":"alice","totp_secret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP","recovery_hashes":[]}\n' },
};
const mailing = {
  AMPHO_APP_URL: "https://app.example",
  AMPHO_MAIL_FROM: "no-reply@app.example",
  AMPHO_MAIL_URL: "file:.",
};

export const pasted: readonly Pasted[] = [
  { page: "README.md", begins: ["mkdir shop"], ...clean },
  { page: "docs/getting-started.md", begins: ["mkdir shop"], ...clean },
  {
    page: "docs/start/password.md",
    begins: ["mkdir shop"],
    asks: password,
    shows: created,
    ...clean,
  },
  { page: "docs/guides/frameworks.md", begins: ["npm install ampho"], asks: password, shows: created },
  {
    page: "docs/guides/gateway.md",
    begins: ["ampho service-add", "curl "],
    env: { ...scopes, TOKEN: "no.token.here" },
    served: true,
    replaced: { "ampho service-api-key gateway --days 366": "GATEWAY_KEY=$(ampho service-api-key gateway --days 366)" },
    shows: ['{"active":false}'],
  },
  {
    page: "docs/guides/mail-flows.md",
    begins: ["ampho user-invite"],
    env: { ...mailing, AMPHO_SECURITY_REGISTRATION: "invite" },
    before: ["db-up"],
    replaced: {
      "invite-remove ID": 'invite-remove $(ampho invite-list --json | grep -o \'"id":"[^"]*\' | cut -d \'"\' -f 4)',
    },
  },
  { page: "docs/guides/mail.md", begins: ["npm install"] },
  { page: "docs/guides/pages.md", begins: ["mkdir shop"], ...clean },
  {
    page: "docs/guides/pages.md",
    begins: ["npm install oauth4webapi pg"],
    env: mailing,
    files: { "providers.json": google },
    postgres: "postgres://app:secret@localhost/shop",
    asks: password,
    shows: created,
  },
  {
    page: "docs/guides/providers.md",
    begins: ["npm install oauth4webapi"],
    files: { "providers.json": google },
    shows: ["/api/security/login/outside/google/callback"],
  },
  ...["casl", "graphql", "socketio", "trpc"].map((name) => ({
    page: `docs/guides/recipes/${name}.md`,
    begins: ["npm install"],
  })),
  { page: "docs/guides/recipes/mobile.md", begins: ["export"] },
  {
    page: "docs/guides/recipes/roles-and-ownership.md",
    begins: ["ampho user-roles"],
    before: [alice],
    asks: password,
    shows: ['User "bob" created.'],
  },
  {
    page: "docs/guides/recipes/windows.md",
    begins: ["npm install", "npx ampho sec-gen-key", "npx ampho serve"],
    asks: password,
    replaced: { "-o ampho-key.json": "-o another-key.json" },
    ...clean,
    listens: "http://127.0.0.1:",
  },
  {
    page: "docs/guides/services.md",
    begins: ["ampho service-add", "curl ", "ampho service-jwk"],
    env: scopes,
    served: true,
    replaced: {
      "ampho service-add nightly --scope articles:read":
        "SERVICE_ID=$(ampho service-add nightly --scope articles:read)",
    },
    shows: ['"access_token":"'],
    files: {
      "public.json":
        '{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
    },
  },
  { page: "docs/guides/verifying.md", begins: ["ampho sec-gen-key"], shows: ['"crv":"Ed25519"'] },
  {
    page: "docs/operate/incidents.md",
    begins: ["ampho session-list"],
    before: [alice],
    replaced: { "ampho session-end 0.rz5SM-zON4oZiH6weP22mA": "ampho session-end 0.rz5SM-zON4oZiH6weP22mA || true" },
  },
  {
    page: "docs/operate/recovery.md",
    begins: ["ampho user-recover", "ampho mail-list"],
    before: [alice],
    env: mailing,
  },
  {
    page: "docs/operate/second-factors.md",
    begins: ["ampho factor-policy", "ampho factor-list", "ampho factor-rekey"],
    ...withApp,
    before: [...withApp.before, "user-add robot --password-stdin"],
  },
  {
    page: "docs/operate/incidents.md",
    begins: ["ampho factor-remove", "ampho throttle-clear --all"],
    ...withApp,
  },
  {
    page: "docs/operate/incidents.md",
    begins: ["ampho connection-list"],
    before: [
      "db-up",
      "service-add reader --redirect https://reader.example/callback --user-scope articles:read --public",
    ],
  },
  {
    page: "docs/operate/postgresql.md",
    begins: ["AMPHO_DATABASE_URL"],
    postgres: "postgres://ampho_owner:…@db/ampho?sslmode=verify-full",
  },
  {
    page: "docs/operate/deploying.md",
    begins: ["export NODE_ENV"],
    replaced: { "/etc/ampho/": "", "/var/lib/ampho/": "", "--port 3000": "--port $PORT" },
    before: ["sec-gen-key -o key.json"],
    ...clean,
    listens: "http://127.0.0.1:",
  },
  { page: "examples/README.md", begins: ["cd express", "npm start"], example: "", asks: password, listens: "http://" },
  ...["everything", "full", "passkeys"].map((example) => ({
    page: `examples/${example}/README.md`,
    begins: example === "everything" ? ["npm install", "AMPHO_SECURITY_COOKIES"] : ["npm install", "npm start"],
    example,
    asks: password,
    listens: "http://",
  })),
  { page: "examples/protect-anything/README.md", begins: ["npm install ampho"], asks: password, shows: created },
];

/** True if a row is for this block. */
export const isFor = ({ page, begins }: { readonly page: string; readonly begins?: readonly string[] }, block: Block) =>
  page === block.page && (begins?.some((begin) => block.first.startsWith(begin)) ?? true);
