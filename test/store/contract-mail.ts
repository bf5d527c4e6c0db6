import { expect, it } from "vitest";
import { mailKinds } from "../../dist/mail/texts/kinds.js";
import type { AddressChange } from "../../dist/store/sql/account/mailbox-changes.js";
import type { Invitation } from "../../dist/store/sql/effects/registrations.js";
import { mailboxIdOf } from "../../dist/store/sql/rows/mail-rows.js";
import type { MailOutcome } from "../../dist/store/sql/upkeep/mail.js";
import type { Store } from "../../dist/store/store.js";
import type { Opened } from "./contract.js";
import {
  addUser,
  ann,
  attempt,
  emailOf,
  eventsOf,
  invitation,
  login,
  mailRequest,
  openSession,
  operator,
  origin,
  ownSession,
  revoking,
  start,
} from "./fixtures.js";

const bob = { id: "u-bob", login: "Bob", canonical: "bob" };
const taking = { now: start, holdSeconds: 60, limit: 10, pages: "", kinds: mailKinds, except: [] };
const numbersOf = (mails: readonly { readonly n: number }[]) => mails.map(({ n }) => n);
const spend = (hash: string) => ({ hash, until: start + 660, idempotency: undefined });
const mailTo = (address: string) => ({ draft: { ...mailRequest().draft, address } });

