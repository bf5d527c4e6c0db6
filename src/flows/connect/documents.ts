// Client documents (draft-ietf-oauth-client-id-metadata-document): the `client_id` of an application is the https URL
// of a document that describes it. It is fetched only for a user who is signed in, so no stranger makes Ampho send a
// request. A document states what it likes, so that people read its host.
import { isIP } from "node:net";
import type { Clock } from "../../clock.js";
import type { Configuration } from "../../config/configuration.js";
import { AmphoError } from "../../errors.js";
import { FetchFailure } from "../../outbound/bounded-fetch.js";
import { createPlaces, NoPlace } from "../../outbound/places.js";
import { publicFetch } from "../../outbound/public-fetch.js";
import { isLoopback } from "../../outbound/secure-url.js";
import { remember } from "../../throttle/guesses.js";
import { attemptSourceOf } from "../../throttle/sources.js";
import { isRedirectUri } from "./redirect-uri.js";

export interface ClientDocument {
  /** The application calls itself so. */
  readonly name: string | undefined;
  /** Those at its own origin and at programs on the user's computer. */
  readonly redirects: readonly string[];
}

type Settings = Pick<Configuration, "connect" | "tokenIssuer">;

/** A server on this machine takes documents of this machine, to try it out. */
const isLocal = ({ tokenIssuer = "" }: Settings): boolean =>
  URL.canParse(tokenIssuer) && isLoopback(new URL(tokenIssuer).hostname);

/** `!` before a host also rejects the hosts below it, of which its owner makes as many as wanted. */
function takesHost({ connect }: Settings, host: string): boolean {
  if (connect.some((one) => one.startsWith("!") && `.${host}`.endsWith(`.${one.slice(1)}`))) return false;
  return connect.includes("*") || connect.includes(host);
}

