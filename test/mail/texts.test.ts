// The texts of mails: every kind in every language, and nothing in them that a stranger chose.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Browser, browserOf } from "../../dist/mail/texts/browser.js";
import { composeMail, type ReplaceText } from "../../dist/mail/texts/compose.js";
import { isNotice, type MailKind, type MailValues, mailKinds } from "../../dist/mail/texts/kinds.js";
import { languageOf, languages } from "../../dist/mail/texts/language.js";
import { createMailLanguages } from "../../dist/mail/texts/mail-languages.js";

const { named } = createMailLanguages();
const en = named("en");

const link = "https://app.example/in#ampho=eyJ.eyJ.sig.proof";
const alarm = "https://app.example/in#alarm=eyJ.eyJ.sig";
const values: MailValues = {
  app: "Shop",
  code: "12345678",
  link,
  minutes: 10,
  browser: "Firefox",
  time: Date.UTC(2026, 10, 27, 10, 14, 59) / 1000,
};
const notice: MailValues = { app: "Shop", browser: "Firefox", time: values.time, alarm };
const everyText = languages.flatMap((language) => mailKinds.map((kind) => [kind, language] as const));

it("the page about mails lists every kind", () => {
  const page = readFileSync(new URL("../../docs/guides/mail.md", import.meta.url), "utf8");
  const [, items = ""] = /\n\n(- `login`: .*?)\n\n/s.exec(page) ?? [];
  const listed = [...items.matchAll(/^- ([^:]*):/gm)].flatMap(([, kinds = ""]) => kinds.match(/\w+/g) ?? []);
  expect(listed.sort()).toEqual([...mailKinds].sort());
});

describe.each(everyText)("the text of %s in %s", (kind, language) => {
  it("a mail has a subject of one line, the values, and no placeholder", async () => {
    const { subject, text, html } = await composeMail(kind, isNotice(kind) ? notice : values, named(language));
    expect(subject).toMatch(/^[\P{Cc}]{5,78}$/u);
    expect(subject).toContain("Shop");
    expect(`${subject}${text}${html}`).not.toMatch(/[{}]|undefined|null|NaN/);
    const ofNotice = ["2026-11-27 10:14 UTC", ...(kind === "email_changed" ? [] : [alarm])];
    for (const value of isNotice(kind) ? ofNotice : [link, "12 34 56 78", "10:14 UTC"]) {
      expect(text).toContain(value);
      expect(html).toContain(value);
    }
    expect(text).toContain("Firefox");
    expect(html).toContain(`<html lang="${language}" dir="ltr">`);
  });

  it("a mail with the fewest values has no placeholder and no empty line too many", async () => {
    const { text } = await composeMail(kind, { app: "Shop" }, named(language));
    expect(text).not.toMatch(/[{}]|undefined|\n{3}|\n\n$/);
    expect(text).not.toContain("Firefox");
  });
});

it("no two languages have the same text, except in names", async () => {
  for (const kind of mailKinds) {
    const texts = await Promise.all(languages.map((language) => composeMail(kind, values, named(language))));
    for (const part of ["subject", "text"] as const)
      expect(new Set(texts.map((each) => each[part])).size, `${kind} ${part}`).toBe(languages.length);
  }
});

describe("a composed mail", () => {
  it("a code stands alone on its line and is not in the subject", async () => {
    const { subject, text } = await composeMail("login", values, en);
    expect(text.split("\n")).toContain("12 34 56 78");
    expect(text.split("\n")).toContain(link);
    expect(subject.replace(/\s/g, "")).not.toContain("12");
  });

  it("a text states the life of a code in minutes, hours or days", async () => {
    const lifeOf = async (minutes: number) =>
      /valid for (.*?) and/.exec((await composeMail("reset", { ...values, minutes }, en)).text)?.[1];
    expect(await Promise.all([1, 10, 60, 90, 120, 1440, 10_080].map(lifeOf))).toEqual([
      "1 minute",
      "10 minutes",
      "1 hour",
      "90 minutes",
      "2 hours",
      "1 day",
      "7 days",
    ]);
  });

  it("a mail for an unknown browser states that, and a mail without a browser names none", async () => {
    const textOf = async (browser: Browser | undefined) =>
      (await composeMail("login", { ...values, browser }, en)).text;
    expect(await textOf("unknown")).toContain("in an unknown browser at 10:14 UTC");
    expect(await textOf(undefined)).toContain("This was requested at 10:14 UTC.");
  });

  it("HTML in the name of the application is text", async () => {
    const app = `<img src=x onerror="a()"> & 'Co' $& {time}`;
    const { text, html, subject } = await composeMail("login", { ...values, app }, en);
    expect(subject).toBe(`Sign in to ${app}`);
    expect(text).toContain(app);
    expect(html).toContain("&lt;img src=x onerror=&quot;a()&quot;&gt; &amp; &#39;Co&#39; $&amp; {time}");
    expect(html).not.toContain("<img");
  });

  it("the HTML of any values has the same elements, and no remote content", async () => {
    const elementsOf = (html: string) => [...html.matchAll(/<[a-z!/][^>\s]*/g)].map(([tag]) => tag);
    const { html: expected } = await composeMail("login", values, en);
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.string(), async (name, fragment) => {
        const url = `https://app.example/#${fragment}`;
        // AMPHO_APP_NAME has no control characters.
        const app = name.replace(/\p{Cc}/gu, "");
        const { html } = await composeMail("login", { ...values, app, link: url }, en);
        expect(elementsOf(html)).toEqual(elementsOf(expected));
        expect(html).not.toMatch(/\bsrc=|url\(|<script|<img|<link|@import/i);
      }),
    );
  });

  it("the HTML sets no colours, so that a mail program can show it in dark mode", async () => {
    const { html } = await composeMail("login", values, en);
    expect(html).toContain('<meta name="color-scheme" content="light dark">');
    expect(html).not.toMatch(/(?<!-)color:|background|#[0-9a-f]{3,6}\b/i);
  });
});

