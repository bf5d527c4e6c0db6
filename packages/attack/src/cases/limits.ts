// Bodies that must be rejected. Each attack is a single request and causes no load.

import type { Attack, Target } from "../attack.js";
import { formOf, isRejected, judge, post, sendEach } from "../attack.js";
import type { Sent } from "../exchange.js";

type Header = readonly [string, string];
const logIn = (body: string | Uint8Array, ...headers: readonly Header[]): Sent => ({
  method: "POST",
  path: "/login",
  headers,
  body,
});
const json: Header = ["Content-Type", "application/json"];

async function large(target: Target) {
  const { login, password } = target.user;
  const filler = "x".repeat(20_000);
  return judge(
    await sendEach(target, [
      ["20 kB of JSON", post("/login", { login, password, filler })],
      [
        "20 kB of a form",
        logIn(`${formOf(target.user)}&filler=${filler}`, ["Content-Type", "application/x-www-form-urlencoded"]),
      ],
      [
        "20 kB in chunks",
        { ...post("/login", { login, password, filler }), headers: [json, ["Transfer-Encoding", "chunked"]] },
      ],
    ]),
    ({ status }) => status === 413,
  );
}

/** A form of another site can send `text/plain` without a preflight, so it must not be read as JSON. */
async function otherTypes(target: Target) {
  const body = JSON.stringify(target.user);
  const types = [
    "text/plain",
    "text/plain;charset=utf-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
  ];
  const more = [
    "application/jsonp",
    "application/json-patch+json",
    "text/json",
    "application/xml",
    "application/json; charset=utf-16",
    "*/*",
  ];
  return judge(
    await sendEach(target, [
      ...[...types, ...more].map((type) => [`JSON as ${type}`, logIn(body, ["Content-Type", type])] as const),
      ["JSON without a type", logIn(body)],
      ["JSON that claims to be compressed", logIn(body, json, ["Content-Encoding", "gzip"])],
    ]),
    isRejected,
  );
}

/** Each body contains the right login and password for some parser. */
async function strange(target: Target) {
  const { login, password } = target.user;
  const good = JSON.stringify(target.user);
  const [name, secret] = [JSON.stringify(login), JSON.stringify(password)];
  const form = ["Content-Type", "application/x-www-form-urlencoded"] as const;
  const formed = (text: string) => logIn(text, form);
  const [l, p] = [encodeURIComponent(login), encodeURIComponent(password)];
  return judge(
    await sendEach(target, [
      ["login twice", post("/login", `{"login":"${target.unknownLogin}","login":${name},"password":${secret}}`)],
      ["password twice", post("/login", `{"login":${name},"password":"x","password":${secret}}`)],
      [
        "login twice, once by escape",
        post("/login", `{"login":"${target.unknownLogin}","\\u006cogin":${name},"password":${secret}}`),
      ],
      ["login twice in a form", formed(`login=${target.unknownLogin}&${formOf(target.user)}`)],
      ["__proto__", post("/login", `{"__proto__":${good}}`)],
      ["constructor", post("/login", `{"constructor":{"prototype":${good}}}`)],
      ["a form with brackets", formed(`user[login]=${l}&user[password]=${p}`)],
      ["an array", post("/login", `[${good}]`)],
      ["login in an array", post("/login", { login: [login], password })],
      ["password an object", post("/login", { login, password: { $ne: "" } })],
      ["password true", post("/login", { login, password: true })],
      ["a NUL behind the login", post("/login", { login: `${login}\0`, password })],
      ["a lone surrogate", post("/login", `{"login":"\\ud800${name.slice(1)},"password":${secret}}`)],
      ["text behind", post("/login", `${good}x`)],
      ["UTF-16", logIn(Buffer.from(good, "utf16le"), json)],
      [
        "invalid UTF-8",
        logIn(Buffer.concat([Buffer.from(`{"x":"`), Buffer.from([0xff]), Buffer.from(`",${good.slice(1)}`)]), json),
      ],
      ["7 000 nested arrays", post("/login", `{"x":${"[".repeat(7_000)}${"]".repeat(7_000)}`)],
      ["an empty text", post("/login", "")],
      ["null", post("/login", "null")],
      ["not closed", post("/login", good.slice(0, -1))],
    ]),
    isRejected,
  );
}

export const limitAttacks: readonly Attack[] = [
  { id: "large-body", title: "Send an oversized body", source: "CWE-770", run: large },
  {
    id: "media-type",
    title: "Send a body of another media type",
    source: "CWE-352",
    run: otherTypes,
  },
  {
    id: "strange-json",
    title: "Send JSON that parsers read differently or fail on",
    source: "RFC 8259 §4, CWE-1321",
    run: strange,
  },
];
