// Rust's tokens for highlighting: enough to read by, nothing that has to be exact.

const KEYWORDS = new Set(
  (
    "Self as async await break const continue crate dyn else enum extern false fn for if impl in " +
    "let loop match mod move mut pub ref return self static struct super trait true type union " +
    "unsafe use where while"
  ).split(" "),
);
const NAMING = new Set(["fn", "struct", "enum", "trait", "union", "type", "mod"]);

export const TOKEN = new RegExp(
  [
    "(?<comment>//[^\\n]*|/\\*[^]*?(?:\\*/|$))",
    '(?<string>b?r(?<fence>#*)"[^]*?(?:"\\k<fence>|$)|[bc]?"(?:\\\\[^]|[^"\\\\])*"?' +
      "|b?'(?:\\\\[^']+|\\\\'|[^'\\\\\\n])')",
    "(?<number>\\b(?:0[xbo][\\da-fA-F_]+|\\d[\\d_]*(?:\\.\\d[\\d_]*)?(?:[eE][+-]?\\d+)?)\\w*\\b)",
    "(?<attribute>#!?\\[[^\\]\\n]*\\]?)",
    "(?<macro>\\b[A-Za-z_]\\w*!(?!=))",
    "(?<word>'?\\b[A-Za-z_]\\w*)",
  ].join("|"),
  "g",
);

export function kindOf({ comment, string, number, attribute, macro }, text, previous) {
  if (comment) return "t-comment";
  if (string) return "t-string";
  if (number) return "t-number";
  if (attribute || macro) return "t-name";
  if (KEYWORDS.has(text)) return "t-word";
  return NAMING.has(previous) ? "t-name" : "";
}
