// Transactions that are dead: used, with five wrong proofs, or of an account that has changed. A response names that first,
// and no proof that comes again is taken for an attack.
import { expect, it } from "vitest";
import { authenticate, createSubject, flag, register } from "../factors/webauthn/authenticator.js";
import { grantOf, password, type World } from "../world/ampho.js";
import { claimsOf, sessionOf } from "../world/tokens.js";
import {
  addPerson,
  asked,
  askedReset,
  begin,
  finishReset,
  type Mailing,
  mailSettings,
  newPassword,
  openMailing,
  otherDigits,
  over,
  wrong,
} from "./mailboxes.js";
import {
  addOwner,
  codeAt,
  type Ground,
  logIn,
  onBothDatabases,
  outcomeOf,
  pendingLogin,
  setUp,
  unthrottled,
  wrongCode,
} from "./owners.js";
import {
  addPasskey,
  assertion,
  beginPasskey,
  type Challenge,
  challengeOf,
  loginPage,
  type PasskeyOwner,
  passkeySettings,
} from "./passkey-owners.js";

const email = "ann@x.example";
const key = (of: string) => ({ "Idempotency-Key": `${of}-0123456789abcdef` });

/** A user with a proven address, and a passkey whose authenticator counts. */
async function addCounting(world: Mailing, login = email): Promise<Omit<PasskeyOwner, "weak"> & { count(): number }> {
  const enrolling = await addPerson(world, login, password);
  const subject = createSubject(-7, { backupEligible: false });
  const { options, added } = await addPasskey(world, enrolling.token, subject);
  expect(added.status, added.text).toBe(200);
  const id = String(claimsOf(enrolling.token)["sub"]);
  let counted = 0;
  return {
    login,
    id,
    subject,
    enrolling,
    recoveryCodes: [],
    handle: options.user?.id ?? "",
    count: () => ++counted,
  };
}

type Counting = Awaited<ReturnType<typeof addCounting>>;

const assert = ({ subject, handle, count }: Counting, { transaction, challenge }: Challenge) => ({
  transaction,
  passkey: authenticate(subject, challenge, { response: { userHandle: handle }, signCount: count() }),
});

/** Each makes a request with an assertion of the passkey. */
const uses = {
  login: async (world: World, owner: Counting) => ({ body: assert(owner, await loginPage(world)) }),
  "second step": async (world: World, owner: Counting) => ({
    body: assert(owner, challengeOf(await logIn(world, owner.login))),
  }),
  "step-up": async (world: World, owner: Counting) => {
    const { token: bearer } = await world.ampho.sessions.create(owner.id, { authTime: world.clock.now() });
    return { body: assert(owner, challengeOf(await world.call("POST", "/login", { body: {}, bearer }))), bearer };
  },
} as const;

const openSessions = async (ground: Ground, world: World) =>
  (await ground.sql(world, "select id from ampho_sessions where ended_at is null")).length;

/** Nothing reports an attack. */
async function expectQuiet(world: Mailing): Promise<void> {
  expect((await world.events()).filter((event) => /cloned|factor_attacked/.test(event))).toEqual([]);
  expect(await world.countMails("passkey_cloned", "factor_attacked")).toBe(0);
}

/** A table of the application with one user. */
const ownTable = {
  find: async (login: string) => ({ id: `id of ${login}`, login, email, emailProven: true }),
  findById: async (id: string) => ({ id, login: id.replace("id of ", ""), email, emailProven: true }),
  verify: async (_: unknown, given: string) => given === password,
};

