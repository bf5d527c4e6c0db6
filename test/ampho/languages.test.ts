// The option `languages`: one file adds a language of mails and pages.
import { describe, expect, it } from "vitest";
import { type AddedLanguage, ConfigurationError, type Message } from "../../dist/index.js";
import { openWorld } from "../world/ampho.js";
import { rightToLeft } from "../world/right-to-left.js";

const appUrl = "https://app.example";

async function open(languages: readonly AddedLanguage[]) {
  const sent: Message[] = [];
  const mail = async (message: Message) => void sent.push(message);
  const world = await openWorld({ pages: true, appUrl, mail, registration: "open", languages });
  const page = async (language: string) => {
    const headers = { "accept-language": language, "sec-fetch-dest": "document", "sec-fetch-site": "none" };
    return (await world.ampho.fetch(new Request(`${appUrl}/account/sign-in`, { headers }))).text();
  };
  return { world, sent, page };
}

it("pages and mails are in a language that the application adds, from right to left", async () => {
  const { world, sent, page } = await open([rightToLeft]);
  const shown = await page("he-IL, en;q=0.8");
  expect(shown).toContain('<html lang="he" dir="rtl">');
  expect(shown).toContain(`<h1>${rightToLeft.pages.signIn}</h1>`);
  expect(await page("nl, de;q=0.5")).toContain('<html lang="de" dir="ltr">');
  const headers = { "accept-language": "he" };
  await world.call("POST", "/register", { body: { email: "ann@example.org" }, headers });
  await expect.poll(() => sent.length).toBe(1);
  const [{ language, subject, html } = {}] = sent;
  expect(language).toBe("he");
  expect(subject).toBe(rightToLeft.mails.kinds.register.split("\n")[0]?.replace("{app}", "app.example"));
  expect(html).toContain('<html lang="he" dir="rtl">');
  expect(html).toMatch(/<p dir="ltr" style="[^"]*text-align:start">\d\d \d\d \d\d \d\d</);
});

it("texts of the application take the place of Ampho's", async () => {
  const { page } = await open([{ ...rightToLeft, tag: "en", direction: "ltr" }]);
  expect(await page("en")).toContain(`<h1>${rightToLeft.pages.signIn}</h1>`);
});

describe("a language that is not whole stops the start", () => {
  const { mails, pages } = rightToLeft;
  const { copy: _, ...withoutCopy } = pages;
  const { login: __, ...kinds } = mails.kinds;
  it.each([
    [{ ...rightToLeft, tag: "he-IL" }, "The tag of a language must be two or three letters a to z, such as nl."],
    [{ ...rightToLeft, tag: undefined }, "The tag of a language must be"],
    [{ ...rightToLeft, direction: "up" }, "The direction of the language he must be ltr or rtl."],
    [{ tag: "he", pages }, "The texts he.mails are missing."],
    [{ tag: "he", mails }, "The texts he.pages are missing."],
    [{ ...rightToLeft, pages: withoutCopy }, "The text he.pages.copy is missing."],
    [{ ...rightToLeft, pages: { ...pages, copy: " " } }, "The text he.pages.copy is missing."],
    [{ ...rightToLeft, pages: { ...pages, cpoy: "x" } }, "The text he.pages.cpoy is not one of Ampho's."],
    [{ ...rightToLeft, mails: { ...mails, kinds } }, "The text he.mails.kinds.login is missing."],
    [
      { ...rightToLeft, pages: { ...pages, codesLeft: "{cuont} left" } },
      "The text he.pages.codesLeft has {cuont}, which the English one has not.",
    ],
  ])("the language %# is rejected by name", async (language, message) => {
    const opened = open([language as AddedLanguage]);
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toThrow(ConfigurationError);
  });
});
