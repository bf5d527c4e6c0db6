// Express 4 beside Express 5, under the name that package.json gives it: for what the suite uses, their types agree.
declare module "express4" {
  export { default } from "express";
}
