// A test waits for facts, with limits that a busy machine does not pass. So a time has one of three names
// (test/world/wait.ts), and a promised deadline is measured without the pauses of the test (test/world/deadline.ts).
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { expect, test } from "vitest";
import { execFileSync } from "../../scripts/child-process.mjs";

const root = path.resolve(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files", "-z", "test/*.ts"], { cwd: root, encoding: "utf8" })
  .split("\0")
  .filter((file) => file !== "" && !file.startsWith("test/vectors/"));

/** The least limit of a wait that is no promise. */
const leastMs = 60_000;

type Kind = "timer" | "limit" | "stopwatch";

/** The files that can have each kind of place, and why. */
const allowed: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  timer: {
    "test/world/wait.ts": "It names the waits.",
    "test/world/deadline.ts": "It measures deadlines.",
    "test/attack-package/serve.system.test.ts": "It waits for a log line.",
    "test/client/autofill.system.test.ts": "A page in the browser must not have a result yet.",
    "test/faults/mail.system.test.ts": "No second mail must come.",
    "test/faults/wire-proxy.ts": "A proxy delays what it passes on.",
    "test/history/recorder.ts": "A client cuts its connection.",
    "test/http/raw.ts": "A client gives up.",
    "test/pages/walk-details.system.test.ts": "It is the timer of a page.",
    "test/store/cutting-proxy.ts": "A proxy delays what it passes on.",
    "test/users/application-directory.test.ts": "It is a fake timer.",
  },
  limit: {
    "test/client/fetch.test.ts": "The signal of the call is what the test is about.",
    "test/examples/everything.system.test.ts": "It waits for a time of the clock, which comes.",
    "test/gate/changes.ts": "A revocation is waited for.",
    "test/repository/watchdog.system.test.ts": "The limit is what the test is about.",
  },
  stopwatch: {
    "test/world/deadline.ts": "It measures deadlines.",
    "test/world/debian.ts": "It is the limit of the repetitions of an installation.",
    "test/world/clock.ts": "It is the clock of an instance.",
    "test/ampho/processes.ts": "It is the clock of an instance.",
    "test/attacks/spray.system.test.ts": "It is the clock of an instance.",
    "test/doctor/checks.system.test.ts": "It is the clock of an instance.",
    "test/store/housekeeping.system.test.ts": "It is the clock of an instance.",
    "test/history/recorder.ts": "It is the time of the history.",
    "test/deploy/rolling.system.test.ts": "A client sends requests for three seconds.",
    "test/docs/start.install.test.ts": "The time is printed.",
    "test/gate/mail-times.system.test.ts": "It compares responses of two kinds.",
    "test/mail/smtp-slow.system.test.ts": "A limit must not end before its time, and no machine is too fast.",
    "test/service-accounts/endpoints.test.ts": "It compares responses of three kinds, as often as it takes.",
    "test/throttle/delayed-rejection.test.ts": "A delay must not end before its time, and no machine is too fast.",
    "test/verify/revocations.test.ts": "A pause must not end before its time, and no machine is too fast.",
  },
};

interface Place {
  readonly kind: Kind;
  readonly at: number;
}

interface Node {
  readonly type: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly object?: Node;
  readonly property?: Node;
}

const isMember = (node: Node, object: string, property: string): boolean =>
  node.type === "MemberExpression" && node.object?.name === object && node.property?.name === property;

const isShort = (node: Node | undefined): boolean => typeof node?.value === "number" && node.value < leastMs;

/** The places with a timer, with a short limit or that of Vitest, which is a second, and with a stopwatch. */
function placesOf(name: string, source: string): readonly Place[] {
  const places: Place[] = [];
  new Visitor({
    ImportDeclaration: ({ source: from, start: at, end }) => {
      const isTimer = from.value === "node:timers/promises" && source.slice(at, end).includes("setTimeout");
      if (isTimer) places.push({ kind: "timer", at });
    },
    CallExpression: ({ callee, arguments: given, start: at }) => {
      const node = callee as Node;
      const options = given as readonly Node[];
      if (node.name === "setTimeout") places.push({ kind: "timer", at });
      const isWait = isMember(node, "vi", "waitFor") || isMember(node, "vi", "waitUntil");
      if (isWait && (options[1] === undefined || isShort(options[1]))) places.push({ kind: "limit", at });
      if (isMember(node, "AbortSignal", "timeout") && isShort(options[0])) places.push({ kind: "limit", at });
      if (isMember(node, "performance", "now")) places.push({ kind: "stopwatch", at });
    },
    Property: ({ key, value, start: at }) => {
      if ((key as Node).name === "timeout" && isShort(value as Node)) places.push({ kind: "limit", at });
    },
  }).visit(parseSync(name, source).program);
  return places;
}

test("no test waits for a time, has a limit below a minute, or measures a deadline by itself", () => {
  expect(files.length).toBeGreaterThan(500);
  const places = files.flatMap((file) => {
    const source = readFileSync(path.join(root, file), "utf8");
    return placesOf(file, source)
      .filter(({ kind }) => !Object.hasOwn(allowed[kind], file))
      .map(({ kind, at }) => `${file}:${source.slice(0, at).split("\n").length}: ${kind}`);
  });
  expect(places).toEqual([]);
});

test("a timer, a short limit and a stopwatch are found in each form, and a long limit is not", () => {
  const found: readonly (readonly [Kind, string])[] = [
    ["timer", 'import { setTimeout as sleep } from "node:timers/promises";'],
    ["timer", "await new Promise((resolve) => setTimeout(resolve, 10));"],
    ["limit", "vi.waitFor(check);"],
    ["limit", "vi.waitUntil(check, 15_000);"],
    ["limit", "expect.poll(read, { timeout: 5000, interval: 10 }).toBe(1);"],
    ["limit", "const patience = { timeout: 20_000 };"],
    ["limit", "fetch(url, { signal: AbortSignal.timeout(5_000) });"],
    ["stopwatch", "const startMs = performance.now();"],
  ];
  for (const [kind, source] of found) expect(placesOf("a.ts", source), source).toMatchObject([{ kind }]);
  const good = ['import { setImmediate } from "node:timers/promises";', "vi.waitFor(check, { timeout: 60_000 });"];
  expect(good.flatMap((source) => placesOf("a.ts", source))).toEqual([]);
});
