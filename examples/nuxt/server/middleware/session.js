import { renew } from "ampho/node";
import { fromNodeMiddleware } from "h3";
import { ampho } from "../../ampho";

// A session goes on after the end of its access token, in every route and page. This guards nothing.
export default fromNodeMiddleware(renew(ampho));