onBothDatabases((ground) => {
  for (const [name, use] of Object.entries(uses)) {
    it(`a ${name} whose passkey counts is over when it is sent twice, and no copy is suspected`, async () => {
      const world = await openMailing(ground, { ...passkeySettings, ...mailSettings });
      const other = await world.another();
      const ann = await addCounting(world);
      const sent = await use(world, ann);
      grantOf(await world.call("POST", "/login", sent));
      for (const each of [world, other]) expect(outcomeOf(await each.call("POST", "/login", sent))).toEqual(over);
      const before = await openSessions(ground, world);
      const together = await use(world, ann);
      const responses = await Promise.all(
        Array.from({ length: 6 }, (_, n) => (n % 2 === 0 ? world : other).call("POST", "/login", together)),
      );
      expect(responses.map(outcomeOf).sort()).toEqual([[200], ...Array(5).fill(over)]);
      expect(await openSessions(ground, world)).toBeLessThanOrEqual(before + 1);
      await expectQuiet(world);
      // A copy that signs another challenge with an old counter is still reported.
      const { transaction, challenge } = await loginPage(world);
      const passkey = authenticate(ann.subject, challenge, { response: { userHandle: ann.handle }, signCount: 1 });
      expect(outcomeOf(await world.call("POST", "/login", { body: { transaction, passkey } }))).toEqual(wrong);
      expect(await world.events()).toContain("passkey_cloned");
    });
  }

  it("a login with a counting passkey of an own table is over when it is sent twice, and no copy is suspected", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, users: ownTable });
    const { token } = await world.login("ann");
    const subject = createSubject(-7, { backupEligible: false });
    const { options } = await addPasskey(world, token, subject);
    const body = await assertion(world, { subject, handle: options.user?.id ?? "" }, { signCount: 3 });
    grantOf(await world.call("POST", "/login", { body }));
    expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(over);
    await expectQuiet(world);
  });

  it("a new passkey is over when it is sent twice, for a session, a pending login and a registration", async () => {
    const roles = { factors: { "*": "optional", strict: "required" } } as const;
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, ...roles });
    await world.ampho.users.create({ login: "strict", password, roles: ["strict"] });
    const { token: bearer } = await addPerson(world, email, password);
    const own = await beginPasskey(world, bearer);
    const { transaction } = (await logIn(world, "strict")).json;
    const pending = challengeOf(await world.call("POST", "/passkeys/options", { body: { transaction } }));
    const registering = await world.call("POST", "/register", { body: { email: "new@x.example" } });
    const { code } = await world.mail("register", "new@x.example");
    const proofOf = (begun: Challenge) => ({
      transaction: begun.transaction,
      passkey: register(createSubject(-7, { backupEligible: false }), begun.challenge, { signCount: 1 }),
    });
    for (const [path, sent] of [
      ["/passkeys", { body: proofOf(own), bearer }],
      ["/passkeys", { body: proofOf(pending) }],
      ["/register/finish", { body: { ...proofOf(challengeOf(registering)), code } }],
    ] as const) {
      const first = await world.call("POST", path, sent);
      expect(first.status, first.text).toBe(200);
      // The session has new tokens.
      const again = { ...sent, ...("bearer" in sent && { bearer: String(first.json["token"]) }) };
      expect(outcomeOf(await world.call("POST", path, again))).toEqual(over);
    }
    await expectQuiet(world);
  });

  it("a reset with a counting passkey is over when it is sent twice, and no copy is suspected", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings });
    const ann = await addCounting(world);
    for (const proof of ["code", "link"] as const) {
      const { transaction, mail } = await askedReset(world, email);
      const asking = await finishReset(world, { transaction, [proof]: mail[proof] });
      const body = { ...assert(ann, challengeOf(asking)), transaction, [proof]: mail[proof] };
      expect((await finishReset(world, body)).status).toBe(204);
      expect(outcomeOf(await finishReset(world, body))).toEqual(over);
    }
    await expectQuiet(world);
  });

  it("an Idempotency-Key without the proof of its request, or with another one, gets no tokens", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, ...unthrottled });
    const other = await world.another();
    const bob = await addOwner(world, "bob");
    const ann = await addCounting(world);
    const [page, needed] = [await loginPage(world), challengeOf(await logIn(world, email))];
    const again = async (begun: Challenge) => ({ ...assert(ann, begun), transaction: begun.transaction });
    const totp = await pendingLogin(world, "bob");
    const recovery = await pendingLogin(world, "bob");
    const totpCode = bob.nextCode();
    const cases = {
      "an authenticator app": {
        right: { transaction: totp, totp: totpCode },
        others: [
          { transaction: totp },
          { transaction: totp, totp: wrongCode(bob.secret, world.clock.now()) },
          { transaction: totp, recovery_code: bob.recoveryCodes[0] },
        ],
      },
      "a recovery code": {
        right: { transaction: recovery, recovery_code: bob.recoveryCodes[1] },
        others: [{ transaction: recovery }, { transaction: recovery, recovery_code: bob.recoveryCodes[2] }],
      },
      "a passkey as the second factor": {
        right: await again(needed),
        others: [{ transaction: needed.transaction }, await again(needed)],
      },
      "a passkey alone": { right: await again(page), others: [{ transaction: page.transaction }, await again(page)] },
    };
    for (const [name, { right, others }] of Object.entries(cases)) {
      const headers = key(name.replaceAll(" ", "-"));
      const first = grantOf(await world.call("POST", "/login", { body: right, headers }));
      const open = await openSessions(ground, world);
      for (const each of [world, other])
        for (const body of others)
          expect([name, body, ...outcomeOf(await each.call("POST", "/login", { body, headers }))]).toEqual([
            name,
            body,
            ...over,
          ]);
      const repeated = grantOf(await other.call("POST", "/login", { body: right, headers }));
      expect([name, sessionOf(repeated)]).toEqual([name, sessionOf(first)]);
      expect(await openSessions(ground, world)).toBe(open);
    }
    await expectQuiet(world);
  });

  it("the key of a mailed code, a registration or a set-up gets no tokens without its proof", async () => {
    const roles = { factors: { "*": "optional", strict: "required" } } as const;
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, ...roles });
    await addPerson(world, email, password);
    await world.ampho.users.create({ login: "strict", password, roles: ["strict"] });
    const login = await asked(world, email);
    const linked = await asked(world, email);
    const registering = await begin(world, "/register", { email: "new@x.example" });
    const { code } = await world.mail("register", "new@x.example");
    const { transaction: pending } = (await logIn(world, "strict")).json;
    const { secret, transaction } = (await world.call("POST", "/totp", { body: { transaction: pending } })).json;
    const totp = codeAt(String(secret), world.clock.now());
    const [byCode, byLink] = [login.transaction, linked.transaction];
    const cases: readonly (readonly [string, object, ...object[]])[] = [
      [
        "/login",
        { transaction: byCode, code: login.mail.code },
        { transaction: byCode },
        { transaction: byCode, code: otherDigits(login.mail.code) },
      ],
      [
        "/login",
        { transaction: byLink, link: linked.mail.link },
        { transaction: byLink },
        { transaction: byLink, code: linked.mail.code },
      ],
      [
        "/register/finish",
        { transaction: registering.transaction, code, password },
        { transaction: registering.transaction, code: otherDigits(code), password },
        { transaction: registering.transaction, code, password: newPassword },
      ],
      ["/totp/confirm", { transaction, totp }, { transaction, totp: wrongCode(String(secret), world.clock.now()) }],
    ];
    for (const [at, [path, right, ...others]] of cases.entries()) {
      const headers = key(`case${at}`);
      expect((await world.call("POST", path, { body: right, headers })).status).toBe(200);
      for (const body of others)
        expect([path, body, ...outcomeOf(await world.call("POST", path, { body, headers }))]).toEqual([
          path,
          body,
          ...over,
        ]);
    }
  });

  it("a dead transaction alone is over, and one that lives gets the same response again", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...unthrottled });
    const ann = await addOwner(world, "ann");
    const alone = async (transaction: unknown, bearer?: string) =>
      outcomeOf(await world.call("POST", "/login", { body: { transaction }, bearer }));
    const deaths = {
      used: async (transaction: string) =>
        void grantOf(await world.call("POST", "/login", { body: { transaction, totp: ann.nextCode() } })),
      "five wrong codes": async (transaction: string) => {
        for (let n = 0; n < 5; n += 1) {
          const body = { transaction, totp: wrongCode(ann.secret, world.clock.now()) };
          expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(wrong);
        }
        // A right proof of another kind does not help.
        const body = { transaction, recovery_code: ann.recoveryCodes[0] };
        expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(over);
      },
      "a changed factor": async () => {
        const { token } = grantOf(await logIn(world, "ann", { totp: ann.nextCode() }));
        expect((await addPasskey(world, token, createSubject(-7))).added.status).toBe(200);
      },
      "removed factors": () => world.ampho.factors.remove(ann.id, { all: true, reason: "A test removes them." }),
    };
    for (const [name, kill] of Object.entries(deaths)) {
      const { token: bearer } = await world.ampho.sessions.create(ann.id, { authTime: world.clock.now() });
      const { transaction: raising } = (await world.call("POST", "/login", { body: {}, bearer })).json;
      const transaction = await pendingLogin(world, "ann");
      expect(await alone(transaction)).toEqual([401, "factor_needed"]);
      expect(await alone(raising, bearer)).toEqual([401, "factor_needed"]);
      await kill(transaction);
      expect([name, ...(await alone(transaction))]).toEqual([name, ...over]);
      if (name.includes("factor")) expect([name, ...(await alone(raising, bearer))]).toEqual([name, ...over]);
    }
  });

  it("a transaction with five wrong codes takes no passkey", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, ...unthrottled });
    const ann = await addCounting(world);
    const needed = challengeOf(await logIn(world, email));
    for (let n = 0; n < 5; n += 1) {
      const body = { transaction: needed.transaction, recovery_code: "0".repeat(24) };
      expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(wrong);
    }
    expect(outcomeOf(await world.call("POST", "/login", { body: assert(ann, needed) }))).toEqual(over);
    const fresh = challengeOf(await logIn(world, email));
    expect((await world.call("POST", "/login", { body: assert(ann, fresh) })).status).toBe(200);
  });

  it("a dead transaction is named before a wrong proof, at every route that redeems one", async () => {
    const roles = { factors: { "*": "optional", strict: "required" } } as const;
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, ...unthrottled, ...roles });
    const bob = await addOwner(world, "bob");
    const ann = await addCounting(world);
    await world.ampho.users.create({ login: "strict", password, roles: ["strict"] });
    const badly = (passkey: { readonly response: object }) => ({
      ...passkey,
      response: { ...passkey.response, signature: "AAAA" },
    });

    const second = await pendingLogin(world, "bob");
    const needed = assert(ann, challengeOf(await logIn(world, email)));
    const page = assert(ann, await loginPage(world));
    await addPerson(world, "carl@x.example", password);
    const login = await asked(world, "carl@x.example");
    const linked = await asked(world, "carl@x.example");
    const registering = await begin(world, "/register", { email: "new@x.example" });
    const { code } = await world.mail("register", "new@x.example");
    const { transaction: pending } = (await logIn(world, "strict")).json;
    const begun = (await world.call("POST", "/totp", { body: { transaction: pending } })).json;
    const [secret, setting] = [String(begun["secret"]), begun["transaction"]];
    const { token: bearer } = await world.ampho.sessions.create(bob.id, { acr: "2fa", authTime: world.clock.now() });
    const another = await setUp(world, bearer);
    const keyed = await beginPasskey(world, bearer);
    const added = register(createSubject(-7), keyed.challenge);
    const unknown = authenticate(createSubject(-7), (await loginPage(world)).challenge);

    const cases: readonly (readonly [string, () => object, object, string?])[] = [
      ["/login", () => ({ transaction: second, totp: bob.nextCode() }), { totp: "999999" }],
      ["/login", () => needed, { passkey: badly(needed.passkey) }],
      ["/login", () => page, { passkey: badly(page.passkey) }],
      ["/login", () => ({ ...login, mail: undefined, code: login.mail.code }), { code: otherDigits(login.mail.code) }],
      ["/login", () => ({ ...linked, mail: undefined, link: linked.mail.link }), { link: `${linked.mail.link}A` }],
      ["/register/finish", () => ({ ...registering, code, password }), { code: otherDigits(code) }],
      ["/totp/confirm", () => ({ transaction: setting, totp: codeAt(secret, world.clock.now()) }), { totp: "999999" }],
      [
        "/totp/confirm",
        () => ({ ...another, totp: codeAt(another.secret, world.clock.now()) }),
        { totp: "999999" },
        bearer,
      ],
    ];
    let renewed = "";
    for (const [path, begin, change, token] of cases) {
      const right = begin();
      const first = await world.call("POST", path, { body: right, bearer: token });
      expect(first.status, path).toBe(200);
      const body = { ...right, ...change };
      // The session has new tokens.
      if (token !== undefined) renewed = String(first.json["token"]);
      const response = await world.call("POST", path, { body, bearer: token && renewed });
      expect([path, change, ...outcomeOf(response)]).toEqual([path, change, ...over]);
    }
    // The first set-up of this session has changed the factors since.
    for (const passkey of [added, badly(added)]) {
      const body = { transaction: keyed.transaction, passkey };
      expect(outcomeOf(await world.call("POST", "/passkeys", { body, bearer: renewed }))).toEqual(over);
    }
    for (const { transaction } of [needed, page]) {
      const body = { transaction, passkey: unknown };
      expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(over);
    }
    await expectQuiet(world);
  });

  it("a second step with the only passkey is over when an operator removes it between the steps", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings });
    const ann = await addCounting(world);
    const sent = assert(ann, challengeOf(await logIn(world, email)));
    const alone = assert(ann, await loginPage(world));
    await world.ampho.factors.remove(ann.id, { all: true, reason: "A test removes it." });
    expect(outcomeOf(await world.call("POST", "/login", { body: sent }))).toEqual(over);
    // A login by passkey alone names no account before, so its transaction lives.
    expect(outcomeOf(await world.call("POST", "/login", { body: alone }))).toEqual([401, "unknown_passkey"]);
  });

  it("a passkey alone without user verification is wrong, and uses its transaction up", async () => {
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings });
    const ann = await addCounting(world);
    const { transaction, challenge } = await loginPage(world);
    const response = { userHandle: ann.handle };
    const flags = flag.up;
    const body = { transaction, passkey: authenticate(ann.subject, challenge, { response, flags, signCount: 1 }) };
    expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(wrong);
    expect(outcomeOf(await world.call("POST", "/login", { body }))).toEqual(over);
    await expectQuiet(world);
  });

  it("the transaction of an enrolment alone gets the same response again until it is dead", async () => {
    const roles = { factors: { "*": "optional", strict: "required" } } as const;
    const world = await openMailing(ground, { ...passkeySettings, ...mailSettings, ...roles });
    await world.ampho.users.create({ login: "strict", password, roles: ["strict"] });
    await addPerson(world, email, password);
    await world.ampho.users.setRoles(email, ["strict"]);
    const alone = async (transaction: unknown) => world.call("POST", "/login", { body: { transaction } });
    for (const [login, mailed] of [
      ["strict", {}],
      [email, { mail: true }],
    ] as const) {
      const needed = await logIn(world, login);
      const { transaction } = needed.json;
      expect(needed.json).toMatchObject({ error: "factor_needed", enroll: true, ...mailed });
      expect((await alone(transaction)).json).toEqual(needed.json);
      const code = "mail" in mailed ? (await world.mail("enroll", email)).code : undefined;
      const begun = await world.call("POST", "/totp", { body: { transaction, code } });
      const totp = codeAt(String(begun.json["secret"]), world.clock.now());
      const confirm = { transaction: begun.json["transaction"], totp };
      // That transaction has a secret of its own, and is good for the confirmation alone.
      expect(outcomeOf(await alone(confirm.transaction))).toEqual(over);
      const { token } = grantOf(await world.call("POST", "/totp/confirm", { body: confirm }));
      const amr = ["pwd", ...("mail" in mailed ? ["mail"] : []), "otp", "mfa"];
      expect(claimsOf(token)).toMatchObject({ amr, acr: "2fa" });
      expect(outcomeOf(await alone(transaction))).toEqual(over);
    }
  });
});
