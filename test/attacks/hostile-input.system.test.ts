// Hostile texts and bodies against a real `ampho serve`: every text member of every route with every naughty string.
//
// The sample: each member gets every eighth naughty string and 15 values of any type. Neighbours begin at different strings, so
// that all strings are sent.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { routes } from "../../dist/http/rest/routes.js";
import { sendRaw } from "../http/raw.js";
import { bearer, post } from "../world/requests.js";
import { isWhole } from "../world/whole.js";
import { forEach, layIn, naughty, type Siege } from "./siege.js";

let siege: Siege;
beforeAll(async () => {
  siege = await layIn();
});
afterAll(() => siege.end());

const strange = ["\0", "a\0b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e", "é".normalize("NFD"), "x".repeat(100_000)];
const runs = { numRuns: isWhole ? 60 : 15, seed: 20_260_101 };

/** Each text member of each body, with the other members that the route requires. */
const besides: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  login: { login: "nobody" },
  changePassword: { password: "x", new_password: "y" },
};
const members = routes.flatMap((route) =>
  Object.keys(route.input.schema?.shape ?? {}).map((member) => ({ route, member })),
);
/** A request for a mail is accepted for every login, and a new login can be any text without control characters. */
const accepted: Readonly<Record<string, readonly number[]>> = {
  beginMailLogin: [200, 429],
  beginReset: [200, 429],
  beginRegistration: [200, 403, 429],
  changeLogin: [204, 409],
};
type Target = (typeof members)[number];
/** A password costs a hash each, and a mail too many waits, so a sample has to suffice. */
const isCostly = ({ route, member }: Target) =>
  member.endsWith("password") || accepted[route.name]?.includes(429) === true;
/** Takes each n-th string, from one that the place of the member decides. */
function sampleOf(target: Target): readonly string[] {
  const step = (isCostly(target) ? 16 : 1) * (isWhole ? 1 : 8);
  const first = isWhole ? 0 : members.indexOf(target) % step;
  return naughty.filter((_, at) => at % step === first);
}

async function expectRejection(response: Response, sent: string, name = ""): Promise<void> {
  const text = await response.text();
  if (accepted[name]?.includes(response.status)) return;
  expect([400, 401, 404, 413, 431]).toContain(response.status);
  // The parser rejects a query that fills the head, in a status line.
  if (response.status === 431) return expect(text).toBe("");
  const [message, error, ...details] = Object.keys(JSON.parse(text));
  expect([message, error]).toEqual(["message", "error"]);
  expect(["field", "reason"]).toEqual(expect.arrayContaining(details));
  if (sent.length > 5) expect(text).not.toContain(sent);
}

describe.each(members)("$route.path with a hostile $member", ({ route, member }) => {
  const send = (value: unknown) => {
    // No account has this passkey.
    const target = siege.served.url + route.path.replace("{id}", "x");
    // The members of a GET are in its query, and none of them is valid without its token.
    if (route.method === "GET") return fetch(`${target}?${new URLSearchParams({ [member]: String(value) })}`);
    const body = { ...besides[route.name], [member]: value };
    const { token } = route.name === "changeLogin" ? siege.other : siege.grant;
    const headers = route.access.guarded ? bearer(token) : {};
    return post(target, body, headers);
  };

  it(`${route.path} survives a ${member} that is naughty, strange or long`, async () => {
    const target = members.find((each) => each.route === route && each.member === member);
    const texts = [...(target === undefined ? [] : sampleOf(target)), ...strange];
    expect(texts.length).toBeGreaterThan(strange.length);
    await siege.withstand(() =>
      forEach(
        texts,
        async (text) => expectRejection(await send(text), text, route.name),
        isCostly({ route, member }) ? 2 : 8,
      ),
    );
  });

  it(`${route.path} survives a ${member} of any type`, async () => {
    await siege.withstand(async () => {
      let count = 0;
      const value = fc.oneof(fc.jsonValue({ maxDepth: 5 }), fc.string({ unit: "binary", maxLength: 3_000 }));
      const property = fc.asyncProperty(value, async (one) => {
        count++;
        await expectRejection(await send(one), typeof one === "string" ? one : "", route.name);
      });
      await fc.assert(property, {
        ...runs,
        numRuns: isCostly({ route, member }) ? Math.ceil(runs.numRuns / 3) : runs.numRuns,
      });
      return count;
    });
  });
});

it("the samples contain every naughty string", () => {
  const sent = new Set(members.filter((target) => !isCostly(target)).flatMap(sampleOf));
  expect(naughty.filter((text) => !sent.has(text))).toEqual([]);
});

