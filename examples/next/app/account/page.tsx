import { headers } from "next/headers";
import { redirect } from "next/navigation";
import { ampho } from "../../ampho";

export default async function Page() {
  const auth = await ampho.authenticate({ headers: await headers() });
  if (!auth) redirect("/sign-in?to=/account");
  return <h1>Hello {auth.login}</h1>;
}
