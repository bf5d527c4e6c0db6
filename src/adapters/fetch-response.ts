// An answer as a web Response.
import type { HttpAnswer } from "../http/rest/message.js";

export function responseOf({ status, headers, cookies = [], body }: HttpAnswer): Response {
  const response = new Response(body ?? null, { status, headers });
  for (const cookie of cookies) response.headers.append("Set-Cookie", cookie);
  return response;
}
