// No secret of a second factor is where it does not belong. It passes through every flow, and every output is searched for it.
import { Secret } from "otpauth";
import { afterAll, expect, it } from "vitest";
import { createAccessLog } from "../../dist/http/server/access-log.js";
import { createHttpServer } from "../../dist/http/server/server.js";
import { authenticate, bytesOf, createSubject, register } from "../factors/webauthn/authenticator.js";
import { password, type World } from "../world/ampho.js";
import { claimsOf, newKey } from "../world/tokens.js";
import { codeAt, onBothDatabases, type Row, textsOf, wrongCode } from "./owners.js";
import { passkeySettings } from "./passkey-owners.js";

const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends) await end();
});

/** Every text of a secret that a program could write. */
function encodingsOf(seed: string): readonly string[] {
  return [seed, seed.toLowerCase(), ...textsOfBytes(Buffer.from(Secret.fromBase32(seed).buffer))];
}

function textsOfBytes(bytes: Buffer): readonly string[] {
  const texts = (["hex", "base64", "base64url", "latin1"] as const).map((encoding) => bytes.toString(encoding));
  return [...texts, bytes.toString("hex").toUpperCase()];
}

const wordOf = (code: string) => new RegExp(`(?<![\\w-])${code}(?![\\w-])`);

/** Clients of two servers of one world. They remember the secrets that they send and receive. */
function openClients() {
  const said: string[] = [];
  const [texts, codes] = [new Set<string>([password]), new Set<string>()];
  const learn = (members: Row) => {
    const {
      secret,
      recovery_codes: recovery,
      totp,
      recovery_code: one,
      transaction,
      token,
      refresh_token,
      device,
      passkey,
    } = members;
    const { challenge, response }: Row = { ...Object(passkey) };
    if (typeof challenge === "string") for (const text of textsOfBytes(bytesOf(challenge))) texts.add(text);
    const { clientDataJSON, signature }: Row = { ...Object(response) };
    for (const text of [clientDataJSON, signature]) if (typeof text === "string") texts.add(text);
    if (typeof secret === "string") for (const text of encodingsOf(secret)) texts.add(text);
    for (const code of [...textsOf(recovery), ...(typeof one === "string" ? [one] : [])])
      for (const text of [code, code.replaceAll("-", "")]) texts.add(text).add(text.toLowerCase());
    if (typeof totp === "string") codes.add(totp);
    if (typeof transaction === "string") texts.add(String(claimsOf(transaction)["jti"]));
    // Only the token itself contains its signature.
    for (const signed of [transaction, token, refresh_token, device])
      if (typeof signed === "string" && signed.split(".").length === 3) texts.add(signed.split(".")[2] ?? "");
  };

  async function client(format: "json" | "text", instance: World) {
    const log = createAccessLog(format, (line) => said.push(line));
    const server = createHttpServer({ host: instance.ampho.host, log });
    ends.push(() => server.close());
    const url = `${await server.listen(0, "127.0.0.1")}${instance.ampho.host.prefix}`;
    return async (method: string, path: string, body?: Row, headers: Record<string, string> = {}): Promise<Row> => {
      if (body !== undefined) learn(body);
      const json: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
      const init = { method, headers: { ...json, ...headers } };
      const response = await fetch(url + path, body === undefined ? init : { ...init, body: JSON.stringify(body) });
      const text = await response.text();
      const members: Row = text === "" ? {} : JSON.parse(text);
      learn(members);
      for (const cookie of response.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^__Host-ampho-(\w+)=([^;]*)/.exec(cookie) ?? [];
        if (value !== "") learn({ [name]: value });
      }
      // The client needs both of them for the second step.
      const { transaction: _, passkey: _options, ...error } = members;
      if (!response.ok) said.push(JSON.stringify(error));
      return { ...members, status: response.status, cookies: response.headers.getSetCookie() };
    };
  }
  return { said, texts, codes, client };
}

const bearer = ({ token }: Row) => ({ Authorization: `Bearer ${token}` });

type Send = (method: string, path: string, body?: Row, headers?: Record<string, string>) => Promise<Row>;