describe("the alarm link of a notice", () => {
  const textOf = async (kind: MailKind) => (await composeMail(kind, notice, en)).text;

  it.each(mailKinds.filter((kind) => isNotice(kind) && !["email_changed", "account_deleted"].includes(kind)))(
    "the notice %s states that its link ends what lives, and promises no more",
    async (kind) => {
      expect(await textOf(kind)).toContain("It signs out all devices and stops changes that are not finished.");
      expect(await textOf(kind)).toContain("set a new password");
      expect(await textOf(kind)).not.toContain("undo");
    },
  );

  it("the notice to a former mailbox has no link, and states the contact and an operator where there is one", async () => {
    const about = { ...notice, login: "ann", contact: "help@shop.example" };
    const { text } = await composeMail("email_changed", about, en);
    expect(text).not.toContain(alarm);
    expect(text).toContain(
      "The address of your account ann at Shop was changed. This is the last mail to this address.",
    );
    expect(text).toContain("If this was not you, write to help@shop.example.");
    const operated = await composeMail("email_changed", { ...about, contact: undefined, isByOperator: true }, en);
    expect(operated.text).toContain("at Shop was changed by an operator.");
    expect(operated.text).not.toContain("write to");
  });

  it("the notice of an address that waits states the day and the masked address, in each language", async () => {
    const about = { ...notice, login: "ann", to: "a…@new.example", from: 1_790_000_000 };
    const { text } = await composeMail("email_leaving", about, en);
    expect(text).toContain("On 2026-09-21 the address of your account ann at Shop becomes a…@new.example.");
    for (const language of languages)
      expect((await composeMail("email_leaving", about, named(language))).text).toMatch(/2026-09-21.*a…@new\.example/);
    const later = await composeMail("email_later", { ...values, time: 1_790_000_000 }, en);
    expect(later.text).toContain("at 2026-09-21 14:13 UTC");
  });

  it("the notice of a deletion states that its link informs the operator, and does not promise the account back", async () => {
    const text = await textOf("account_deleted");
    expect(text).toContain("It informs the operator of Shop, who can help you. It can do nothing else:");
    expect(text).not.toMatch(/undo|sign|password/);
  });
});

