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

/** `**6.1.1** (level 1, met) The requirement.` */
function judgement(standard: "ASVS" | "RFC 8725", { text, items }: Claim) {
  const [, number = "", state = ""] =
    /^\*\*([\d.]+[a-z]?)\*\* \((?:level \d, )?(met|not applicable|not yet)\)/.exec(text) ?? [];
  return { number, state, text, items, evidence: [...items, ...(tests.get(`${standard} ${number}`) ?? [])] };
}

const asvsJudgement = (claim: Claim) => judgement("ASVS", claim);

function expectReason({ state, evidence }: ReturnType<typeof judgement>): void {
  if (state === "met" || namesEvidence(evidence)) expectEvidence(evidence);
  expect(evidence.length, "the judgement has no reason").toBeGreaterThan(0);
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

/** The requirements under this heading have one reason, which stands above them. */
const grouped = "### Without an authorization server";

describe.each(Object.entries(chapters))("ASVS %s", (title, counts) => {
  const rows = claimsOf(section(asvs, title)).map(asvsJudgement);
  const [own = ""] = section(asvs, title).split(grouped);

  it("the chapter has every requirement once, in order", () => {
    const [, chapter = ""] = /^V(\d+)/.exec(title) ?? [];
    const numbers = counts.flatMap((count, at) =>
      Array.from({ length: count }, (_, index) => `${chapter}.${at + 1}.${index + 1}`),
    );
    const inOrder = rows.map(({ number }) => number).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    expect(inOrder).toEqual(numbers);
  });

  it.each(claimsOf(own).map(asvsJudgement))("$text", expectReason);

  it("a requirement with the reason of its group is not applicable", () => {
    const others = rows.slice(claimsOf(own).length);
    expect(others.filter(({ state, items }) => state !== "not applicable" || items.length > 0)).toEqual([]);
  });
});

it("test/evidence.txt has tests of requirements that the two pages have, and of no other", () => {
  const known = [
    ...claimsOf(asvs).map((claim) => `ASVS ${asvsJudgement(claim).number}`),
    ...claimsOf(readPage("docs/security/rfc8725.md")).map((claim) => `RFC 8725 ${judgement("RFC 8725", claim).number}`),
  ];
  expect([...tests.keys()].filter((each) => !each.startsWith("T-") && !known.includes(each))).toEqual([]);
});

it("the table of totals counts the requirements", () => {
  const all = claimsOf(asvs).map(({ text }) => /\(level (\d), (met|not applicable|not yet)\)/.exec(text));
  const counted = (state: string) => {
    const of = (level: string) =>
      all.filter((each) => each?.[2] === state && (level === "" || each[1] === level)).length;
    return [state, ...["", "1", "2", "3"].map((level) => String(of(level)))];
  };
  expect(tableRows(section(asvs, "Totals"))).toEqual(["met", "not applicable", "not yet"].map(counted));
});

describe("RFC 8725", () => {
  const rows = claimsOf(readPage("docs/security/rfc8725.md")).map((claim) => judgement("RFC 8725", claim));

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
      .flatMap((item) => /^`(src\/[^`]+)`$/.exec(item)?.[1] ?? []);
    expect([...new Set(named)].sort()).toEqual(found.sort());
  });

  it("docs/security/cryptography.md lists every derived key by its info, and no other", () => {
    const code = ["src/tokens/keyring.ts", "src/tokens/jwt.ts", "src/keys/login-hash-key.ts"].map(readPage).join("\n");
    const infos = [...code.matchAll(/"(ampho [a-z ]+)"/g)].map(([, info = ""]) => info);
    const listed = tableRows(section(readPage("docs/security/cryptography.md"), "Know the derived keys"));
    expect(infos.length).toBeGreaterThan(10);
    expect(listed.map(([info]) => info?.replaceAll("`", "")).sort()).toEqual(infos.sort());
  });
});
