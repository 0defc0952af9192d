// Sources as tokens for highlighting, in the languages that workflows are written in.
import * as python from "./python.js";
import * as rust from "./rust.js";

// The lines of a source, each a list of `[class, text]`; the class is "" for plain text. `file` tells
// by its ending which language it is in.
export function lines(source, file = "") {
  const { TOKEN, kindOf } = file.endsWith(".rs") ? rust : python;
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