async function passkeys(send: Send, login: string, world: World): Promise<void> {
  const subject = createSubject(-7, { backupEligible: false });
  const evil = { clientData: { origin: "https://evil.example" } };
  await world.user(login, { password });
  let session = bearer(await send("POST", "/login", { login, password }));
  const begun = await send("POST", "/passkeys/options", {}, session);
  const { challenge, user }: Row = { ...Object(begun["passkey"]) };
  const { id: userHandle }: Row = { ...Object(user) };
  for (const [change, status] of [
    [evil, 401],
    [{}, 200],
    [{}, 401],
  ] as const) {
    const passkey = register(subject, bytesOf(String(challenge)), change);
    const added = await send("POST", "/passkeys", { transaction: begun["transaction"], passkey }, session);
    expect(added["status"]).toBe(status);
    if (status === 200) session = bearer(added);
  }
  const ways = [
    { begin: () => send("GET", "/login"), headers: {} },
    { begin: () => send("POST", "/login", { login, password }), headers: {} },
    { begin: () => send("POST", "/login", {}, session), headers: session },
  ];
  for (const [at, { begin, headers }] of ways.entries()) {
    const asked = await begin();
    const { challenge }: Row = { ...Object(asked["passkey"]) };
    for (const [change, status] of [
      [evil, 401],
      // As from a copy of the authenticator, whose counter is behind.
      ...(at === 0 ? [] : [[{ signCount: at }, 401] as const]),
      [{ signCount: at + 1 }, 200],
      [{ signCount: at + 1 }, 401],
    ] as const) {
      const passkey = authenticate(subject, bytesOf(String(challenge)), { response: { userHandle }, ...change });
      const response = await send("POST", "/login", { transaction: asked["transaction"], passkey }, headers);
      expect(response["status"]).toBe(status);
    }
  }
}

