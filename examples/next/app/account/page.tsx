import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { ampho } from "../../ampho";

async function userOfPage() {
  const auth = await ampho.authenticate({ headers: await headers() });
  return auth ?? redirect("/sign-in?to=/account");
}

async function order(fields: FormData) {
  "use server";
  const { login } = await userOfPage(); // each action checks the user itself
  redirect(`/account?ordered=${encodeURIComponent(`${fields.get("article")} for ${login}`)}`);
}

export default async function Page({ searchParams }: { searchParams: Promise<{ ordered?: string }> }) {
  const auth = await userOfPage();
  const { ordered } = await searchParams;
  return (
    <main>
      <h1>Hello {auth.login}</h1>
      <form action={order}>
        <input name="article" aria-label="Article" required />
        <button type="submit">Order</button>
      </form>
      {ordered && <p role="status">Ordered: {ordered}</p>}
    </main>
  );
}
