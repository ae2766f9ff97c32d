/** CEL's accessors of a timestamp, in a time zone. Months, days of the month and days of the year count from 0, Sunday is day 0 (CEL spec). */
export const TIME_PARTS = [
  "getFullYear",
  "getMonth",
  "getDate",
  "getDayOfMonth",
  "getDayOfWeek",
  "getDayOfYear",
  "getHours",
  "getMinutes",
  "getSeconds",
  "getMilliseconds",
] as const;

/** Reads a part of a moment as clocks in `timezone` show it. The formatter is made once: making one costs more than all the rest. */
export function createLocalTime(timezone: string): (moment: Date, part: string) => bigint {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    calendar: "gregory",
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });

  return (moment, part) => {
    const shown = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
    const midnight = Date.UTC(year, month - 1, day);
    switch (part) {
      case "getFullYear":
        return BigInt(year);
      case "getMonth":
        return BigInt(month - 1);
      case "getDate":
        return BigInt(day);
      case "getDayOfMonth":
        return BigInt(day - 1);
      case "getDayOfWeek":
        return BigInt(new Date(midnight).getUTCDay());
      case "getDayOfYear":
        return BigInt(Math.round((midnight - Date.UTC(year, 0, 1)) / 86_400_000));
      case "getHours":
        return BigInt(hour);
      case "getMinutes":
        return BigInt(minute);
      case "getSeconds":
        return BigInt(second);
      default:
        return BigInt(moment.getUTCMilliseconds());
    }
  };
}
