// The ids of service accounts. A token of one has its id for a login name, so no user has a login name of this form.

export const serviceIdPrefix = "svc_";

/** The prefix and 128 random bits in base64url. */
const form = /^svc_[\w-]{22}$/;

export const isServiceId = (text: string | undefined): boolean => text !== undefined && form.test(text);
