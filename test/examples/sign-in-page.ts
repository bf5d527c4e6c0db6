// The page of the shortest examples: a user signs in, sees what a guarded route returns, and signs out.
import type { Browser } from "playwright-core";
import { expect } from "vitest";

/** Uses the page as Alice, who has this password. */
export async function expectSignInPage(browser: Browser, url: string, password: string): Promise<void> {
  const page = await browser.newPage();
  await page.goto(url);
  const signIn = async (secret: string) => {
    await page.getByLabel("Login").fill("alice");
    await page.getByLabel("Password").fill(secret);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  const says = (text: RegExp) => expect.poll(() => page.getByRole("status").textContent()).toMatch(text);
  await signIn("wrong");
  await says(/wrong/);
  await signIn(password);
  await says(/hello.*alice/i);
  await page.getByLabel("Password").waitFor({ state: "hidden" });
  await page.reload();
  await says(/hello.*alice/i);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
  await says(/^$/);
  await page.context().close();
}
