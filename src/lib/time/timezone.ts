import { didYouMean } from "../text/did-you-mean.ts";

export function isTimezone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

let zones: string[] | undefined;

/** For a text that is no time zone: the one that was probably meant, or an example. */
export function timezoneHint(text: string): string {
  zones ??= ["UTC", ...Intl.supportedValuesOf("timeZone")];
  return didYouMean(text, zones) ?? "Such as Europe/Berlin or UTC.";
}