/** Returns whether users can connect to the document of this URL. It has one spelling. */
export function takesDocument(settings: Settings, id: string): boolean {
  if (id.length > 255 || !/^https?:\/\/[!-~]+$/.test(id) || !URL.canParse(id)) return false;
  const url = new URL(id);
  const { protocol, hostname, port, pathname, username, password } = url;
  if (url.href !== id || pathname === "/" || /[?#\\]/.test(id) || username !== "" || password !== "") return false;
  if (!takesHost(settings, hostname)) return false;
  if (isLocal(settings) && isLoopback(hostname)) return true;
  const isName = isIP(hostname) === 0 && /^(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*$/.test(hostname);
  return protocol === "https:" && port === "" && isName;
}

/** A document that cannot be used. The message is for the developer of the client. */
class DocumentProblem extends Error {}

const redirectsMax = 50;
const nameMax = 60;

/** Throws DocumentProblem. */
export function readDocument(id: string, members: Readonly<Record<string, unknown>>): ClientDocument {
  const { client_id: own, client_name: name, redirect_uris: redirects, jwks_uri: keys } = members;
  if (own !== id) throw new DocumentProblem("its client_id is another URL");
  if ("client_secret" in members || "client_secret_expires_at" in members)
    throw new DocumentProblem("it contains a client_secret");
  if (!provesNothing(members)) throw new DocumentProblem("it does not allow the token_endpoint_auth_method none");
  for (const [list, needed] of [
    ["grant_types", "authorization_code"],
    ["response_types", "code"],
  ] as const)
    if (members[list] !== undefined && !textsOf(members[list])?.includes(needed))
      throw new DocumentProblem(`its ${list} do not contain ${needed}`);
  const { origin } = new URL(id);
  const isOwn = (url: string) => URL.canParse(url) && new URL(url).origin === origin;
  if (keys !== undefined && !(typeof keys === "string" && isOwn(keys)))
    throw new DocumentProblem("its jwks_uri is at another origin");
  const all = textsOf(redirects);
  if (all === undefined || all.length === 0 || all.length > redirectsMax)
    throw new DocumentProblem(`it must have 1 to ${redirectsMax} redirect_uris`);
  // The code would otherwise go to a host that the user has not read. `http` has no host but this computer.
  const used = all.filter((one) => isRedirectUri(one) && (isOwn(one) || one.startsWith("http://")));
  return { name: typeof name === "string" ? shownName(name) : undefined, redirects: used };
}

function provesNothing(members: Readonly<Record<string, unknown>>): boolean {
  const { token_endpoint_auth_method: method = "none" } = members;
  return method === "none" || textsOf(members["token_endpoint_auth_methods_supported"])?.includes("none") === true;
}

const textsOf = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;

/** Without control characters, line ends, and signs that turn the direction of the text around it. */
export function shownName(name: string): string | undefined {
  const text = name
    .normalize("NFKC")
    .replace(/[\p{C}\p{Z}\u2800\u3164]+/gu, " ")
    .trim();
  const characters = [...text];
  if (characters.length > nameMax) return `${characters.slice(0, nameMax).join("")}…`;
  return text === "" ? undefined : text;
}

/** The user who causes a fetch. */
export interface DocumentReader {
  readonly userId: string;
  readonly address: string | undefined;
}

const documentsMax = 500;
const atOnceMax = 32;
const perHour = 10;
const countedMax = 10_000;
const age = { min: 300, max: 86_400 };

export type Documents = ReturnType<typeof createDocuments>;

/** `fetchOf` is for tests of the limits. */
export function createDocuments(
  settings: Settings,
  clock: Pick<Clock, "now">,
  fetchOf: typeof publicFetch = publicFetch,
) {
  const cached = new Map<string, { readonly document: ClientDocument; readonly at: number; readonly until: number }>();
  const running = new Map<string, Promise<ClientDocument>>();
  const counts = new Map<string, { readonly at: number; readonly count: number }>();
  const places = createPlaces(atOnceMax);

  /** Each fetch counts, also one that fails. */
  function count(userId: string, now: number): void {
    const known = counts.get(userId);
    const isCurrent = known !== undefined && known.at <= now && known.at > now - 3600;
    const { at, count: before } = isCurrent ? known : { at: now, count: 0 };
    if (before >= perHour && !isLocal(settings))
      throw new AmphoError("too_many_attempts", "You have asked for too many applications.", {
        retryAfterSeconds: at + 3600 - now,
      });
    remember(counts, userId, { at, count: before + 1 }, countedMax);
  }

  async function load(id: string, { address }: DocumentReader): Promise<ClientDocument> {
    const source = attemptSourceOf(address);
    const { members, headers } = await places.run(source, () => fetchOf(new URL(id), { isLocal: isLocal(settings) }));
    const document = readDocument(id, members);
    const now = clock.now();
    remember(cached, id, { document, at: now, until: now + ageOf(headers.get("cache-control") ?? "") }, documentsMax);
    return document;
  }

  return {
    /** The id must be one that is taken. Rejects with `not_found`, which states the cause, or `too_many_attempts`. */
    async find(id: string, reader: DocumentReader): Promise<ClientDocument> {
      const now = clock.now();
      const known = cached.get(id);
      if (known !== undefined && known.at <= now && known.until > now) return known.document;
      count(reader.userId, now);
      const loading = running.get(id) ?? load(id, reader).finally(() => running.delete(id));
      running.set(id, loading);
      try {
        return await loading;
      } catch (error) {
        if (error instanceof NoPlace)
          throw new AmphoError("unavailable", "Too many applications are being looked up.", { retryAfterSeconds: 3 });
        if (!(error instanceof FetchFailure || error instanceof DocumentProblem)) throw error;
        throw new AmphoError("not_found", `The document of this application cannot be used: ${error.message}.`);
      }
    },
  };
}

function ageOf(cacheControl: string): number {
  const seconds = Number(/(?:^|[ ,])max-age=(\d{1,9})(?:$|[ ,])/i.exec(cacheControl)?.[1] ?? 0);
  const isKept = !/\bno-(?:store|cache)\b/i.test(cacheControl);
  return Math.min(age.max, Math.max(age.min, isKept ? seconds : 0));
}
