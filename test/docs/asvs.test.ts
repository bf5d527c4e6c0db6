// docs/asvs.md and docs/rfc8725.md judge every requirement, and name a test that exists for each that they call met.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { expectEvidence, readPage, section, tableRows } from "./evidence.js";

const states = ["met", "not applicable", "not yet"];

/** A row: number, perhaps a level, what is asked, state, and what shows it or why it is not so. */
function judged(row: readonly string[]) {
  const [why = "", state = "", asked = ""] = [...row].reverse();
  return { number: row[0] ?? "", asked, state, why };
}

const asvs = readPage("docs/asvs.md");

/** How many requirements each section of ASVS 5.0.0 has. */
const chapters = {
  "V6 Authentication": [3, 12, 8, 6, 8, 4, 2, 4],
  "V7 Session management": [3, 4, 2, 5, 3, 2],
  "V9 Self-contained tokens": [3, 4],
  "V11 Cryptography": [4, 5, 5, 4, 2, 2, 2],
  "V16 Security logging and error handling": [1, 5, 4, 3, 4],
};

describe.each(Object.entries(chapters))("ASVS %s", (title, counts) => {
  const rows = tableRows(section(asvs, title)).map(judged);

  it("has every requirement once, in its order", () => {
    const [, chapter = ""] = /^V(\d+)/.exec(title) ?? [];
    const numbers = counts.flatMap((count, at) =>
      Array.from({ length: count }, (_, index) => `${chapter}.${at + 1}.${index + 1}`),
    );
    expect(rows.map(({ number }) => number)).toEqual(numbers);
  });

  it.each(rows)("$number $asked", ({ state, why }) => {
    expect(states).toContain(state);
    if (state === "met") expectEvidence(why);
    else expect(why).not.toBe("");
    // What is named beside a "not yet" or a "not applicable" is as true.
    if (why.includes("`test/")) expectEvidence(why);
  });
});

describe("RFC 8725", () => {
  const rows = tableRows(readPage("docs/rfc8725.md"))
    .map(judged)
    .filter(({ number }) => /^\d/.test(number));

  it("has every section of its threats and practices", () => {
    const sections = new Set(rows.map(({ number }) => number.replace(/[a-z]$/, "")));
    const expected = [
      ...Array.from({ length: 9 }, (_, at) => `2.${at + 1}`),
      ...Array.from({ length: 12 }, (_, at) => `3.${at + 1}`),
    ];
    for (const number of expected) expect(sections).toContain(number);
  });

  it.each(rows)("$number $asked", ({ state, why }) => {
    expect(states).toContain(state);
    if (state === "met" || why.includes("`test/")) expectEvidence(why);
    expect(why).not.toBe("");
  });
});

describe("the inventory of cryptography", () => {
  it("names every file that uses cryptography, and no other", () => {
    const root = path.resolve(import.meta.dirname, "../..");
    const uses =
      /from "(node:crypto|node:tls|@node-rs\/argon2|bcryptjs)"|import\("(node:crypto|bcryptjs)"\)|\bcrypto\.(getRandomValues|subtle)/;
    const found = readdirSync(path.join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && uses.test(readFileSync(path.join(root, "src", name), "utf8")))
      .map((name) => `src/${name}`);
    const rows = tableRows(section(asvs, "What cryptography there is"));
    const named = rows.flatMap((row) =>
      [...(row.at(-1) ?? "").matchAll(/`(src\/[^`]+)`/g)].map(([, file = ""]) => file),
    );
    expect(named.sort()).toEqual(found.sort());
  });
});
