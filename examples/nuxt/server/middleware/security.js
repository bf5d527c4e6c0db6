import { mount } from "ampho/node";
import { fromNodeMiddleware } from "h3";
import { ampho } from "../../ampho";

export default fromNodeMiddleware(mount(ampho));
