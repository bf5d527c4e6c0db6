// docs/asvs.md and docs/security/rfc8725.md judge every requirement, and leave no requirement that they call met
// without evidence. Its tests are in test/evidence.txt.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { routes } from "../../dist/http/rest/routes.js";
import {
  type Claim,
  claimsOf,
  expectEvidence,
  namesEvidence,
  readPage,
  section,
  tableRows,
  tests,
} from "./evidence.js";

/** `**2.1** (met) The requirement.` */
function judgement({ text, items }: Claim) {
  const [, number = "", state = ""] = /^\*\*([\d.]+[a-z]?)\*\* \((met|not applicable|not yet)\)/.exec(text) ?? [];
  return { number, state, text, evidence: [...items, ...(tests.get(`RFC 8725 ${number}`) ?? [])] };
}

/** `**6.2.8** (1) A sentence, and the promises ([T-38](…)).` One that is not met has its state after the level. */
function rowsOf(text: string) {
  return claimsOf(text).flatMap(({ text: claim }) => {
    const [, number = "", level = "", state = "met", note = ""] =
      /^\*\*([\d.]+)\*\* \((\d)(?:, (not applicable|not yet))?\) (.*)$/.exec(claim) ?? [];
    if (number === "") return [];
    const promises = note.match(/\[T-\d+\]\([^)]*\)/g) ?? [];
    return [{ number, level, state, text: note, evidence: [...promises, ...(tests.get(`ASVS ${number}`) ?? [])] }];
  });
}

function expectReason({
  state,
  text,
  evidence,
}: Pick<ReturnType<typeof judgement>, "state" | "text" | "evidence">): void {
  if (state === "met" || namesEvidence(evidence)) expectEvidence(evidence);
  expect(text, "the judgement has no reason").not.toBe("");
}

const asvs = readPage("docs/asvs.md");

/** How many requirements each section of ASVS 5.0.0 has. */
const chapters = {
  "V6 Authentication": [3, 12, 8, 6, 8, 4, 2, 4],
  "V7 Session management": [3, 4, 2, 5, 3, 2],
  "V9 Self-contained tokens": [3, 4],
  "V10 OAuth and OIDC": [2, 3, 5, 16, 5, 2, 3],
  "V11 Cryptography": [4, 5, 5, 4, 2, 2, 2],
  "V16 Security logging and error handling": [1, 5, 4, 3, 4],
};

const chapterRows = (title: string) => rowsOf(section(asvs, title));
const all = Object.keys(chapters).flatMap(chapterRows);

describe.each(Object.entries(chapters))("ASVS %s", (title, counts) => {
  it("the chapter has every requirement once, in order", () => {
    const [, chapter = ""] = /^V(\d+)/.exec(title) ?? [];
    const numbers = counts.flatMap((count, at) =>
      Array.from({ length: count }, (_, index) => `${chapter}.${at + 1}.${index + 1}`),
    );
    const inOrder = chapterRows(title)
      .map(({ number }) => number)
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    expect(inOrder).toEqual(numbers);
  });

  it.each(rowsOf(section(asvs, title)))("requirement $number has its reason and evidence: $text", expectReason);
});

it("test/evidence.txt has tests of requirements that the two pages have, and of no other", () => {
  const known = [
    ...all.map(({ number }) => `ASVS ${number}`),
    ...claimsOf(readPage("docs/security/rfc8725.md")).map((claim) => `RFC 8725 ${judgement(claim).number}`),
  ];
  expect([...tests.keys()].filter((each) => !each.startsWith("T-") && !known.includes(each))).toEqual([]);
});

it("the table of totals counts the requirements", () => {
  const counted = (state: string) => {
    const of = (level: string) =>
      all.filter((each) => each.state === state && (level === "" || each.level === level)).length;
    return [state, ...["", "1", "2", "3"].map((level) => String(of(level)))];
  };
  expect(tableRows(section(asvs, "Totals"))).toEqual(["met", "not applicable", "not yet"].map(counted));
});

describe("RFC 8725", () => {
  const rows = claimsOf(readPage("docs/security/rfc8725.md")).map(judgement);

  it("the page has every section of the RFC's threats and practices", () => {
    const sections = new Set(rows.map(({ number }) => number.replace(/[a-z]$/, "")));
    const expected = [
      ...Array.from({ length: 9 }, (_, at) => `2.${at + 1}`),
      ...Array.from({ length: 12 }, (_, at) => `3.${at + 1}`),
    ];
    for (const number of expected) expect(sections).toContain(number);
  });

  it.each(rows)("$text", expectReason);
});

it("the ways in name every route that grants tokens", () => {
  const granting = routes.filter((route) => "grants" in route && route.grants);
  const ways = section(asvs, "Ways in");
  for (const { method, path } of granting) expect(ways).toContain(`\`${method} ${path}\``);
  expect(granting.length).toBeGreaterThan(4);
});

describe("the inventory of cryptography", () => {
  it("the inventory names every file that uses cryptography, and no other", () => {
    const root = path.resolve(import.meta.dirname, "../..");
    const uses =
      /from "(node:crypto|node:tls|@node-rs\/argon2|bcryptjs)"|import\("(node:crypto|bcryptjs)"\)|\bcrypto\.(getRandomValues|subtle)/;
    const found = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && uses.test(readFileSync(path.join(root, "src", name), "utf8")))
      .map((name) => `src/${name}`);
    const named = claimsOf(section(asvs, "What cryptography there is"))
      .flatMap(({ items }) => items)
      .flatMap((item) => [...item.matchAll(/`(src\/[^`]+)`/g)].map(([, file]) => file));
    expect([...new Set(named)].sort()).toEqual(found.sort());
  });

  it("docs/security/cryptography.md lists every derived key by its info, and no other", () => {
    const code = ["src/tokens/keyring.ts", "src/tokens/jwt.ts", "src/signing-keys/login-hash-key.ts"]
      .map(readPage)
      .join("\n");
    const infos = [...code.matchAll(/"(ampho [a-z ]+)"/g)].map(([, info = ""]) => info);
    const listed = tableRows(
      section(readPage("docs/security/cryptography.md"), "Know the keys derived from a signing key"),
    );
    expect(infos.length).toBeGreaterThan(10);
    expect(listed.map(([info]) => info?.replaceAll("`", "")).sort()).toEqual(infos.sort());
  });
});
