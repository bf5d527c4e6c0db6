// `askWith`: a ready `onStepUp` asks for what the session lacks, and for nothing else.
import { TOTP, URI } from "otpauth";
import { describe, expect, it } from "vitest";
import { askWith, createClient, type StepUpQuestions } from "../../dist/client/full.js";
import { settableClock } from "../world/clock.js";
import { createTestStorage, outcome, seen } from "./storage.js";
import { ann, openWorld } from "./world.js";

/** Ann has an authenticator app, and the client asks with these questions. Codes are accepted once. */
async function openShop(questions: (code: () => string) => StepUpQuestions) {
  const clock = settableClock();
  const world = await openWorld({ clock });
  const storage = createTestStorage();
  const plain = createClient({ baseUrl: world.url, storage });
  await plain.login(ann.login, ann.password);
  const { uri, confirm } = await plain.totp.begin();
  const app = URI.parse(uri);
  if (!(app instanceof TOTP)) throw new Error("the URI is not of TOTP");
  const code = () => {
    clock.advance(30);
    return app.generate({ timestamp: clock.now() * 1000 });
  };
  const { recoveryCodes } = await confirm(code());
  await plain.logout();
  // After a login on a remembered device, the session has proven one factor.
  await plain.login(ann.login, ann.password, { totp: code(), remember: true });
  await plain.logout();
  const client = createClient({ baseUrl: world.url, storage, onStepUp: askWith(questions(code)) });
  await client.login(ann.login, ann.password);
  return { clock, client, recoveryCodes };
}

describe("askWith", () => {
  it("a route that needs a second factor asks for the code alone, and again after a wrong one", async () => {
    const asked: string[] = [];
    const { client } = await openShop((code) => ({
      password: () => void asked.push("password"),
      totp: (failed) => {
        asked.push(`totp ${failed}`);
        return failed ? code() : "000000";
      },
    }));
    expect((await client.session())?.acr).toBe("1fa");
    expect(await seen(client.fetch("/strong"))).toBe("ann");
    expect(asked).toEqual(["totp false", "totp true"]);
    expect((await client.session())?.acr).toBe("2fa");
  });

  it("a recovery code is asked for where there is no other question", async () => {
    let codes: readonly string[] = [];
    const { client, recoveryCodes } = await openShop(() => ({ recoveryCode: () => codes[0] }));
    codes = recoveryCodes;
    expect(await seen(client.fetch("/strong"))).toBe("ann");
  });

  it("a route that needs a recent login asks for the password and the code", async () => {
    const asked: string[] = [];
    const { clock, client } = await openShop((code) => ({
      password: (failed) => {
        asked.push(`password ${failed}`);
        return failed ? ann.password : "not the password";
      },
      totp: (failed) => {
        asked.push(`totp ${failed}`);
        return code();
      },
    }));
    clock.advance(400);
    expect(await seen(client.fetch("/recent"))).toBe("ann");
    expect(asked).toEqual(["password false", "password true", "totp false"]);
  });

  it("a cancelled question rejects the request with the error that asked for more", async () => {
    const { clock, client } = await openShop(() => ({ password: () => null, totp: () => null }));
    clock.advance(400);
    expect(await outcome(client.fetch("/recent"))).toBe("login_too_old");
    expect(await seen(client.fetch("/guarded"))).toBe("ann");
  });

  it("the request rejects with the error that asked for more if no question fits", async () => {
    const { clock, client } = await openShop(() => ({}));
    clock.advance(400);
    expect(await outcome(client.fetch("/recent"))).toBe("login_too_old");
  });
});
