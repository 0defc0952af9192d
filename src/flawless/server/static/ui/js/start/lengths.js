// Lengths of time as people write them: "90", "1h30m", "2 d"; in seconds.

const UNIT_S = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const WHOLE = /^(?:\d+(?:\.\d+)?\s*(?:ms|s|m|h|d|w)\s*)+$/;
const PART = /(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)/g;

// NaN for what is no length of time.
export function seconds(text) {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed);
  if (!WHOLE.test(trimmed)) return NaN;
  let sum = 0;
  for (const [, length, unit] of trimmed.matchAll(PART)) sum += Number(length) * UNIT_S[unit];
  return sum;
}
