// An answer as a web Response.
import type { HttpResponse } from "../http/rest/message.js";

export function toFetchResponse({ status, headers, cookies = [], body }: HttpResponse): Response {
  const response = new Response(body ?? null, { status, headers });
  for (const cookie of cookies) response.headers.append("Set-Cookie", cookie);
  return response;
}
