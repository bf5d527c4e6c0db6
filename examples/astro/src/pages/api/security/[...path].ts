import { ampho } from "../../../../ampho.js";

type Context = { request: Request; clientAddress: string };
export const ALL = ({ request, clientAddress }: Context) => ampho.fetch(request, { address: clientAddress });
