// What a running instance answers, asked the way its clients ask: TLS, time, readiness, proxies, keys. Nothing secret is sent.
import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import type { Configuration } from "../../config/configuration.js";
import { forwardedIgnored } from "../../http/rest/request/client-address.js";
import type { Key } from "../../keys/key.js";
import { isPrivate, skewOf } from "../attacks/consent.js";
import { type Answer, type Exchange, headerOf, membersOf, NoAnswer, openExchange } from "../exchange.js";
import type { CheckName, Finding } from "../finding.js";

const day = 86_400;
const [skewWarnSeconds, certificateDays] = [5, 14];

/** What Node says of a certificate that it does not believe. */
const untrusted = /\((?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/;

export interface InstanceInput {
  /** Of the REST API, prefix included. */
  readonly api: URL;
  readonly configuration: Configuration;
  readonly keys: readonly Key[];
  readonly now: () => number;
}

const finding = (severity: Finding["severity"], check: CheckName, message: string, mend: string): Finding => ({
  severity,
  check,
  message,
  mend,
});

export async function checkInstance(input: InstanceInput): Promise<readonly Finding[]> {
  const { api, configuration } = input;
  const root = new URL(api);
  root.pathname = root.pathname.slice(0, -configuration.restPrefix.length);
  const [ours, probes] = [openExchange(api), openExchange(root)];
  try {
    const published = await ours.send({ path: "/.well-known/jwks.json" });
    return [
      ...(await checkTls(api, published)),
      ...checkClock(headerOf(published, "date"), configuration, input.now()),
      ...checkKeys(published, input.keys),
      ...(await checkReadiness(probes)),
    ];
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    const mend = untrusted.test(error.message)
      ? "is its certificate made for this name, by an authority that Node knows? One of your own: NODE_EXTRA_CA_CERTS=ca.pem"
      : "is it running, and is --url the way to it?";
    return [finding("error", "instance", error.message, mend)];
  } finally {
    ours.close();
    probes.close();
  }
}

async function checkTls(api: URL, answer: Answer): Promise<readonly Finding[]> {
  if (api.protocol === "http:") {
    const plain = "the instance is reached over http: whoever is on the way reads passwords and tokens";
    return isPrivate(api) ? [] : [finding("error", "tls", plain, "put TLS in front, and give its https URL as --url")];
  }
  const findings: Finding[] = [];
  const until = await certificateUntil(api);
  const days = until === undefined ? undefined : Math.floor((until - Date.now()) / (day * 1000));
  if (days !== undefined && days < certificateDays)
    findings.push(finding("warning", "tls", `the certificate expires in ${days} days`, "renew it, by a program"));
  if (headerOf(answer, "strict-transport-security") === undefined)
    findings.push(
      finding(
        "note",
        "tls",
        "answers carry no Strict-Transport-Security (RFC 6797)",
        "let the proxy that speaks TLS add it",
      ),
    );
  return findings;
}

/** Milliseconds since 1970; undefined where nobody says. */
function certificateUntil({ hostname, port }: URL): Promise<number | undefined> {
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const socket: TLSSocket = connect({ host, servername: host, port: Number(port || 443), timeout: 5_000 }, () => {
      resolve(Date.parse(socket.getPeerCertificate().valid_to));
      socket.destroy();
    });
    const end = () => {
      resolve(undefined);
      socket.destroy();
    };
    socket.once("error", end).once("timeout", end);
  });
}

function checkClock(date: string | undefined, { tokenLeeway }: Configuration, now: number): readonly Finding[] {
  const skew = skewOf(date, now);
  const apart = Math.abs(skew);
  if (apart <= skewWarnSeconds) return [];
  const severity = apart > tokenLeeway ? "error" : "warning";
  const message = `the instance's clock is ${apart} seconds ${skew > 0 ? "ahead of" : "behind"} this machine's (its Date header)`;
  return [finding(severity, "clock", message, "run NTP on both")];
}

function checkKeys(published: Answer, keys: readonly Key[]): readonly Finding[] {
  const { keys: jwks } = membersOf(published);
  if (published.status !== 200 || !Array.isArray(jwks)) {
    const message = `there is no JWK Set under the REST prefix: it was answered ${published.status}`;
    return [
      finding("error", "instance", message, "is --url the way to it, and AMPHO_SECURITY_REST_PREFIX the same there?"),
    ];
  }
  const [signing] = keys;
  if (signing?.publicJwk === undefined) return [];
  const known = jwks.some((jwk) => typeof jwk === "object" && jwk !== null && "kid" in jwk && jwk.kid === signing.kid);
  if (known) return [];
  return [
    finding(
      "warning",
      "key",
      "the instance does not publish the key that is configured here",
      "restart it with this configuration",
    ),
  ];
}

async function checkReadiness(probes: Exchange): Promise<readonly Finding[]> {
  const answer = await probes.send({ path: "/readyz" });
  // An application that mounts Ampho answers probes of its own.
  if (answer.status === 404) return [];
  if (answer.status !== 200) {
    const message = `/readyz was answered ${answer.status}: its store does not answer`;
    return [finding("error", "instance", message, "see docs/operating.md, Bad days")];
  }
  const { warnings } = membersOf(answer);
  if (!Array.isArray(warnings) || !warnings.includes(forwardedIgnored)) return [];
  const message =
    "this request came to the instance with X-Forwarded-For or Forwarded, and AMPHO_TRUST_PROXY is 0 there: every client has the proxy's address";
  return [finding("error", "proxy", message, "set AMPHO_TRUST_PROXY to the number of proxies in front")];
}
