// An answer as a web Response.
import type { HttpAnswer } from "./message.js";

export function responseOf({ status, headers, body }: HttpAnswer): Response {
  return new Response(body ?? null, { status, headers });
}
