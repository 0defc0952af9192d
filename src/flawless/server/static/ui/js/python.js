// Python source as tokens for highlighting: enough to read by, nothing that has to be exact.

const KEYWORDS = new Set(
  (
    "False None True and as assert async await break case class continue def del elif else " +
    "except finally for from global if import in is lambda match nonlocal not or pass raise " +
    "return try while with yield"
  ).split(" "),
);

const TOKEN = new RegExp(
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

// The lines of a source, each a list of `[class, text]`; the class is "" for plain text.
export function lines(source) {
  const found = [[]];
  const put = (kind, text) => {
    for (const [n, part] of text.split("\n").entries()) {
      if (n > 0) found.push([]);
      if (part) found.at(-1).push([kind, part]);
    }
  };
  let end = 0;
  let previous = "";
  for (const match of source.matchAll(TOKEN)) {
    put("", source.slice(end, match.index));
    const [text] = match;
    put(kindOf(match.groups, text, previous), text);
    end = match.index + text.length;
    previous = text;
  }
  put("", source.slice(end));
  if (found.at(-1).length === 0 && found.length > 1) found.pop();
  return found;
}

function kindOf({ comment, string, number, decorator }, text, previous) {
  if (comment) return "t-comment";
  if (string) return "t-string";
  if (number) return "t-number";
  if (decorator) return "t-name";
  if (KEYWORDS.has(text)) return "t-word";
  return previous === "def" || previous === "class" ? "t-name" : "";
}
