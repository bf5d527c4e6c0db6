// A request to a URL that a stranger has chosen. It reaches no host inside: the lookup of the connection itself rejects
// a name of which any address is special-use, so nothing can change between the check and the use. It follows no
// redirect and uses no proxy.
import { lookup as lookUp } from "node:dns";
import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { parseJsonObject } from "../crypto/json.js";
import { type FetchedJson, FetchFailure } from "./bounded-fetch.js";
import { isLoopback } from "./secure-url.js";

const timeoutMs = 3_000;
const bytesMax = 8_192;

/** RFC 6890 and its registry. */
const special = new BlockList();
for (const network of [
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24",
  "192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24",
  "203.0.113.0/24 224.0.0.0/4 240.0.0.0/4",
].flatMap((line) => line.split(" "))) {
  const [address = "", bits] = network.split("/");
  special.addSubnet(address, Number(bits), "ipv4");
}
/** All of IPv6 that is assigned for the Internet. Mapped, translated and local addresses are outside of it. */
const global = new BlockList();
global.addSubnet("2000::", 3, "ipv6");
/** Protocol assignments with Teredo, documentation, 6to4, which contains an IPv4 address, and AS112. */
for (const network of ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]) {
  const [address = "", bits] = network.split("/");
  special.addSubnet(address, Number(bits), "ipv6");
}

/** Returns whether the Internet routes to the address. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !special.check(address, "ipv4");
  return version === 6 && !address.includes("%") && global.check(address, "ipv6") && !special.check(address, "ipv6");
}

type Lookup = typeof lookUp;

export interface PublicFetch {
  /** Takes hosts of this machine too, and http, for a server that runs there itself. */
  readonly isLocal: boolean;
  /** Default: that of the system. */
  readonly lookup?: Lookup | undefined;
}

/** Rejects with FetchFailure, also for a status other than 200, a body that is long, late, or no JSON object. */
export async function publicFetch(url: URL, { isLocal, lookup = lookUp }: PublicFetch): Promise<FetchedJson> {
  const { hostname, protocol, port } = url;
  const isHere = isLocal && isLoopback(hostname);
  if (!isHere && (protocol !== "https:" || port !== "" || isIP(hostname.replace(/^\[|\]$/g, "")) !== 0))
    throw new FetchFailure("the URL must be https with a name and without a port");
  let wasAsked = false;
  const checked: LookupFunction = (name, options, done) => {
    wasAsked = true;
    lookup(name, { ...options, all: true, order: "verbatim" }, (error, addresses) => {
      const isAllowed = ({ address }: { readonly address: string }) =>
        isPublicAddress(address) || (isHere && isLoopback(isIP(address) === 6 ? `[${address}]` : address));
      const [one] = addresses ?? [];
      if (error !== null || one === undefined) return done(error ?? new FetchFailure("the host has no address"), []);
      if (!addresses.every(isAllowed)) return done(new FetchFailure("the host has an address that is not public"), []);
      // All are public, so the connection can try each.
      return options.all === true ? done(null, addresses) : done(null, one.address, one.family);
    });
  };
  const options: RequestOptions = {
    // A connection of its own, so that none of another request is used again.
    agent: false,
    lookup: checked,
    headers: { accept: "application/json", "accept-encoding": "identity", "user-agent": "ampho" },
  };
  const begin = protocol === "https:" ? requestHttps : requestHttp;
  return bounded(
    () => begin(url, options),
    (response) => {
      // A runtime that does not ask could have connected to anything.
      if (!wasAsked && !isHere) throw new FetchFailure("this runtime does not let the address be checked");
      if (response.statusCode !== 200) throw new FetchFailure(`the response was ${response.statusCode}`);
      const type = response.headers["content-type"] ?? "";
      if (!/^application\/(?:[\w.-]+\+)?json(?:;|$)/i.test(type)) throw new FetchFailure("the response was no JSON");
    },
  );
}

function bounded(begin: () => ClientRequest, check: (response: IncomingMessage) => void): Promise<FetchedJson> {
  return new Promise((resolve, reject) => {
    const request = begin();
    const end = (error: unknown) => {
      clearTimeout(timer);
      request.destroy();
      reject(error instanceof FetchFailure ? error : new FetchFailure("the host could not be reached"));
    };
    const timer = setTimeout(
      () => end(new FetchFailure(`there was no response within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    request.on("error", end);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.byteLength;
        if (bytes > bytesMax) end(new FetchFailure(`the response was longer than ${bytesMax / 1024} KiB`));
        else chunks.push(chunk);
      });
      response.on("error", end);
      response.on("close", end);
      response.on("end", () => {
        const members = parseJsonObject(Buffer.concat(chunks));
        if (members === undefined) return end(new FetchFailure("the response was not one JSON object in UTF-8"));
        clearTimeout(timer);
        const cacheControl = response.headers["cache-control"];
        return resolve({ members, headers: new Headers(cacheControl ? { "cache-control": cacheControl } : {}) });
      });
      try {
        check(response);
      } catch (error) {
        end(error);
      }
    });
    request.end();
  });
}
