import { redirect } from "@sveltejs/kit";
import { ampho } from "../../../ampho.js";

export async function load({ request, url }: { request: Request; url: URL }) {
  const auth = await ampho.authenticate(request);
  if (!auth) redirect(303, `/sign-in?to=${encodeURIComponent(url.pathname + url.search)}`);
  return { login: auth.login };
}