export function mailContract(store: Opened): void {
  it("a request writes its mail, its count and its audit row together", async () => {
    await store().queueMail(mailRequest());
    const [mail] = await store().takeMail(taking);
    expect(mail).toEqual({ ...mailRequest().draft, n: 1, tries: 1 });
    const again = {
      ...attempt({ sources: [] }),
      now: start,
      origin,
      event: "mail_throttled",
      account: { canonical: "ann" },
    } as const;
    const counters = [{ key: "login:ann", kind: "mail", freeAttempts: 1, everySeconds: 60 }] as const;
    expect(await store().allowAttempt({ ...again, counters })).toMatchObject({ outcome: "rejected", by: "mail" });
    expect(await eventsOf(store())).toEqual(["mail_queued", "mail_throttled mail"]);
  });

  it("a mail that the caller still sends is left to another process when its time is over", async () => {
    await store().queueMail(mailRequest());
    await store().takeMail(taking);
    expect(await store().takeMail({ ...taking, now: start + 60, except: [1, 7] })).toEqual([]);
    expect(numbersOf(await store().takeMail({ ...taking, now: start + 60, except: [7] }))).toEqual([1]);
  });

  it("a mail for a later day is neither taken nor counted before it", async () => {
    await store().queueMail(mailRequest({ draft: { ...mailRequest().draft, sendAt: start + 60, until: start + 90 } }));
    expect(await store().takeMail({ ...taking, now: start + 59 })).toEqual([]);
    expect(await store().readOutbox({ now: start + 59 })).toEqual({ waiting: 0, oldestAt: undefined });
    expect(await store().readOutbox({ now: start + 60 })).toEqual({ waiting: 1, oldestAt: start + 60 });
    expect(numbersOf(await store().takeMail({ ...taking, now: start + 60 }))).toEqual([1]);
  });

  it("the code for another address waits for the notices to the present one, and half a day more", async () => {
    const [hour, until] = [3600, start + 9 * 86_400];
    for (const [kind, userId, sendAt] of [
      ["email_later", ann.id, start + hour],
      ["email_leaving", ann.id, start],
      ["email_leaving", ann.id, start + hour - 60],
      ["email_later", "u-bob", start + hour],
    ] as const)
      await store().queueMail(mailRequest({ draft: { ...mailRequest().draft, kind, userId, sendAt, until } }));
    const take = (now: number) => store().takeMail({ ...taking, now });
    const settle = async (now: number, outcome: MailOutcome) => {
      const taken = await take(now);
      for (const mail of taken) await store().settleMail({ mail, outcome, now });
      return numbersOf(taken);
    };
    // No mail can be sent for two hours. Another user's notices are sent already.
    expect(await settle(start, { failure: "busy", retryAt: start + 2 * hour })).toEqual([2]);
    expect(await settle(start + hour, { failure: "busy", retryAt: start + 2 * hour })).toEqual([3, 4]);
    const back = start + 2 * hour;
    expect(await settle(back, { failure: "busy", retryAt: back + 5 })).toEqual([2, 3, 4]);
    expect(await settle(back + 5, { sent: true })).toEqual([2, 3, 4]);
    expect(await take(back + 5 + 12 * hour - 1)).toEqual([]);
    expect(await store().readOutbox({ now: back + 5 + 12 * hour - 1 })).toMatchObject({ waiting: 0 });
    expect(numbersOf(await take(back + 5 + 12 * hour))).toEqual([1]);
  });

  it("a notice that can never be sent, or was sent in time, does not delay the code for another address", async () => {
    const day = 86_400;
    for (const [kind, sendAt] of [
      ["email_leaving", start],
      ["email_leaving", start + day],
      ["email_later", start + 2 * day],
    ] as const)
      await store().queueMail(mailRequest({ draft: { ...mailRequest().draft, kind, sendAt, until: start + 9 * day } }));
    const [first] = await store().takeMail(taking);
    if (!first) throw new Error("no mail was taken");
    await store().settleMail({ mail: first, outcome: { failure: "no such mailbox", retryAt: undefined }, now: start });
    const [second] = await store().takeMail({ ...taking, now: start + day });
    if (!second) throw new Error("no mail was taken");
    await store().settleMail({ mail: second, outcome: { sent: true }, now: start + day });
    expect(numbersOf(await store().takeMail({ ...taking, now: start + 2 * day }))).toEqual([3]);
  });

  it("a request without an address counts, and writes no mail", async () => {
    await store().queueMail(mailRequest(mailTo("")));
    expect(await store().takeMail(taking)).toEqual([]);
    expect(await store().readOutbox({ now: start })).toEqual({ waiting: 0, oldestAt: undefined });
    expect(await eventsOf(store())).toEqual(["mail_queued"]);
  });

  it("a mail is taken by one of many processes, and by another one after the time of the first", async () => {
    for (const name of ["a", "b", "c"]) await store().queueMail(mailRequest(mailTo(`${name}@x.example`)));
    const turns = await Promise.all([1, 2, 3, 4].map(() => store().takeMail({ ...taking, limit: 2 })));
    expect(turns.flatMap(numbersOf).sort()).toEqual([1, 2, 3]);
    expect(await store().takeMail({ ...taking, now: start + 59 })).toEqual([]);
    const later = await store().takeMail({ ...taking, now: start + 60 });
    expect(later.map(({ n, tries }) => [n, tries])).toEqual([1, 2, 3].map((n) => [n, 2]));
  });

  it("a mail of a kind that a program does not know waits for the program that knows it", async () => {
    const later = { ...mailRequest().draft, kind: "of_a_later_program" };
    await store().queueMail(mailRequest({ draft: later }));
    await store().queueMail(mailRequest());
    expect(numbersOf(await store().takeMail(taking))).toEqual([2]);
    const taken = await store().takeMail({ ...taking, kinds: [...mailKinds, later.kind] });
    expect(taken.map(({ n, tries }) => [n, tries])).toEqual([[1, 1]]);
  });

  it("mails that are too old take no turn from the mails that can be sent", async () => {
    const old = { draft: { ...mailRequest().draft, until: start + 1 } };
    for (let n = 0; n < 25; n += 1) await store().queueMail(mailRequest(old));
    await store().queueMail(mailRequest());
    const taken = await store().takeMail({ ...taking, now: start + 5, limit: 1 });
    expect(taken.map(({ n }) => n)).toEqual([26]);
    expect((await store().readOutbox({ now: start })).waiting).toBe(1);
    expect((await eventsOf(store())).filter((event) => event === "mail_dropped expired")).toHaveLength(25);
  });

  it("a mail that was dropped is not taken again after a late failure of another process", async () => {
    await store().queueMail(mailRequest());
    const [mail] = await store().takeMail(taking);
    if (!mail) throw new Error("no mail was taken");
    await store().settleMail({ mail, outcome: { failure: "rejected", retryAt: undefined }, now: start + 60 });
    await store().settleMail({ mail, outcome: { failure: "late", retryAt: start + 61 }, now: start + 61 });
    expect(await store().takeMail({ ...taking, now: start + 100 })).toEqual([]);
  });

  it("a mail that was sent keeps no address and no claims, and is never taken again", async () => {
    await store().queueMail(mailRequest());
    const [mail] = await store().takeMail(taking);
    if (!mail) throw new Error("no mail was taken");
    await store().settleMail({ mail, outcome: { sent: true }, now: start + 1 });
    // A process that was slow reports a failure of the same mail.
    await store().settleMail({ mail, outcome: { failure: "late", retryAt: start + 2 }, now: start + 1 });
    expect(await store().takeMail({ ...taking, now: start + 100 })).toEqual([]);
    expect(await store().listMail({ limit: 10 })).toEqual([
      {
        n: 1,
        at: start,
        kind: "login",
        userId: ann.id,
        tries: 1,
        nextAt: null,
        sentAt: start + 1,
        failure: null,
      },
    ]);
    expect(await eventsOf(store())).toEqual(["mail_queued", "mail_sent", "mail_failed late"]);
  });

  it("a mail that failed is taken again at its time, and one that failed for good is dropped", async () => {
    for (const name of ["a", "b"]) await store().queueMail(mailRequest(mailTo(`${name}@x.example`)));
    const [first, second] = await store().takeMail(taking);
    if (!first || !second) throw new Error("no mail was taken");
    await store().settleMail({ mail: first, outcome: { failure: "busy", retryAt: start + 5 }, now: start });
    await store().settleMail({ mail: second, outcome: { failure: "no such mailbox", retryAt: undefined }, now: start });
    expect(await store().readOutbox({ now: start })).toEqual({ waiting: 1, oldestAt: start });
    expect(await store().takeMail({ ...taking, now: start + 4 })).toEqual([]);
    expect(numbersOf(await store().takeMail({ ...taking, now: start + 5 }))).toEqual([first.n]);
    expect((await store().listMail({ limit: 10 })).map(({ failure }) => failure)).toEqual(["busy", "no such mailbox"]);
    expect(await eventsOf(store())).toEqual([
      "mail_queued",
      "mail_queued",
      "mail_failed busy",
      "mail_dropped no such mailbox",
    ]);
  });

  it("a mail whose time is over is dropped and not sent", async () => {
    const { draft } = mailRequest();
    await store().queueMail(mailRequest({ draft: { ...draft, until: start + 10 } }));
    expect(await store().takeMail({ ...taking, now: start + 10 })).toEqual([]);
    expect(await store().listMail({ limit: 1 })).toMatchObject([{ nextAt: null, sentAt: null, failure: "expired" }]);
    expect(await eventsOf(store())).toEqual(["mail_queued", "mail_dropped expired"]);
  });

  it("the newest mails are listed in the order in which they were written", async () => {
    for (const name of ["a", "b", "c"]) await store().queueMail(mailRequest(mailTo(`${name}@x.example`)));
    expect(numbersOf(await store().listMail({ limit: 2 }))).toEqual([2, 3]);
  });

  it("a user is found by the address, and by a login that is an address", async () => {
    await addUser(store(), { email: emailOf("ann@x.example") });
    await addUser(store(), { ...bob, login: "bob@x.example", canonical: "bob@x.example" });
    expect(await store().findUserByAddress("ann@x.example")).toMatchObject({ id: ann.id });
    expect(await store().findUserByAddress("bob@x.example")).toMatchObject({ id: bob.id, email: undefined });
    expect(await store().findUserByAddress("eve@x.example")).toBeUndefined();
  });

  it("a login and an address of two users exclude each other, also at the same moment", async () => {
    const create = (id: string, login: string, email?: ReturnType<typeof emailOf>) => {
      const user = { id, login, canonical: login, passwordHash: null, roles: [], email };
      return store().createUser({ user, now: start, origin: operator });
    };
    const ofUser = async (userId: string, email?: ReturnType<typeof emailOf>) => {
      const { outcome } = await store().setEmail({
        userId,
        email,
        ownUser: undefined,
        own: undefined,
        spend: undefined,
        attempt: undefined,
        now: start,
        origin: operator,
      });
      return outcome;
    };
    await create("u-1", "ann@x.example");
    expect(await create("u-2", "bob", emailOf("ann@x.example"))).toBe("email_taken");
    await create("u-2", "bob", emailOf("bob@x.example"));
    expect(await create("u-3", "bob@x.example")).toBe("login_taken");
    expect(await ofUser("u-2", emailOf("ann@x.example"))).toBe("taken");
    // The login counts no more, because its user has another address. Afterwards that user cannot be without one.
    expect(await ofUser("u-1", emailOf("new@x.example"))).toBe("done");
    expect(await store().findUserByAddress("ann@x.example")).toBeUndefined();
    expect(await ofUser("u-2", emailOf("ann@x.example"))).toBe("done");
    expect(await store().findUserByAddress("ann@x.example")).toMatchObject({ id: "u-2" });
    expect(await ofUser("u-1")).toBe("taken");
    for (let round = 0; round < 10; round += 1) {
      const name = `same-${round}@x.example`;
      const outcomes = await Promise.all([
        create(`l-${round}`, name),
        create(`e-${round}`, `e-${round}`, emailOf(name)),
        ofUser("u-2", emailOf(name)),
      ]);
      expect(outcomes.filter((outcome) => outcome === "created" || outcome === "done")).toHaveLength(1);
    }
  });

  resetContract(store);
  emailContract(store);
  registrationContract(store);
}

