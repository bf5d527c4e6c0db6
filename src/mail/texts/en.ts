// The English texts.
import type { Texts } from "./texts.js";

export const en: Texts = {
  phrases: {
    enterCode: "Enter this code:",
    orOpenLink: "Or open this link:",
    openLink: "Open this link:",
    linkLabel: "Continue",
    valid: "It is valid for {duration} and can be used once.",
    secret: "Never give the code to another person. {app} never asks you for it.",
    match:
      "In another browser, the link asks for the number that the first page shows. Never enter a number that another person gives you.",
    requested: "This was requested[ in {browser}] at {time}.",
    happened: "This happened[ in {browser}] at {time}.",
    unknownBrowser: "an unknown browser",
    ifYou: "If this was you, you do not need to do anything.",
    ignore: "If you do not want this, ignore this mail. Nothing has changed.",
    alarm:
      "If this was not you, open this link. It signs out all devices and stops changes that are not finished. It can do nothing else:",
    alarmDeleted:
      "If this was not you, open this link. It informs the operator of {app}, who can help you. It can do nothing else:",
    alarmLabel: "This was not me",
    afterAlarm: "Then set a new password.",
    changes: {
      login_changed: "change the login name",
      email_changed: "change the address",
      names_changed: "change the address and the login name",
      password_added: "add a password",
      password_removed: "remove the password",
      first_factor: "add a passkey or an authenticator app",
      further_factor: "add a passkey or an authenticator app",
      factor_replaced: "replace the authenticator app",
      codes_replaced: "create new recovery codes",
      factor_removed: "remove a passkey or the authenticator app",
      identity_linked: "add a sign-in with another provider",
      identity_unlinked: "remove a sign-in with another provider",
      account_removed: "delete the account",
      access_ended: "end everything else that can sign in",
      review: "remove sign-in methods",
    },
  },
  kinds: {
    login: `Sign in to {app}
      With this mail you can sign in to {app}[ as {login}].`,
    register: `Confirm your address for {app}
      Confirm this address to create an account at {app}.`,
    account_exists: `You already have an account at {app}
      A new account at {app} was requested for this address, but you already have one. Sign in with it. If you forgot your password, reset it.`,
    reset: `Reset your password for {app}
      A new password for your account[ {login}] at {app} was requested.`,
    email: `Confirm your new address for {app}
      Confirm this address to use it for your account at {app}.`,
    email_taken: `This address already has an account at {app}
      At {app}, a user asked to change the address of an account to this one. This address already has an account.`,
    email_later: `Confirm your new address for {app}
      Seven days ago, a user who cannot read the mailbox of an account at {app} asked to use this address for it. Sign in there, and enter the code on the page of the account.`,
    invite: `Invitation to {app}
      You are invited to create an account at {app}.`,
    recover: `Recover your account at {app}
      An operator of {app} has begun the recovery of your account[ {login}]. The link leads to a new password.
      If you did not ask for this, do not open the link, and write to the operator.`,
    alarm_reset: `Set a new password for {app}
      A link in a mail to you has signed out all devices of your account[ {login}] at {app}. Set a new password now.
      If you did not open that link, another person reads your mail. Then change the password of your mailbox first.`,
    enroll: `Set up a second factor for {app}
      Your account at {app} must get a second factor. With this code you can set it up.
      If you are not signing in now, another person is doing so in your name. Change your password, or secure the account at another provider with which you sign in.`,
    identity: `Confirm your sign-in to {app}
      A user of another provider wants to sign in to {app} with this address. With this code, that user can sign in from now on.`,
    confirm: `Sign-in methods for {app}: confirm a change
      A person who is signed in to your account[ {login}] at {app} wants to {change}. To allow it, enter this code there.
      If this is not you, do not pass the code on, and open this link. It signs out all devices:`,
    test: `Test mail from {app}
      This is a test. Mail from {app} arrives.
      You do not need to do anything.`,
    new_device: `New device signed in to {app}
      A new device signed in to your account at {app}.`,
    factor_added: `New sign-in method for {app}
      A passkey, an authenticator app or recovery codes were added to your account at {app}.`,
    factor_removed: `Sign-in method removed from {app}
      A passkey, an authenticator app or recovery codes were removed from your account at {app}.`,
    password_changed: `New password for {app}
      The password of your account at {app} was changed.`,
    email_changed: `New address for your account at {app}
      The address of your account[ {login}] at {app} was changed[ by an operator]. This is the last mail to this address.
      [If this was not you, write to {contact}.]`,
    email_leaving: `Your account at {app} gets another address
      On {date} the address of your account[ {login}] at {app} becomes {to}.
      If this was you, you do not need to do anything. You can stop it on the page of your account.`,
    login_changed: `New login name for {app}
      The login name of your account at {app} was changed.`,
    account_deleted: `Your account at {app} was deleted
      Your account at {app} was deleted. This is the last mail about it.`,
    recovery_used: `Recovery code used at {app}
      A recovery code of your account at {app} was used.`,
    factor_attempts: `Wrong second factors at {app}
      Several second factors for your account at {app} were wrong. The step before was right. It was your password, a mail to you, or a sign-in with another provider. Another person might have access to it.`,
    passkey_cloned: `Passkey rejected at {app}
      A passkey of your account at {app} was rejected, because a copy of it might exist. Remove this passkey and create a new one.`,
    identity_linked: `Outside account linked at {app}
      An account of another provider was linked. It can now sign in to your account at {app}.`,
    identity_unlinked: `Outside account unlinked at {app}
      An account of another provider was unlinked. It can no longer sign in to your account at {app}.`,
    api_key_created: `New API key for {app}
      An API key was created for your account at {app}. A program with this key can act in your name, within its scopes.`,
    connection_added: `New connected application at {app}
      An application was connected to your account at {app}. It can act in your name, within the scopes that were given.`,
    recovery_begun: `Recovery of your account at {app}
      An operator of {app} has begun the recovery of your account.`,
    alarm_raised: `All devices signed out of {app}
      A link in a mail to you has signed out all devices of your account[ {login}] at {app}.
      If you did not open that link, another person reads your mail. Then change the password of your mailbox.`,
  },
};
