import type { Handle } from "@sveltejs/kit/hooks";
import { ampho } from "../ampho.js";

export const handle: Handle = async ({ event, resolve }) => {
  // A session goes on after the end of its access token, in pages and in form actions. This guards nothing.
  const { addCookies } = await ampho.renew(event.request, { address: event.getClientAddress() });
  const response = addCookies(await resolve(event));
  // No other page shows the pages in a frame.
  response.headers.set("Content-Security-Policy", "frame-ancestors 'none'");
  return response;
};
