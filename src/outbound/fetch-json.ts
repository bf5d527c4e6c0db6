// Fetches one JSON object from another server.
import { parseJsonObject } from "../crypto/json.js";
import { type BoundedRequest, boundedFetch, FetchFailure } from "./bounded-fetch.js";

export interface FetchedJson {
  readonly members: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

export interface FetchJsonOptions extends Omit<BoundedRequest, "headers"> {
  readonly bearer?: string;
}

/** Rejects with FetchFailure, also for a status other than 200. */
export async function fetchJson(url: URL, { bearer, ...request }: FetchJsonOptions): Promise<FetchedJson> {
  const { status, headers, body } = await boundedFetch(url, {
    ...request,
    headers: { accept: "application/json", ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) },
  });
  if (status !== 200) throw new FetchFailure(`the response was ${status || "a redirect"}`);
  const members = parseJsonObject(body);
  if (members === undefined) throw new FetchFailure("the response was not one JSON object in UTF-8");
  return { members, headers };
}
