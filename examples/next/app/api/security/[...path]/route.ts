import { ampho } from "../../../../ampho";

const handler = (request: Request) => ampho.fetch(request);

export { handler as DELETE, handler as GET, handler as POST };
