// A login at an outside provider whose response is lost. With the same Idempotency-Key it returns the tokens again
// (docs/reference/contract.md §4), although the provider accepts its code once.
import { expect, it } from "vitest";
import type { ApplicationUser } from "../../dist/index.js";
import { startInstance } from "../ampho/processes.js";
import { grantOf, password, type ReadResponse } from "../world/ampho.js";
import { runningClock } from "../world/clock.js";
import { json } from "../world/evil-provider.js";
import { claimsOf } from "../world/tokens.js";
import { over } from "./mailboxes.js";
import { addLinked, begin, begunOf, codeOf, type Outside, openOutside, signIn } from "./outside.js";
import { type Ground, onBothDatabases, outcomeOf, wrong } from "./owners.js";

const key = "an-idempotency-key-of-a-client-1";
const verified = { email: "ann@acme.example", email_verified: true };
const sessionOf = (response: ReadResponse) => claimsOf(grantOf(response).token)["sid"];

/** Accepts each code once, as a provider does. */
function acceptOnce({ evil }: Pick<Outside, "evil">): void {
  const good = evil.token;
  const used = new Set<string>();
  evil.token = (claims) => {
    const code = evil.tokenRequests.at(-1)?.get("code") ?? "";
    const respond = used.has(code) ? json({ error: "invalid_grant" }, 400) : good(claims);
    used.add(code);
    return respond;
  };
}

/** Links the identity `ann` to a user who has no session. */
const link = ({ world, evil }: Outside, ground: Ground, userId: string) =>
  ground.sql(
    world,
    `insert into ampho_identities (issuer, subject, user_id, provider, created_at)
     values ('${evil.issuer}', 'ann', '${userId}', 'acme', 1)`,
  );

/** A login that was begun. `finish` sends its response with a key, and with these changes. */
async function beginLogin(outside: Outside, claims: object) {
  const { world, evil } = outside;
  const { transaction, state, nonce } = await begin(world);
  evil.claims = { nonce, ...claims };
  const response = { provider: "acme", code: `code of ${state}`, state };
  const finish = (changed: object = {}, idempotencyKey: string | undefined = key, token = transaction) =>
    world.call("POST", "/login", {
      body: { transaction: token, outside: { ...response, ...changed } },
      headers: { "Idempotency-Key": idempotencyKey },
    });
  return { transaction, finish };
}

