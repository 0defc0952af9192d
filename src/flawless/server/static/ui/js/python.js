// Python's tokens for highlighting: enough to read by, nothing that has to be exact.

const KEYWORDS = new Set(
  (
    "False None True and as assert async await break case class continue def del elif else " +
    "except finally for from global if import in is lambda match nonlocal not or pass raise " +
    "return try while with yield"
  ).split(" "),
);

export const TOKEN = new RegExp(
  [
    "(?<comment>#[^\\n]*)",
    "(?<string>[rRbBfFuU]{0,2}(?:\"\"\"[^]*?(?:\"\"\"|$)|'''[^]*?(?:'''|$)" +
      "|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))",
    "(?<number>\\b(?:0[xXbBoO][\\da-fA-F_]+|\\d[\\d_]*(?:\\.\\d+)?(?:[eE][+-]?\\d+)?j?)\\b)",
    "(?<decorator>@[\\w.]+)",
    "(?<word>[A-Za-z_]\\w*)",
  ].join("|"),
  "g",
);

export function kindOf({ comment, string, number, decorator }, text, previous) {
  if (comment) return "t-comment";
  if (string) return "t-string";
  if (number) return "t-number";
  if (decorator) return "t-name";
  if (KEYWORDS.has(text)) return "t-word";
  return previous === "def" || previous === "class" ? "t-name" : "";
}