describe("the option mailText", () => {
  const replaced = (replace: ReplaceText, kind: MailKind = "login") => composeMail(kind, values, named("de"), replace);

  it("the application's text replaces Ampho's, and gets the kind, the language and the formatted code", async () => {
    const given: unknown[] = [];
    const mail = await replaced((kind, all) => {
      given.push(kind, all);
      return { subject: "Hello", text: `Code ${all.code}\n\n<b>`, html: "<p>own</p>" };
    });
    expect(mail).toEqual({ subject: "Hello", text: "Code 12 34 56 78\n\n<b>", html: "<p>own</p>" });
    expect(given).toEqual(["login", { ...values, code: "12 34 56 78", language: "de" }]);
  });

  it("a text without html is rendered as HTML", async () => {
    const { html } = await replaced(() => ({ subject: "Hello", text: "One\ntwo\n\n<b>three</b>\n" }));
    expect(html).toContain("<p>One<br>\ntwo</p>\n<p>&lt;b&gt;three&lt;/b&gt;</p>");
    expect(html).toContain('<html lang="de" dir="ltr">');
  });

  it("undefined keeps Ampho's own text, also from a promise", async () => {
    const own = await composeMail("login", values, named("de"));
    expect(await replaced(() => undefined)).toEqual(own);
    expect(await replaced(async () => undefined)).toEqual(own);
  });

  it.each(["Hello\r\nBcc: bob@example.com", "Hello\n", "\r", "a\0b", ""])(
    "the subject %j of the application is rejected",
    async (subject) => {
      await expect(replaced(() => ({ subject, text: "x" }))).rejects.toThrow("mailText must return a subject");
    },
  );

  it("a text that is not a string is rejected", async () => {
    const wrong = (result: object) => replaced(() => result as never);
    await expect(wrong({ subject: "a" })).rejects.toThrow("mailText must return a text");
    await expect(wrong({ subject: "a", text: "b", html: 1 })).rejects.toThrow("mailText must return html");
    await expect(wrong({ text: "b" })).rejects.toThrow("mailText must return a subject");
  });

  it("an error of the application is the cause of the failure, and not its message", async () => {
    const cause = new Error("no template");
    const failing = () => {
      throw cause;
    };
    for (const replace of [failing, async () => failing()])
      await expect(replaced(replace)).rejects.toMatchObject({ message: "The option mailText failed.", cause });
  });
});

describe("the browser of a mail", () => {
  const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0";
  const iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";

  it.each<readonly [Browser, string | undefined]>([
    ["Firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"],
    ["Firefox", `${iphone} FxiOS/145.0 Mobile/15E148 Safari/605.1.15`],
    ["Chrome", `${chrome} Safari/537.36`],
    ["Chrome", `${iphone} CriOS/142.0.7444.0 Mobile/15E148 Safari/604.1`],
    ["Edge", `${chrome} Safari/537.36 Edg/142.0.0.0`],
    ["Edge", `${iphone} Version/18.0 EdgiOS/142.0.0.0 Mobile/15E148 Safari/604.1`],
    ["Opera", `${chrome} Safari/537.36 OPR/124.0.0.0`],
    [
      "Safari",
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    ],
    ["Safari", `${iphone} Version/18.5 Mobile/15E148 Safari/604.1`],
    ["unknown", "curl/8.14.1"],
    ["unknown", ""],
    ["unknown", undefined],
    ["unknown", "Firefox"],
    ["unknown", "<b>Firefox at https://evil.example</b>"],
    ["Firefox", "\u202e<a href='https://evil.example'>Firefox/1 of Ann"],
  ])("%s is the browser of %j", (browser, userAgent) => {
    expect(browserOf(userAgent)).toBe(browser);
  });

  it("a header of any text selects a name of the list, and no part of it reaches a mail", async () => {
    const names = ["Firefox", "Chrome", "Edge", "Opera", "Safari", "unknown"];
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => names.includes(browserOf(text))));
    const agent = `<script>alert(1)</script>\u202e https://evil.example Firefox/1 ${"Version/1".repeat(50_000)}`;
    const { text, html } = await composeMail("new_device", { ...notice, browser: browserOf(agent) }, en);
    expect(`${text}${html}`).not.toMatch(/evil|alert|\u202e|Version/);
  });
});

describe("the language of a mail", () => {
  it.each([
    ["en", undefined],
    ["en", ""],
    ["en", "*"],
    ["de", "de"],
    ["de", "de-AT"],
    ["de", "DE-at, en;q=0.8"],
    ["fr", "nl, fr;q=0.9, de;q=0.8"],
    ["es", "de;q=0.1,es;q=0.2"],
    ["es", "es-419,es;q=0.9,en;q=0.8"],
    ["de", "fr;q=0, de;q=0.001"],
    ["en", "fr;q=0"],
    ["fr", "fr, de"],
    ["en", "nl, it"],
    ["fr", " fr ; q = 0.5 , de;q=0.4"],
    ["en", "de;q=2"],
    ["en", "de;q=0.0001"],
    ["en", "de;q=-1"],
    ["en", "de;level=1"],
    ["en", "deu"],
    ["en", "../de"],
    ["en", "__proto__"],
    ["de", "xx;;;, de"],
  ] as const)("%s is the language of %j", (language, header) => {
    expect(languageOf(header)).toBe(language);
  });

  it("a header of any text selects a language in a short time", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => languages.some((one) => one === languageOf(text))));
    const started = process.cpuUsage();
    for (const unit of [",", "de,", "de;q=", "a-", " ", ";", "de;q=0.5 "]) languageOf(unit.repeat(100_000));
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(500);
  });
});
