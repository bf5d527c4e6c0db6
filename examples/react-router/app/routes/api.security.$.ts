import { ampho } from "../../ampho.js";

export const loader = ({ request }: { request: Request }) => ampho.fetch(request);
export const action = loader;
