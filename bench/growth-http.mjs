// Renewals over HTTP at a separate server process, by wrk. Each request carries the refresh token of another session. The
// tokens are signed here with the server's key, because the sessions were created by SQL.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { generateJwk } from "../dist/signing-keys/generate.js";
import { importKeys } from "../dist/signing-keys/jwk-set.js";
import { refreshToken } from "../dist/tokens/jwt.js";
import { createKeyring } from "../dist/tokens/keyring.js";
import { now } from "./growth-data.mjs";

const connections = 64;
/** More than any machine renews in a second. Unused tokens are discarded. */
const tokensASecond = 15_000;
const ticksASecond = 100;
const binary = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

/** Starts `ampho serve` on the database of that URL. */
export async function startServe(databaseUrl) {
  const jwk = generateJwk("HS256");
  const settings = { tokenLeeway: 300, tokenIssuer: undefined, tokenAudience: undefined, tokenForeignTtl: 900 };
  const keyring = createKeyring(importKeys(jwk).keys, settings, { revokedKeys: new Set() });
  const env = { ...process.env, AMPHO_SECURITY_KEY: JSON.stringify(jwk), AMPHO_DATABASE_URL: databaseUrl };
  const child = spawn(process.execPath, [binary, "serve", "--port", "0"], { env, stdio: ["ignore", "pipe", "ignore"] });
  const [announced] = await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => Promise.reject(new Error("the server ended at its start"))),
  ]);
  const folder = mkdtempSync(path.join(tmpdir(), "ampho-bench-"));
  const address = new URL(String(announced).trim());

  /** Renews sessions in turn, one generation each time, and returns those whose generation is known afterwards. */
  function renew(sessions, seconds) {
    const wanted = tokensASecond * seconds;
    const tokens = Array.from({ length: wanted }, (_, at) => {
      const { id, gen } = sessions[at % sessions.length];
      const claims = { sub: "u", sid: id, gen: gen + Math.floor(at / sessions.length), iat: now, exp: now + 1_209_600 };
      return keyring.sign(refreshToken, claims);
    });
    const before = used(child.pid);
    const { done, perSecond } = load(folder, address, tokens, seconds);
    const after = used(child.pid);
    const cpu = (after.cpu - before.cpu) / done;
    const written = (after.written - before.written) / done;
    const unsure = new Set();
    for (let at = Math.max(done - connections, 0); at < done + connections; at++)
      unsure.add(sessions[at % sessions.length]);
    for (let at = 0; at < done; at++) sessions[at % sessions.length].gen += 1;
    // The next call starts with the sessions that were renewed longest ago.
    const from = done % sessions.length;
    const next = [...sessions.slice(from), ...sessions.slice(0, from)].filter((session) => !unsure.has(session));
    return { perSecond, done, cpu, written, sessions: next };
  }

  return {
    renew,
    address,
    pid: child.pid,
    async stop() {
      const gone = once(child, "exit");
      child.kill();
      await gone;
      rmSync(folder, { recursive: true });
    },
  };
}

function load(folder, address, tokens, seconds) {
  const script = path.join(folder, "renew.lua");
  const list = path.join(folder, "tokens.txt");
  writeFileSync(list, tokens.join("\n"));
  writeFileSync(
    script,
    `local tokens = {}
     for line in io.lines("${list}") do tokens[#tokens + 1] = line end
     -- wrk asks for one that it does not send, to look at it.
     local at = -1
     local headers = { ["Content-Type"] = "application/json" }
     request = function()
       at = at + 1
       return wrk.format("POST", "/api/security/renew", headers, '{"refresh_token":"' .. tokens[math.max(at, 1)] .. '"}')
     end
     done = function(summary)
       local bad = summary.errors.status + summary.errors.timeout + summary.errors.read + summary.errors.connect
       io.write(string.format("RATE %f DONE %d BAD %d\\n", summary.requests / (summary.duration / 1e6), summary.requests, bad))
     end`,
  );
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, address.href];
  const output = execFileSync("wrk", args, { encoding: "utf8", maxBuffer: 2 ** 24 });
  const [, perSecond, done, bad] = /RATE ([\d.]+) DONE (\d+) BAD (\d+)/.exec(output);
  if (bad !== "0") throw new Error(`${bad} renewals were rejected.`);
  return { perSecond: Number(perSecond), done: Number(done) };
}

/** Reads the processor microseconds and the written bytes of all threads of a process (Linux). */
function used(pid) {
  return { cpu: cpuOf(pid), written: Number(/^write_bytes: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))[1]) };
}

/** Reads the processor microseconds of a process. With `children` it adds its running child processes. */
export function cpuOf(pid, children = false) {
  const pids = children ? [pid, ...readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")] : [pid];
  return (pids.reduce((sum, each) => sum + ticksOf(each), 0) / ticksASecond) * 1e6;
}

function ticksOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    // The process has ended, as PostgreSQL's processes of short connections do.
    return 0;
  }
}
