import { defineMiddleware } from "astro:middleware";
import { ampho } from "../ampho.js";

export const onRequest = defineMiddleware(async ({ request, clientAddress }, next) => {
  // A session goes on after the end of its access token, in pages and in actions. This guards nothing.
  const { addCookies } = await ampho.renew(request, { address: clientAddress });
  const response = addCookies(await next());
  // No other page shows the pages in a frame.
  response.headers.set("Content-Security-Policy", "frame-ancestors 'none'");
  return response;
});
