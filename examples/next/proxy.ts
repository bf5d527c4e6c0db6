import { type NextRequest, NextResponse } from "next/server";
import { ampho } from "./ampho";

// A session goes on after the end of its access token, in pages and in server actions. This guards nothing.
export async function proxy(request: NextRequest) {
  const { headers, addCookies } = await ampho.renew(request);
  return addCookies(NextResponse.next({ request: { headers } }));
}

export const config = { matcher: "/((?!_next/).*)" };
