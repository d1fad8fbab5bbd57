// The language: lines of `key = value`, and comments that begin with `#`. It becomes one JSON object.
export function compileProps(text) {
  const fields = {};
  const problems = [];
  for (const [index, line] of text.split('\n').map((line) => line.trim()).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    if (equals < 0) problems.push({ line: index + 1, message: `\`${line}\` has no value` });
    else fields[line.slice(0, equals).trim()] = line.slice(equals + 1).trim();
  }
  return { json: `${JSON.stringify(fields, null, 2)}\n`, problems };
}
