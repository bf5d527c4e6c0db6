import { redirect } from "react-router";
import { ampho } from "../../ampho.js";

export async function loader({ request }: { request: Request }) {
  const auth = await ampho.authenticate(request);
  const { pathname, search } = new URL(request.url);
  if (!auth) throw redirect(`/sign-in?to=${encodeURIComponent(pathname + search)}`);
  return { login: auth.login };
}

export default function Account({ loaderData }: { loaderData: { login: string } }) {
  return <h1>Hello {loaderData.login}</h1>;
}
