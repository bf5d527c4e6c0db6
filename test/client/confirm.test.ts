// `onConfirm`: the client asks for the code that confirms a change, and repeats the request.
import { describe, expect, it } from "vitest";
import { createAccount } from "../../dist/client/account.js";
import { type ConfirmationNeeded, createClient, type OnConfirm } from "../../dist/client/mail.js";
import type { Message } from "../../dist/index.js";
import { openCookieJar } from "./cookie-jar.js";
import { createTestStorage, outcome } from "./storage.js";
import { openWorld, type World } from "./world.js";

const password = "canyon ribbon velvet 35";
const codeIn = (mail: Message | undefined) => /^\d\d \d\d \d\d \d\d$/m.exec(mail?.text ?? "")?.[0] ?? "";

/** A user with a proven address, who has signed in by password. `respond` gets the mailed code. */
async function openShop(respond: (needed: ConfirmationNeeded, code: string) => ReturnType<OnConfirm>, cookies = false) {
  const mails: Message[] = [];
  const mail = async (message: Message) => void mails.push(message);
  const world: World = await openWorld({ mail, appUrl: "https://app.example/", cookies });
  if (cookies) openCookieJar(world.url);
  await world.ampho.users.import([JSON.stringify({ login: "cleo", email: "cleo@example.org", email_proven: true })]);
  await world.ampho.users.setPassword("cleo", password);
  const onConfirm: OnConfirm = async (needed) => {
    const isCode = ({ kind }: Message) => kind === "confirm";
    await expect.poll(() => mails.some(isCode)).toBe(true);
    return respond(needed, codeIn(mails.find(isCode)));
  };
  const open = () => createClient({ baseUrl: world.url, storage: createTestStorage(), cookies, onConfirm });
  const client = open();
  await client.login("cleo", password);
  /** Waits for the code of a mail of this kind. */
  const code = async (kind: string) => {
    const find = () => mails.find((mail) => mail.kind === kind);
    await expect.poll(find).toBeDefined();
    return codeIn(find());
  };
  return { world, client, code, ...createAccount(client) };
}

describe.each([
  ["in the storage", false],
  ["in cookies", true],
])("a client with its tokens %s", (_, cookies) => {
  it("a change asks for the mailed code, again after a wrong one, and then goes on", async () => {
    const asked: ConfirmationNeeded[] = [];
    const { client, account } = await openShop((needed, code) => {
      asked.push(needed);
      return needed.failed ? code : "00000000";
    }, cookies);
    await client.totp.begin();
    expect(asked).toEqual([false, true].map((failed) => ({ change: "first_factor", ways: ["mail"], failed })));
    expect((await account.get()).login).toBe("cleo");
  });

  it("a cancelled question rejects the change, and the session goes on", async () => {
    const { world, account } = await openShop(() => undefined, cookies);
    expect(await outcome(account.changeLogin("cleopatra"))).toBe("confirmation_needed");
    expect((await account.get()).login).toBe("cleo");
    expect(await world.count("login_changed")).toBe(0);
  });

  it("the first login after a reset has a review, whose code lets the user end everything else", async () => {
    const { world, client, code, account } = await openShop(() => undefined, cookies);
    const reset = await client.resetPassword("cleo");
    await reset.finish({ code: await code("reset"), newPassword: `${password}x` });
    expect((await client.login("cleo", `${password}x`)).review).toBe(true);
    const { id, session } = (await client.session()) ?? { id: "" };
    const other = await world.ampho.sessions.create(id ?? "");
    const sessionsOf = async () => (await account.access()).access.filter(({ kind }) => kind === "session");
    expect((await sessionsOf()).map((each) => [each.current, each.id === session?.id])).toEqual([
      [false, false],
      [true, true],
    ]);
    const review = await account.review();
    await review.finish(await code("confirm"));
    await account.endAccess();
    expect(await sessionsOf()).toMatchObject([{ current: true }]);
    await expect(world.ampho.verify(other.token)).rejects.toMatchObject({ code: "invalid_token" });
    expect(await client.login("cleo", `${password}x`)).not.toHaveProperty("review");
  });

  it("a deletion is repeated after the code", async () => {
    const { world, client, account } = await openShop((_needed, code) => code, cookies);
    await account.remove();
    expect(await client.session()).toBeUndefined();
    expect(await world.count("account_removed")).toBe(1);
  });
});