const alarm = {
  userId: ann.id,
  mailbox: mailboxIdOf(ann.id, emailOf("ann@x.example", start)),
  ownUser: undefined,
  spend: spend("alarm"),
  attempt: attempt(),
  reset: { claims: { jti: "j" }, language: "en", until: start + 600 },
  now: start,
  origin,
};

function resetContract(store: Opened): void {
  const reset = (changes: object = {}) => ({
    userId: ann.id,
    login: ann.login,
    stored: { passwordVersion: 1 },
    passwordHash: "hash-2",
    factorsVersion: 0,
    use: undefined,
    spend: spend("r"),
    attempt: undefined,
    factorAttempt: undefined,
    now: start,
    origin,
    rules: { roles: [], rolePolicies: {} },
    removesFactors: false,
    isRecovery: false,
    provesEmail: "ann@x.example",
    isFirstProof: false,
    ...changes,
  });

  it("a reset sets the password, proves the address and ends every session", async () => {
    await addUser(store(), { email: emailOf("ann@x.example", undefined) });
    const { id } = await openSession(store());
    const done = await revoking(store(), (own) => own.finishReset(reset({ isFirstProof: true })));
    expect(done.result.outcome).toBe("done");
    expect(done.revocations).toMatchObject([{ kind: "session", sessionId: id }]);
    expect(await store().findUser("ann")).toMatchObject({
      passwordHash: "hash-2",
      passwordVersion: 2,
      email: { provenAt: start },
    });
    expect(await store().listSessions({ userId: ann.id, now: start })).toEqual([]);
    expect((await store().listFactors(ann.id)).factorsVersion).toBeGreaterThan(0);
  });

  it.each(["other@x.example", undefined])(
    "a reset that was mailed to %s does not prove the address",
    async (provesEmail) => {
      await addUser(store(), { email: emailOf("ann@x.example", undefined) });
      expect(await store().finishReset(reset({ provesEmail }))).toMatchObject({ outcome: "done" });
      const { email } = (await store().findUser("ann")) ?? {};
      expect(email).toMatchObject({ canonical: "ann@x.example", provenAt: undefined });
    },
  );

  it("a transaction resets a password once, also of two requests at once", async () => {
    await addUser(store());
    const outcomes = await Promise.all(["x", "y"].map((passwordHash) => store().finishReset(reset({ passwordHash }))));
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["changed", "done"]);
    const again = reset({ stored: { passwordVersion: 2 }, factorsVersion: start });
    const over = await revoking(store(), (own) => own.finishReset(again));
    expect(over).toEqual({ result: { outcome: "over" }, revocations: [] });
    expect((await eventsOf(store())).filter((event) => event === "reset_done")).toHaveLength(1);
  });

  it("a reset with a recovery code uses the code up, and a used code resets nothing", async () => {
    await addUser(store());
    const { id: sessionId } = await openSession(store());
    const who = { userId: ann.id, login: ann.login, stored: {}, now: start, origin };
    const totp = { secret: "sealed", kid: "k", step: 1 };
    await store().setFactor({
      ...who,
      own: ownSession(sessionId),
      factor: "totp",
      totp,
      codes: ["a", "b"],
      spend: spend("t"),
    });
    const { factorsVersion } = await store().listFactors(ann.id);
    const use = (hash: string) => ({ factor: "recovery_code", hash }) as const;
    await store().grantSession(login({ amr: ["pwd", "rec"], use: use("b") }));
    const rejected = await store().finishReset(reset({ use: use("b"), factorsVersion }));
    expect(rejected.outcome).toBe("factor_rejected");
    expect(await store().findUser("ann")).toMatchObject({ passwordHash: "hash-1" });
    // The same transaction is still usable.
    expect((await store().finishReset(reset({ use: use("a"), factorsVersion }))).outcome).toBe("done");
    expect(await store().findUser("ann")).toMatchObject({ passwordHash: "hash-2" });
  });

  it("an alarm ends the sessions and device proofs once, and freezes the password of an account without a factor", async () => {
    await addUser(store(), { email: emailOf("ann@x.example", start) });
    const { id } = await openSession(store());
    const raise = () => store().raiseAlarm(alarm);
    const { revocations } = await revoking(store(), () => Promise.all([raise(), raise()]));
    expect(revocations).toMatchObject([{ kind: "session", sessionId: id }]);
    const after = await store().listFactors(ann.id);
    expect(after).toMatchObject({ frozen: "password", review: true });
    expect(await store().findUser("ann")).toMatchObject({ passwordHash: "hash-1", passwordVersion: 2 });
    await openSession(store(), { stored: {} });
    expect(await revoking(store(), raise)).toEqual({ result: "done", revocations: [] });
    expect(await store().listSessions({ userId: ann.id, now: start })).toHaveLength(1);
    expect(await store().listFactors(ann.id)).toEqual({ ...after, review: false });
    expect((await eventsOf(store())).filter((event) => event === "alarm")).toHaveLength(1);
    expect((await store().listMail({ limit: 9 })).map(({ kind }) => kind)).toEqual(["alarm_reset"]);
  });

  it.each([
    ["another address", emailOf("ann@y.example", start)],
    ["the same address, proven at another time", emailOf("ann@x.example", start - 1)],
    ["an address that is not proven", emailOf("ann@x.example", undefined)],
    ["no address", undefined],
  ])("an alarm changes nothing of an account that has %s by now", async (_, email) => {
    await addUser(store(), { email });
    await openSession(store());
    const before = await store().listFactors(ann.id);
    for (let use = 0; use < 2; use += 1)
      expect(await revoking(store(), (own) => own.raiseAlarm(alarm))).toEqual({ result: "settled", revocations: [] });
    expect(await store().listFactors(ann.id)).toEqual(before);
    expect((await eventsOf(store())).filter((event) => event === "alarm_settled")).toHaveLength(1);
  });

  it("an alarm of a deleted user is in the log, and leaves no row of an account", async () => {
    await addUser(store());
    await store().deleteUser({ userId: ann.id, now: start, origin, foreignMaxSeconds: 60 });
    const raised = await revoking(store(), (own) => own.raiseAlarm(alarm));
    expect(raised).toEqual({ result: "done", revocations: [] });
    expect((await store().listFactors(ann.id)).factorsVersion).toBe(0);
    expect(await eventsOf(store())).toContain("alarm");
  });

  it("an alarm also ends the sessions and device proofs of a user of another table, if it has the mailbox", async () => {
    const { id } = await openSession(store(), { stored: false });
    const ownUser = { login: "ann", mailbox: emailOf("eve@x.example", start), canReset: true };
    const former = { ...alarm, ownUser, spend: spend("former") };
    expect(await revoking(store(), (own) => own.raiseAlarm(former))).toEqual({ result: "settled", revocations: [] });
    const own = { ...alarm, ownUser: { ...ownUser, mailbox: emailOf("ann@x.example", start) } };
    const { revocations } = await revoking(store(), (opened) => opened.raiseAlarm(own));
    expect(revocations).toMatchObject([{ kind: "session", sessionId: id }]);
    expect(await store().listFactors(ann.id)).toMatchObject({ frozen: "password" });
  });
}

