// The bars of a chart: every minute or hour of a span, those without a decision too. Pure.

const SPANS = { "1h": { count: 60, step: 60_000, length: 16, rest: ":00Z" }, "24h": { count: 24, step: 3_600_000, length: 13, rest: ":00:00Z" } };

/** The minutes or hours of a span up to now: `{time, at, allow, deny}`, zeros where the gateway told of nothing. */
export function filled(span, told, now) {
  const { count, step, length, rest } = SPANS[span];
  const known = new Map(told.map((each) => [each.time, each]));
  const last = Math.floor(now / step) * step;
  return Array.from({ length: count }, (_, index) => {
    const at = new Date(last - (count - 1 - index) * step);
    const time = at.toISOString().slice(0, length);
    const { allow = 0, deny = 0 } = known.get(time) ?? {};
    return { time, at: `${time}${rest}`, allow, deny };
  });
}

/** The next round number: 1, 2, 5, 10, 20, 50 and so on. */
export function ceiling(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, number)));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= number);
}

/** Where each bar stands in a drawing of this size; every bar that counts anything can be seen. */
export function bars(series, width, height) {
  const top = ceiling(Math.max(1, ...series.map((each) => each.deny)));
  const step = width / series.length;
  return series.map((each, index) => {
    const tall = each.deny === 0 ? 0 : Math.max(3, (each.deny / top) * height);
    return { ...each, x: index * step + step * 0.14, y: height - tall, width: step * 0.72, height: tall };
  });
}

/** The chart in a sentence, for who does not see it. `clock` says a moment. */
export function summary(series, clock) {
  const all = series.reduce((sum, each) => sum + each.deny, 0);
  if (all === 0) {
    return "Nothing was blocked.";
  }
  const most = series.reduce((best, each) => (each.deny > best.deny ? each : best));
  return `${all} blocked, most at ${clock(most.at)}: ${most.deny}.`;
}
