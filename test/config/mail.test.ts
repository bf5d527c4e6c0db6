// The parameters of mail: what AMPHO_MAIL_URL accepts, what it requires, and that no message shows a password.
import { describe, expect, it } from "vitest";
import { read, rejection } from "./read.js";

const mailKey = "a-key-of-at-least-32-characters-0";
const all = { AMPHO_MAIL_FROM: "no-reply@app.example" };

describe("AMPHO_MAIL_URL", () => {
  it.each([
    "console:",
    "file:mails",
    "file:/var/spool/mails",
    "smtp://mail.example",
    "smtp://ann:secret@mail.example:2525",
    "smtp://ann%40shop:p%40ss%2F@mail.example/",
    "smtps://ann:secret@[::1]:465",
    "smtps://127.0.0.1",
    `https://:${mailKey}@hooks.example/ampho?a=1`,
    `http://:${mailKey}@127.0.0.1:8080/`,
    `http://:${mailKey}@localhost:8080/`,
  ])("the URL %s is accepted", (url) => {
    expect(read({ ...all, AMPHO_MAIL_URL: url }).mailUrl).toBe(url);
  });

  it.each([
    "mailto:ann@secret99.example",
    "console",
    "console:secret99",
    "file:",
    "file:///secret99",
    "smtp:ann:secret99",
    "smtp:mail.secret99.example",
    "smtp://",
    "smtp://ann:secret99@",
    "smtp://ann@secret99.example",
    "smtp://:secret99@mail.example",
    "smtp://ann:secret99%@mail.example",
    "smtp://ann:secret99@mail.example/path",
    "smtp://ann:secret99@mail.example?tls.rejectUnauthorized=false",
    "smtp://ann:secret99@mail.example#x",
    "smtp://ann:secret99@mail.example:99999",
    "smtps://ann:sec/ret99@mail.example",
    "SMTP://secret99.example",
    "http://:a-key-of-at-least-32-characters-99@hooks.example/",
    "http://:a-key-of-at-least-32-characters-99@localhost.hooks.example/",
    "https://ann:secret99@hooks.example/",
    "https://:a-key-of-at-least-32-characters-99@hooks.example/#x",
    "ftp://secret99.example/",
    "secret99@mail.example",
    "smtp://secret99.example\r\nx",
    " smtp://secret99.example",
  ])("the URL %j is rejected, and the message does not show it", (url) => {
    const message = rejection({ ...all, AMPHO_MAIL_URL: url });
    expect(message).toMatch(/^AMPHO_MAIL_URL must be smtp:\/\/USER:PASSWORD@HOST:PORT, .*, but is /);
    if (!url.startsWith("console") && !url.startsWith("file") && !url.startsWith("mailto"))
      expect(message).not.toContain("99");
  });

  it("the default is console: outside production, and no mail in production", () => {
    expect(read({}).mailUrl).toBe("console:");
    expect(read({ NODE_ENV: "test" }).mailUrl).toBe("console:");
    expect(read({ NODE_ENV: "production" }).mailUrl).toBeUndefined();
  });

  it("production rejects console:", () => {
    expect(rejection({ NODE_ENV: "production", AMPHO_MAIL_URL: "console:" })).toMatch(
      /^AMPHO_MAIL_URL must not be console: in production\./,
    );
  });

  it("a mail server and a webhook require a sender", () => {
    const from = "AMPHO_MAIL_FROM must be set to the address that mails come from.";
    for (const url of ["smtp://mail.example", "smtps://mail.example", `https://:${mailKey}@hooks.example/`])
      expect(rejection({ AMPHO_MAIL_URL: url })).toBe(from);
    expect(read({ AMPHO_MAIL_URL: "file:mails" }).mailFrom).toBeUndefined();
  });
});

describe("AMPHO_SECURITY_REGISTRATION and AMPHO_SECURITY_MAIL_LOGIN", () => {
  const needed = { NODE_ENV: "production", AMPHO_SECURITY_REGISTRATION: "open", AMPHO_SECURITY_MAIL_LOGIN: "true" };
  const problems = (env: Readonly<Record<string, string>>, mails: "url" | "option") =>
    rejection({ ...needed, AMPHO_PORT: "many", ...env }, { mails })
      .split("\n")
      .slice(1);

  it("a program that sends mails reports both parameters beside all others if no mail can be sent", () => {
    const set = "It needs mails, so set AMPHO_APP_URL and AMPHO_MAIL_URL.";
    expect(problems({}, "url")).toEqual([
      '  AMPHO_PORT must be a whole number from 0 to 65535, but is "many".',
      `  AMPHO_SECURITY_REGISTRATION must be closed, but is "open". ${set}`,
      `  AMPHO_SECURITY_MAIL_LOGIN must be false, but is true. ${set}`,
    ]);
    expect(problems({ AMPHO_APP_URL: "https://app.example/" }, "url")[1]).toMatch(/, so set AMPHO_MAIL_URL\.$/);
    expect(problems({ NODE_ENV: "development" }, "url")[1]).toMatch(/, so set AMPHO_APP_URL\.$/);
  });

  it("an application with the option mail needs no AMPHO_MAIL_URL", () => {
    expect(problems({}, "option")[1]).toMatch(/, so set AMPHO_APP_URL\.$/);
    expect(read({ ...needed, AMPHO_APP_URL: "https://app.example/" }, { mails: "option" }).mailLogin).toBe(true);
  });

  it("a bad URL is reported as such and does not count as missing", () => {
    const bad = { AMPHO_APP_URL: "app.example", AMPHO_MAIL_URL: "mail.example" };
    expect(problems(bad, "url").join("\n")).not.toContain("needs mails");
  });

  it("a program that sends no mails accepts both", () => {
    expect(read(needed)).toMatchObject({ registration: "open", mailLogin: true });
  });
});

describe("AMPHO_MAIL_FROM", () => {
  it.each(["no-reply@app.example", "a@b.co", "Shop.Mail+x_1@mail.app-1.example"])(
    "the sender %s is accepted",
    (from) => {
      expect(read({ AMPHO_MAIL_FROM: from }).mailFrom).toBe(from);
    },
  );

  it.each([
    "shop",
    "Shop <no-reply@app.example>",
    "a@b.example,c@d.example",
    "a@localhost",
    "a@b.example\r\nBcc: c@d.example",
    "a..b@c.example",
    ".a@c.example",
    "a@1.2.3.4",
    "a@b..example",
    "a@b.example.",
    '"a"@b.example',
  ])("the sender %j is rejected", (from) => {
    expect(rejection({ AMPHO_MAIL_FROM: from })).toMatch(/^AMPHO_MAIL_FROM must be one e-mail address without a name/);
  });

  it.each(["", ":@", ":secret99@", `user:${mailKey}@`, `:${mailKey}%00@`, `:${mailKey}%@`])(
    "a webhook with %j before its host is rejected, and the message does not show it",
    (credentials) => {
      const message = rejection({ AMPHO_MAIL_URL: `https://${credentials}hooks.example/`, ...all });
      expect(message).toMatch(/^AMPHO_MAIL_URL must be .*, but is a https:\/\/ URL\.$/);
      expect(message).not.toMatch(/secret99|0-/);
    },
  );
});
