// The snippets of docs/guides/verifying.md, run as they stand there but for the URLs.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { type Ampho, createAmpho } from "../../dist/index.js";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { atEndOfFile } from "../world/clean-up.js";
import { listening } from "../world/listen.js";
import { requirePython, runPython } from "./python.js";

const root = path.resolve(import.meta.dirname, "../..");
const page = readFileSync(path.join(root, "docs/guides/verifying.md"), "utf8");
const revocationFeedToken = "feed-5f2c8e9a4b7d1e6f3a0c9b8d7e6f";
const folder = mkdtempSync(path.join(tmpdir(), "ampho-verifying-"));

let ampho: Ampho;
let good = "";
let elsewhere = "";
let url = "";

beforeAll(async () => {
  requirePython();
  const options = {
    databaseUrl: "sqlite::memory:",
    key: generateJwk("EdDSA"),
    tokenIssuer: "https://auth.example",
    revocationFeedToken,
    log: () => {},
  };
  const tokenFrom = async (one: Ampho) => {
    const { id } = await one.users.create({ login: "alice", roles: ["editor"] });
    return (await one.sessions.create(id)).token;
  };
  ampho = await createAmpho({ ...options, tokenAudience: "https://api.example" });
  good = await tokenFrom(ampho);
  const other = await createAmpho({ ...options, tokenAudience: "https://elsewhere.example" });
  elsewhere = await tokenFrom(other);
  await other.close();
  url = `${(await listening(mount(ampho), atEndOfFile)).url}/api/security`;
  mkdirSync(path.join(folder, "node_modules"));
  symlinkSync(root, path.join(folder, "node_modules/ampho"));
  symlinkSync(path.join(root, "node_modules/jose"), path.join(folder, "node_modules/jose"));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await ampho.close();
});

/** The snippet under a heading, which finds our server. */
function snippet(heading: string, language: string): string {
  const [, code] = new RegExp(`^## ${heading}\\n+\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(page) ?? [];
  expect(code, heading).toContain("https://auth.example/api/security/");
  return String(code).replaceAll("https://auth.example/api/security", url);
}

/** The first code of a language on the page. */
function codeOf(language: string): string {
  const [, code] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(page) ?? [];
  expect(code, language).toContain("https://auth.example/api/security/");
  return String(code).replaceAll("https://auth.example/api/security", url);
}

/** Runs a script that prints one line for each token, and returns the lines. */
async function run(script: string): Promise<readonly string[]> {
  writeFileSync(path.join(folder, "script.mjs"), script);
  const env = { ...process.env, FEED_TOKEN: revocationFeedToken, GOOD: good, ELSEWHERE: elsewhere };
  const child = spawn(process.execPath, ["script.mjs"], { cwd: folder, env });
  let output = "";
  child.stderr.on("data", (text: Buffer) => (output += text.toString()));
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  await once(child, "close");
  return output.trim().split("\n");
}

test("the snippet for ampho/verify checks the audience", async () => {
  const printed = await run(`${snippet("ampho/verify", "js")}
    for (const token of [process.env.GOOD, process.env.ELSEWHERE]) {
      const response = await GET(new Request("http://host/", { headers: { authorization: \`Bearer \${token}\` } }));
      console.log(response.status);
    }
    verifier.close();`);
  expect(printed).toEqual(["200", "401"]);
});

test("the snippet for jose checks the audience", async () => {
  const printed = await run(`${snippet("jose", "js")}
    for (const token of [process.env.GOOD, process.env.ELSEWHERE])
      console.log(await loginOf(token).catch((error) => error.code));`);
  expect(printed).toEqual(["alice", "ERR_JWT_CLAIM_VALIDATION_FAILED"]);
});

test("the snippet for Python checks the audience", async () => {
  const script = `${codeOf("python")}
for name in ("GOOD", "ELSEWHERE"):
    try:
        print(login_of(f"Bearer {os.environ[name]}"))
    except Rejected as error:
        print(error.code)
verifier.close()
`;
  const env = { GOOD: good, ELSEWHERE: elsewhere, FEED_TOKEN: revocationFeedToken };
  const modules = path.join(root, "examples/verify-python");
  const printed = await runPython(["-"], script, { ...env, PYTHONPATH: modules, PYTHONDONTWRITEBYTECODE: "1" });
  expect(printed).toBe("alice\ninvalid_token\n");
});