function emailContract(store: Opened): void {
  const setEmail = async (userId: string, address: string, changes: Partial<AddressChange> = {}) => {
    const change = { userId, email: emailOf(address), ownUser: undefined, own: undefined, now: start, origin };
    const { outcome } = await store().setEmail({ ...change, spend: undefined, attempt: undefined, ...changes });
    return outcome;
  };

  it("an address that another user has is rejected, as an address and as a login", async () => {
    await addUser(store(), { email: emailOf("ann@x.example") });
    await addUser(store(), { ...bob, login: "bob@x.example", canonical: "bob@x.example" });
    await addUser(store(), { id: "u-3", login: "cid", canonical: "cid" });
    for (const address of ["ann@x.example", "bob@x.example"]) expect(await setEmail("u-3", address)).toBe("taken");
    expect(await store().findUserById("u-3")).toMatchObject({ email: undefined });
    expect(await setEmail("u-3", "cid@x.example")).toBe("done");
    expect(await setEmail("u-none", "dan@x.example")).toBe("changed");
  });

  it("one of two users gets an address that both ask for at once", async () => {
    const people = ["a", "b", "c", "d"];
    for (const id of people) await addUser(store(), { id, login: id, canonical: id });
    const outcomes = await Promise.all(people.map((id) => setEmail(id, "same@x.example")));
    expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "taken")).toHaveLength(3);
  });

  it("a new user and a change of address that ask for the same address at once do not both get it", async () => {
    await addUser(store());
    const email = emailOf("same@x.example");
    const [set, created] = await Promise.all([
      setEmail(ann.id, "same@x.example"),
      store().createUser({ user: { ...ann, ...bob, email }, now: start, origin }),
    ]);
    expect([set, created]).toSatisfy(
      ([first, second]) =>
        (first === "done" && second === "email_taken") || (first === "taken" && second === "created"),
    );
  });

  it("a change of address by an ended session, or with a used login transaction, changes nothing", async () => {
    await addUser(store());
    const { id: sessionId } = await openSession(store());
    expect(await setEmail(ann.id, "one@x.example", { own: ownSession(sessionId), spend: spend("e") })).toBe("done");
    expect(await setEmail(ann.id, "two@x.example", { own: ownSession(sessionId), spend: spend("e") })).toBe("over");
    expect(await setEmail(ann.id, "two@x.example", { own: ownSession("0.none"), spend: spend("f") })).toBe("changed");
    expect(await store().findUser("ann")).toMatchObject({ email: { canonical: "one@x.example" } });
    expect((await eventsOf(store())).filter((event) => event === "email_changed")).toHaveLength(1);
  });

  it("a user of an unpublished import blocks no change of address", async () => {
    await addUser(store());
    const n = await store().startImport({ now: start, trial: false });
    const staged = { ...ann, ...bob, email: emailOf("same@x.example"), hashKind: null, line: 1 };
    await store().stageUsers({ n, users: [staged], displaces: true, now: start });
    expect(await setEmail(ann.id, "same@x.example")).toBe("done");
    expect(await store().publishImport({ n, now: start, origin, detail: {} })).toEqual({ outcome: "lost", line: 1 });
  });
}

