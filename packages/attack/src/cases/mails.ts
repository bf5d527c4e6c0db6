// Guesses of mailed codes, and what a request for a mail reveals. No mail is sent, because no login has an address.
import { randomBytes, randomInt } from "node:crypto";
import { type Attack, blocked, isDenied, notRun, post, succeeded, type Target, type Verdict } from "../attack.js";
import { membersOf } from "../exchange.js";
import { parseSegment, segmentsOf } from "../forge.js";
import { mailRequestsOf, type RequestedMail } from "../mail-requests.js";
import { shapeOf } from "./guessing.js";

/** Four times as many as Ampho allows for one mail. */
const guessesMax = 20;

async function guessCode(target: Target): Promise<Verdict> {
  const requests = await mailRequestsOf(target);
  if (typeof requests === "string") return notRun(requests);
  const request = requests.find(({ known, transaction }) => known === undefined && transaction !== undefined);
  if (request === undefined) return notRun("The server begins nothing for an unknown login.");
  const { path, transaction } = request;
  const guess = () => {
    const code = String(randomInt(100_000_000)).padStart(8, "0");
    const reset = { transaction, code, new_password: randomBytes(48).toString("base64url") };
    return target.send(path === "/login/mail" ? post("/login", { transaction, code }) : post(`${path}/finish`, reset));
  };
  for (let at = 1; at <= guessesMax; at += 1) {
    const response = await guess();
    if (!isDenied(response)) return succeeded(`a wrong code: status ${response.status}`);
    const isOver = membersOf(response)["error"] === "transaction_over";
    if (isOver && membersOf(await guess())["error"] === "transaction_over") return blocked;
  }
  return succeeded(`${guessesMax} wrong codes for one mail were all checked`);
}

/** Tokens, times and the number to compare differ from one request to the next. Their lengths must not. */
const normalized = (text: string): string =>
  text
    .replace(/[\w-]+\.[\w-]+\.[\w-]+/g, (token) => `a token of ${token.length} characters`)
    .replace(/\b\d{10}\b/g, "a time")
    .replace(/"match":"\d\d"/, '"match":"a number"');

function shownBy({ response, transaction }: RequestedMail): Readonly<Record<string, string>> {
  const { headers = "", body = "", ...shape } = shapeOf(response);
  const claims = transaction === undefined ? {} : parseSegment(segmentsOf(transaction).payload);
  return {
    ...shape,
    headers: normalized(headers),
    body: normalized(body),
    // A client can read them.
    claims: Object.keys(claims).sort().join(" "),
  };
}

async function enumerateByMail(target: Target): Promise<Verdict> {
  const requests = await mailRequestsOf(target);
  if (typeof requests === "string") return notRun(requests);
  const differences = requests.flatMap((request) => {
    const unknown = requests.find(({ path, known }) => path === request.path && known === undefined);
    if (unknown === undefined || unknown === request) return [];
    const [expected, shown] = [shownBy(unknown), shownBy(request)];
    return Object.keys(expected)
      .filter((part) => shown[part] !== expected[part])
      .map((part) => `${request.path} for ${request.known}: another ${part}`);
  });
  return differences.length === 0
    ? blocked
    : succeeded(`the response differs from that of an unknown login: ${differences.slice(0, 3).join("; ")}`);
}

export const mailAttacks: readonly Attack[] = [
  {
    id: "mail-enumeration",
    title: "Find out from a request for a mail whether a login exists",
    source: "CWE-204, OWASP ASVS 5.0 V6.3.8",
    needs: "testUsers",
    run: enumerateByMail,
  },
  {
    id: "mailed-code",
    title: "Guess the code of a mail",
    source: "NIST SP 800-63B-4 §3.1.3.2, OWASP ASVS 5.0 V6.6.3",
    run: guessCode,
  },
];