describe("hostile bodies", () => {
  const login = (body: string | Uint8Array<ArrayBuffer>, type = "application/json") =>
    fetch(`${siege.served.url}/login`, { method: "POST", headers: { "content-type": type }, body });
  const nested = (count: number) => `${"[".repeat(count)}${"]".repeat(count)}`;
  const utf16 = (text: string) => Uint8Array.from(Buffer.from(text, "utf16le"));
  const form = "application/x-www-form-urlencoded";

  it.each([
    ["a member twice", '{"login":"alice","login":"alice"}', 400],
    ["a member twice by escape", '{"login":"alice","log\\u0069n":"alice"}', 400],
    ["__proto__", '{"__proto__":{"login":"alice","password":"x"}}', 400],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2,"login":"bob"}', 400],
    ["constructor.prototype", '{"constructor":{"prototype":{"login":"alice"}}}', 400],
    ["5 000 nested arrays", `{"login":${nested(5_000)}}`, 400],
    ["50 000 nested arrays", nested(50_000), 413],
    ["a number beyond all", '{"login":1e999}', 400],
    ["NaN", '{"login":NaN}', 400],
    ["a trailing comma", '{"login":"bob",}', 400],
    ["a control character raw in a text", '{"login":"a\u0001b"}', 400],
    ["a byte order mark", '\ufeff{"login":"bob"}', 400],
    ["UTF-16", utf16('{"login":"bob"}'), 400],
    ["UTF-16 with its mark", utf16('\ufeff{"login":"bob"}'), 400],
    ["an overlong encoding", Uint8Array.of(0x7b, 0xc0, 0xa2, 0x7d), 400],
    ["an array", '["login"]', 400],
    ["null", "null", 400],
    ["16 KiB of blanks", `${" ".repeat(16_384 - 2)}{}`, 400],
  ])("a body with %s is rejected without harm", async (_, body, status) => {
    await siege.withstand(async () => {
      expect((await login(body)).status).toBe(status);
      return 1;
    });
  });

  it.each([
    ["a field twice", "login=alice&login=bob", 400],
    ["a field twice by escape", "login=alice&%6cogin=bob", 400],
    ["a field thrice, with brackets", "login[]=alice&login[]=bob&login=", 400],
    ["a broken escape", "login=%", 400],
    ["NUL", "login=a%00b", 400],
    ["a method", "_method=DELETE&login=bob", 401],
    ["8 000 fields", "a&".repeat(8_000), 400],
    ["many fields", Array.from({ length: 2_500 }, (_, at) => `f${at}=`).join("&"), 413],
  ])("a form with %s is rejected without harm", async (_, body, status) => {
    await siege.withstand(async () => {
      expect((await login(body, form)).status).toBe(status);
      return 1;
    });
  });

  it("a body with members of naughty names is rejected without harm", async () => {
    await siege.withstand(async () => {
      return forEach(naughty, async (name) => {
        const response = await post(`${siege.served.url}/login`, { [name]: name, login: "bob" });
        expect(response.status).toBe(401);
      });
    });
  });

  it("a form of any text is rejected without harm", async () => {
    await siege.withstand(async () => {
      let count = 0;
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: "binary", maxLength: 200 }), async (text) => {
          count++;
          expect([400, 401]).toContain((await login(text, form)).status);
        }),
        runs,
      );
      return count;
    });
  });
});

describe("hostile paths", () => {
  it("a path with a naughty session id is rejected without harm", async () => {
    const ids = [...naughty, "..", "0.x'--", "%00", "x".repeat(10_000)].map((text) =>
      encodeURIComponent(text.toWellFormed()),
    );
    await siege.withstand(async () => {
      return forEach(ids, async (id) => {
        const target = `${siege.served.url}/sessions/${id === "" || /^\.+$/.test(id) ? "%2e" : id}`;
        const response = await fetch(target, { method: "DELETE", headers: bearer(siege.grant.token) });
        expect(response.status).toBe(404);
      });
    });
  });
});

describe("hostile headers", () => {
  /** The characters that a header line can contain. */
  const lines = [...naughty, "x".repeat(8_000)]
    .map((text) => text.replace(/[\r\n\0]/g, ""))
    .filter((text) => text.trim());
  const fields = ["Authorization", "Idempotency-Key", "User-Agent", "X-Forwarded-For", "Forwarded", "Content-Type"];

  it("headers of naughty bytes are read without harm", async () => {
    await siege.withstand(async () => {
      return forEach(lines, async (text, at) => {
        const head = `POST /api/security/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
        const line = Buffer.from(`${head}${fields[at % fields.length]}: ${text}\r\n\r\n`, "utf8");
        expect((await sendRaw(siege.served.port, line)).status).toBe(400);
      });
    });
  });

  it("an Authorization header with a naughty token is rejected without harm", async () => {
    await siege.withstand(async () => {
      return forEach(lines, async (text) => {
        const head = `GET /api/security/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
        const line = Buffer.from(`${head}Authorization: Bearer ${text}\r\n\r\n`, "utf8");
        expect([400, 401]).toContain((await sendRaw(siege.served.port, line)).status);
      });
    });
  });
});