function registrationContract(store: Opened): void {
  const registering = (changes: object = {}, entry: object = {}) => {
    const user = { ...ann, roles: [], email: emailOf("ann@x.example", start) };
    const existsMail = { ...mailRequest().draft, kind: "account_exists", userId: undefined };
    const register = { user, invitation: undefined, existsMail, ...changes };
    return login({ amr: ["mail", "pwd"], stored: { passwordVersion: 1 }, register, spend: spend("reg"), ...entry });
  };
  const kindsOf = async (of: Store) => (await of.takeMail(taking)).map(({ kind }) => kind);
  const live = async () => (await store().listSessions({ userId: ann.id, now: start })).length;

  it("a registration creates the user and the session in one transaction, once", async () => {
    const outcomes = await Promise.all([
      store().grantSession(registering()),
      store().grantSession(registering({}, { spend: spend("other") })),
    ]);
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["granted", "over"]);
    expect(await store().findUser("ann")).toMatchObject({ email: { provenAt: start }, passwordVersion: 1 });
    expect(await live()).toBe(1);
    // Only the mailbox learns that the address has an account by now.
    expect(await kindsOf(store())).toEqual(["account_exists"]);
    expect(await store().grantSession(registering())).toEqual({ outcome: "over" });
  });

  it("a chosen login that is taken can be chosen again with the same transaction", async () => {
    await addUser(store(), { ...bob });
    const user = { ...ann, ...bob, id: "u-new", roles: [], email: emailOf("new@x.example", start) };
    const outcome = await store().grantSession(registering({ user }));
    expect(outcome).toEqual({ outcome: "login_taken" });
    const other = { ...user, login: "Bea", canonical: "bea" };
    const entry = { userId: "u-new", login: "Bea" };
    expect(await store().grantSession(registering({ user: other }, entry))).toMatchObject({
      outcome: "granted",
    });
    expect(await kindsOf(store())).toEqual([]);
  });

  it("an invitation is used once, and stays usable when nothing was created", async () => {
    await store().createInvitation({ invitation: invitation(), mail: mailRequest().draft, origin: operator });
    expect(await store().findInvitation("inv-1")).toEqual(invitation());
    await addUser(store(), { ...bob, email: emailOf("taken@x.example") });
    const clash = { ...ann, id: "u-clash", canonical: "clash", roles: [], email: emailOf("taken@x.example", start) };
    const first = await store().grantSession(registering({ user: clash, invitation: "inv-1" }, { userId: clash.id }));
    expect(first).toEqual({ outcome: "over" });
    expect(await store().findInvitation("inv-1")).toMatchObject({ usedAt: null });
    const second = await store().grantSession(registering({ invitation: "inv-1" }, { spend: spend("second") }));
    expect(second).toMatchObject({ outcome: "granted" });
    expect(await store().findInvitation("inv-1")).toMatchObject({ usedAt: start });
    const user = { ...ann, ...bob, id: "u-9", canonical: "nine", roles: [], email: emailOf("nine@x.example", start) };
    const third = registering({ user, invitation: "inv-1" }, { userId: "u-9", spend: spend("third") });
    expect(await store().grantSession(third)).toEqual({ outcome: "closed" });
    expect(await store().findUserById("u-9")).toBeUndefined();
    expect(await kindsOf(store())).toEqual(["login", "account_exists"]);
  });

  it("an invitation that was taken back or whose time is over creates no user", async () => {
    const expired: Invitation = { ...invitation("inv-2"), until: start };
    for (const each of [invitation(), expired])
      await store().createInvitation({ invitation: each, mail: undefined, origin: operator });
    const remove = (id: string) => store().removeInvitation({ id, now: start, origin: operator });
    expect([await remove("inv-1"), await remove("inv-1"), await remove("none")]).toEqual([true, false, false]);
    for (const id of ["inv-1", "inv-2"])
      expect(await store().grantSession(registering({ invitation: id }, { spend: spend(id) }))).toEqual({
        outcome: "closed",
      });
    expect(await store().findUser("ann")).toBeUndefined();
    expect((await store().listInvitations({ limit: 1 })).map(({ id }) => id)).toEqual(["inv-1"]);
    expect((await store().listInvitations({ limit: 9 })).map(({ id }) => id)).toEqual(["inv-2", "inv-1"]);
  });

  it("a code proves only the address to which it was mailed", async () => {
    await addUser(store(), { email: emailOf("ann@x.example", undefined) });
    await store().grantSession(login({ amr: ["mail"], provesEmail: "old@x.example" }));
    expect(await store().findUser("ann")).toMatchObject({ email: { provenAt: undefined } });
    await store().grantSession(login({ amr: ["mail"], provesEmail: "ann@x.example", now: start + 5 }));
    expect(await store().findUser("ann")).toMatchObject({ email: { provenAt: start + 5 } });
    expect((await eventsOf(store())).filter((event) => event === "email_proven")).toHaveLength(1);
  });
}
