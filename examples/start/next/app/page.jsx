// The script of it opens the account page for a user with a session. A redirect here would lose the link of a mail.
export { SignIn as default } from "./sign-in";
