import type { Handle } from "@sveltejs/kit";

// No other page shows the pages in a frame.
export const handle: Handle = async ({ event, resolve }) => {
  const response = await resolve(event);
  response.headers.set("Content-Security-Policy", "frame-ancestors 'none'");
  return response;
};
