import { defineMiddleware } from "astro:middleware";

// No other page shows the pages in a frame.
export const onRequest = defineMiddleware(async (_context, next) => {
  const response = await next();
  response.headers.set("Content-Security-Policy", "frame-ancestors 'none'");
  return response;
});