onBothDatabases((ground) => {
  it("no file, table, log, metric or audit row contains a secret of a second factor after every flow", async () => {
    const world = await ground.open({
      factors: { member: "required" },
      throttleAttempts: 1000,
      throttleLock: 1000,
      ...passkeySettings,
    });
    const { said, texts, codes, client } = openClients();
    const instances = { json: world, text: await world.another({ key: { keys: [newKey("key-2"), world.key] } }) };
    for (const format of ["json", "text"] as const) {
      const send = await client(format, instances[format]);
      const [login, member] = [`ann-${format}`, `member-${format}`];
      const user = await world.user(login, { password });
      await world.user(member, { password, roles: ["member"] });
      const code = (seed: unknown) => {
        world.clock.advance(30);
        const shown = codeAt(String(seed), world.clock.now());
        codes.add(shown);
        return shown;
      };

      // A session sets up an app and replaces it.
      const first = await send("POST", "/login", { login, password });
      const begun = await send("POST", "/totp", {}, bearer(first));
      const bad = wrongCode(String(begun["secret"]), world.clock.now());
      await send("POST", "/totp/confirm", { transaction: begun["transaction"], totp: bad }, bearer(first));
      const confirmation = { transaction: begun["transaction"], totp: code(begun["secret"]) };
      const confirmed = await send("POST", "/totp/confirm", confirmation, bearer(first));
      expect(textsOf(confirmed["recovery_codes"])).toHaveLength(8);
      await send("POST", "/totp/confirm", confirmation, bearer(first));

      // Logins in one request, in two, by a recovery code, with a wrong form, on a remembered device.
      const one = { login, password, totp: code(begun["secret"]), remember: true };
      const both = await send("POST", "/login", one);
      expect(both["status"]).toBe(200);
      await send("POST", "/login", one);
      const needed = await send("POST", "/login", { login, password });
      const { transaction } = needed;
      expect(needed["error"]).toBe("factor_needed");
      await send("POST", "/login", { transaction, totp: `x${code(begun["secret"])}` });
      const second = { transaction, totp: code(begun["secret"]) };
      const idempotency = { "Idempotency-Key": "canary-idempotency-key-9c41e7" };
      texts.add(idempotency["Idempotency-Key"]);
      expect((await send("POST", "/login", second, idempotency))["status"]).toBe(200);
      expect((await send("POST", "/login", second, idempotency))["status"]).toBe(200);
      const [spare] = textsOf(confirmed["recovery_codes"]);
      const recovered = await send("POST", "/login", { login, password, recovery_code: spare });
      expect(recovered["recovery_codes_left"]).toBe(7);
      await send("POST", "/login", { login, password, recovery_code: spare });
      await send("POST", "/login", { login, password, recovery_code: `${spare}U` });
      await send("POST", "/login", { login, password: `${password} wrong`, totp: code(begun["secret"]) });
      expect((await send("POST", "/login", { login, password, device: both["device"] }))["status"]).toBe(200);

      // A step-up, asked for and done. Secrets in the wrong place.
      await send("POST", "/login", {}, bearer(confirmed));
      const raised = await send("POST", "/login", { totp: code(begun["secret"]) }, bearer(confirmed));
      expect(raised["status"]).toBe(200);
      await send("GET", `/session?totp=${code(begun["secret"])}&recovery_code=${spare}`);
      await send("GET", "/session", undefined, { Authorization: `Bearer ${transaction}` });
      await send("POST", "/login", { login: spare, password: spare });
      await send("DELETE", `/sessions/${begun["transaction"]}`, undefined, bearer(both));

      // Changes.
      const fresh = await send("POST", "/login", { login, password, totp: code(begun["secret"]) });
      const renewed = bearer(await send("POST", "/recovery-codes", undefined, bearer(fresh)));
      const again = await send("POST", "/totp", {}, renewed);
      const replaced = { transaction: again["transaction"], totp: code(again["secret"]) };
      const changed = await send("POST", "/totp/confirm", replaced, renewed);
      expect(changed["status"]).toBe(200);
      expect((await send("DELETE", "/devices", undefined, bearer(changed)))["status"]).toBe(204);
      expect((await send("POST", "/logout", undefined, bearer(changed)))["status"]).toBe(204);

      // A passkey is registered, and proven alone, as a second factor and for a step-up, each time also wrong.
      await passkeys(send, `key-${format}`, world);

      // A login that must set up an app.
      const pending = await send("POST", "/login", { login: member, password });
      const enrolment = await send("POST", "/totp", { transaction: pending["transaction"] });
      const enrolled = { transaction: enrolment["transaction"], totp: code(enrolment["secret"]) };
      expect(await send("POST", "/totp/confirm", enrolled)).toHaveProperty("refresh_token");
      await world.ampho.factors.remove(user.id, { all: true, reason: "drill" });
    }

    // The same with cookies.
    const cookies = await client("text", await world.another({ cookies: true }));
    await world.user("cook", { password, roles: ["member"] });
    const site = { "sec-fetch-site": "same-origin" };
    const kept = (response: Row) => ({
      ...site,
      cookie: textsOf(response["cookies"])
        .map((one) => one.split(";")[0])
        .join("; "),
    });
    const needed = await cookies("POST", "/login", { login: "cook", password }, site);
    const begun = await cookies("POST", "/totp", {}, kept(needed));
    const totp = codeAt(String(begun["secret"]), world.clock.now());
    expect((await cookies("POST", "/totp/confirm", { totp }, kept(begun)))["status"]).toBe(200);

    const audit = JSON.stringify(await world.ampho.audit.list({ limit: 10_000 }));
    for (const event of [
      "factor_added",
      "factor_removed",
      "factor_replayed",
      "recovery_used",
      "device_remembered",
      "passkey_cloned",
    ])
      expect(audit).toContain(event);
    const dump = await ground.dump(world);
    expect(dump).toContain("factor_added");
    const metrics = Object.values(instances).map(({ ampho }) => ampho.metrics());
    const outputs = {
      dump,
      audit,
      log: said.join("\n"),
      notices: world.notices.join("\n"),
      metrics: metrics.join("\n"),
    };
    expect([texts.size > 200, codes.size > 15]).toEqual([true, true]);
    for (const [where, output] of Object.entries(outputs)) {
      for (const text of texts) expect(output.includes(text), `${where} contains ${text}`).toBe(false);
      for (const code of codes) expect(wordOf(code).test(output), `${where} contains ${code}`).toBe(false);
    }
  });
});
