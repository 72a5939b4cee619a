// Values as people read them. Pure.

const NAMES = { deny: "Blocked", allow: "Allowed" };

/** Blocked or Allowed. */
export const verdictWord = (verdict) => NAMES[verdict] ?? "Undecided";

/** A whole number with its thousands apart. */
export const count = (number) => Number(number ?? 0).toLocaleString("en").replaceAll(",", "\u202f");

/** "1 rule", "2 rules". */
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** A moment as the time of the day where the reader is. */
export function clock(iso) {
  const moment = new Date(iso);
  return Number.isNaN(moment.getTime()) ? "" : [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":");
}

/** A moment with its day. */
export function moment(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? ""
    : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clock(iso)}`;
}

const two = (number) => String(number).padStart(2, "0");

/** Seconds in the two units that say most. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]
    .reduce(({ left, found }, [unit, length]) => ({ left: left % length, found: [...found, [Math.floor(left / length), unit]] }),
      { left: whole, found: [] }).found;
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) {
    return "0 s";
  }
  return parts.slice(first, first + 2).filter(([amount]) => amount > 0).map(([amount, unit]) => `${amount} ${unit}`).join(" ");
}

/** Bytes in the unit that says most. */
export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let rest = Number(number ?? 0);
  let unit = 0;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${units[unit]}`;
}

/** What a record is about, as an address: of a tunnel host and port alone. */
export function address(request) {
  const host = request?.host ?? "(no host)";
  const name = host.includes(":") ? `[${host}]` : host;
  const usual = { http: 80, https: 443 }[request?.scheme] === request?.port;
  const port = request?.port === null || request?.port === undefined || usual ? "" : `:${request.port}`;
  if (!request?.scheme || request.method === "CONNECT") {
    return `${name}${request?.port ? `:${request.port}` : ""}`;
  }
  return `${request.scheme}://${name}${port}${request.path ?? "/"}${query(request.query)}`;
}

function query(values) {
  const shown = Object.entries(values ?? {}).flatMap(([key, value]) =>
    [value].flat().map((each) => `${encodeURIComponent(key)}=${encodeURIComponent(String(each ?? ""))}`));
  return shown.length === 0 ? "" : `?${shown.join("&")}`;
}

/** Why in a few words: the rule, or the reason where no rule decided. */
export function why(decision) {
  return decision?.rule ?? String(decision?.reason ?? "").replaceAll("-", " ");
}

/** The name of a file without its folders, with the line. */
export const place = (text) => (text ?? "").split("/").pop();

/** A rate as it is written in a policy. */
export function rate(limit) {
  if (limit.rate === null || limit.rate === undefined) {
    return `${count(limit.concurrent)} at once`;
  }
  const { amount, period, burst } = limit.rate;
  const per = { 1: "s", 60: "min", 3600: "h", 86400: "d" }[period] ?? `${period} s`;
  return `${count(amount)}/${per}, ${count(burst)} at once`;
}