onBothDatabases((ground) => {
  it("the same key returns the tokens of the same session for a minute, and no code is sent to the provider again", async () => {
    const outside = await openOutside(ground);
    const { world, evil } = outside;
    await addLinked(outside, "ann");
    acceptOnce(outside);
    const { finish } = await beginLogin(outside, { sub: "ann" });
    const first = await finish();
    const requests = evil.tokenRequests.length;
    const again = await finish();
    expect(sessionOf(again)).toBe(sessionOf(first));
    expect(evil.tokenRequests).toHaveLength(requests);
    expect((await world.renew(grantOf(again).refresh_token)).status).toBe(200);
    // A renewal has moved the session on, and the tokens are those of before.
    expect(outcomeOf(await finish())).toEqual(over);

    const late = await beginLogin(outside, { sub: "ann" });
    grantOf(await late.finish());
    world.clock.advance(61);
    expect(outcomeOf(await late.finish())).toEqual(over);
  });

  it("the key returns nothing without the transaction, the state and the code of its login", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await addLinked(outside, "ann");
    await addLinked(outside, "eve");
    acceptOnce(outside);
    const { finish, transaction } = await beginLogin(outside, { sub: "ann" });
    grantOf(await finish());
    const other = await begin(world);
    const attempts = [
      finish({ code: "another" }),
      finish({ state: other.state }),
      finish({ provider: "other" }),
      finish({ iss: "https://other.example" }),
      finish({}, "another-idempotency-key-of-a-client"),
      finish({}, key, other.transaction),
      finish({ state: other.state }, key, other.transaction),
    ];
    for (const { status } of await Promise.all(attempts)) expect(status).toBe(401);
    for (const body of [{ transaction }, { transaction, code: "12345678" }, { transaction, totp: "123456" }])
      expect((await world.call("POST", "/login", { body, headers: { "Idempotency-Key": key } })).status).toBe(401);
    // The same key at another login is that of another request.
    const eve = await beginLogin(outside, { sub: "eve" });
    expect((await world.ampho.verify(grantOf(await eve.finish()).token)).login).toBe("eve");
  });

  it("a session that has ended and a user who was disabled get no tokens again", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await addLinked(outside, "ann");
    acceptOnce(outside);
    const ended = await beginLogin(outside, { sub: "ann" });
    const { token } = grantOf(await ended.finish());
    expect((await world.call("POST", "/logout", { bearer: token })).status).toBe(204);
    expect(outcomeOf(await ended.finish())).toEqual(over);
    const disabled = await beginLogin(outside, { sub: "ann" });
    grantOf(await disabled.finish());
    await world.ampho.users.disable("ann");
    expect(outcomeOf(await disabled.finish())).toEqual(over);
  });

  it("requests with one key at once get one session", async () => {
    const outside = await openOutside(ground);
    await addLinked(outside, "ann");
    acceptOnce(outside);
    const { finish } = await beginLogin(outside, { sub: "ann" });
    const all = await Promise.all([finish(), finish(), finish()]);
    const granted = all.filter(({ status }) => status === 200);
    expect(new Set(granted.map(sessionOf)).size).toBe(1);
    expect(sessionOf(await finish())).toBe(sessionOf(granted[0] as ReadResponse));
  });

  it("an account that the login has created, at once or by the mailed code, gets its tokens again", async () => {
    const options = { registration: "open" } as const;
    const outside = await openOutside(ground, { options, acme: { address: "believed" } });
    const { world } = outside;
    acceptOnce(outside);
    const { finish } = await beginLogin(outside, { sub: "s-1", ...verified });
    expect(sessionOf(await finish())).toBe(sessionOf(await finish()));

    const claims = { sub: "s-2", email: "bob@acme.example", email_verified: true };
    const { transaction } = (await signIn(outside, { provider: "other", claims })).json;
    const code = await codeOf(outside, "bob@acme.example");
    const byCode = (sent: string, idempotencyKey = key) =>
      world.call("POST", "/login", {
        body: { transaction, code: sent },
        headers: { "Idempotency-Key": idempotencyKey },
      });
    const first = await byCode(code);
    expect(sessionOf(await byCode(code))).toBe(sessionOf(first));
    expect((await byCode(code === "00000000" ? "11111111" : "00000000")).status).toBe(401);
    expect((await byCode(code, "another-idempotency-key-of-a-client")).status).toBe(401);
    expect(await ground.sql(world, "select id from ampho_sessions")).toHaveLength(2);
  });

  it("a login by password that links the identity gets its tokens again, and only with the password", async () => {
    const outside = await openOutside(ground);
    const { world } = outside;
    await world.user("ann@acme.example", { password });
    const { transaction } = (await signIn(outside, { claims: { sub: "s-1", ...verified } })).json;
    const byPassword = (word: string) =>
      world.call("POST", "/login", {
        body: { transaction, login: "ann@acme.example", password: word },
        headers: { "Idempotency-Key": key },
      });
    const first = await byPassword(password);
    expect(outcomeOf(await byPassword("wrong"))).toEqual(wrong);
    expect(sessionOf(await byPassword(password))).toBe(sessionOf(first));
  });

  it("a user of an own table gets the tokens again, unless the application has disabled the user", async () => {
    const row = { id: "7", login: "ann@acme.example", email: verified.email, emailProven: true, disabled: false };
    const users = { find: async (): Promise<ApplicationUser> => row, verify: async () => true };
    const outside = await openOutside(ground, { options: { users }, acme: { domains: ["acme.example"] } });
    acceptOnce(outside);
    const { finish } = await beginLogin(outside, { sub: "s-1", ...verified });
    expect(sessionOf(await finish())).toBe(sessionOf(await finish()));
    row.disabled = true;
    expect(outcomeOf(await finish())).toEqual(over);
  });

  it("a callback whose response was lost sets the cookies with the tokens when the browser repeats it", async () => {
    const outside = await openOutside(ground, { options: { cookies: true } });
    const { world, evil } = outside;
    const { id } = await world.user("ann", { password });
    await link(outside, ground, id);
    acceptOnce(outside);
    const begun = await world.call("POST", "/login/outside", {
      body: { provider: "acme" },
      headers: { origin: "https://app.example", host: "app.example" },
    });
    const { state, nonce } = begunOf(begun);
    evil.claims = { nonce, sub: "ann" };
    const [cookie = ""] = begun.headers.getSetCookie()[0]?.split(";") ?? [];
    const callback = (query: string) =>
      world.call("GET", `/login/outside/acme/callback?${query}`, { headers: { cookie } });
    const cookiesOf = ({ headers }: ReadResponse) => headers.getSetCookie().filter((set) => /-token=[^;]/.test(set));
    const query = `code=c-1&state=${state}`;
    for (let at = 0; at < 2; at++) expect(cookiesOf(await callback(query))).toHaveLength(1);
    expect(cookiesOf(await callback(query.replace("c-1", "c-2")))).toEqual([]);
    expect(await ground.sql(world, "select id from ampho_sessions")).toHaveLength(1);
  });

  it("a process that is killed when the login is stored leaves it to the next one, which returns its tokens", async () => {
    const clock = runningClock();
    const outside = await openOutside(ground, { options: { clock } });
    const { world, evil } = outside;
    const { id } = await world.user("ann", { password });
    await link(outside, ground, id);
    await world.ampho.close();
    acceptOnce(outside);
    const settings = { client_id: "client-1", client_secret: "a secret", issuer: evil.issuer };
    const options = { appUrl: "https://app.example/", providers: { acme: settings }, databaseMigrate: "off" };
    const start = () => startInstance(world, { ...options, databaseUrl: ground.urlOf(world) });
    const first = await start();
    const [begun] = await first.all([{ method: "POST", path: "/login/outside", body: { provider: "acme" } }]);
    const { url, transaction } = JSON.parse(begun?.text ?? "");
    const { searchParams } = new URL(url);
    evil.claims = { nonce: searchParams.get("nonce"), sub: "ann", iat: clock.now(), exp: clock.now() + 300 };
    const request = {
      method: "POST",
      path: "/login",
      body: { transaction, outside: { provider: "acme", code: "c-1", state: searchParams.get("state") } },
      headers: { "Idempotency-Key": key },
    };
    void first.all([request]);
    const sessions = async () => (await ground.sql(world, "select id from ampho_sessions")).length;
    await expect.poll(sessions, { interval: 5 }).toBe(1);
    await first.kill();
    const second = await start();
    const [again] = await second.all([request]);
    expect([again?.status, await sessions()]).toEqual([200, 1]);
    expect(evil.tokenRequests.filter((sent) => sent.get("code") === "c-1")).toHaveLength(1);
  });
});
