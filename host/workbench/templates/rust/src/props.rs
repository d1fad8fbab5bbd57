//! The language: lines of `key = value`, and comments that begin with `#`. It becomes one JSON object.

/// What is wrong with a line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: u32,
    pub message: String,
}

/// Compiles a file.
pub fn compile(text: &str) -> Result<String, Vec<Problem>> {
    let (mut fields, mut problems) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(text.lines()).map(|(line, text)| (line, text.trim())) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match text.split_once('=') {
            Some((key, value)) => fields.push(format!("  {}: {}", json(key.trim()), json(value.trim()))),
            None => problems.push(Problem { line, message: format!("`{text}` has no value") }),
        }
    }
    if problems.is_empty() { Ok(format!("{{\n{}\n}}\n", fields.join(",\n"))) } else { Err(problems) }
}

fn json(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_fields() {
        assert_eq!(compile("# hello\na = b\n\nc=\"d\"\n").unwrap(), "{\n  \"a\": \"b\",\n  \"c\": \"\\\"d\\\"\"\n}\n");
    }

    #[test]
    fn a_line_without_a_value_is_a_problem() {
        assert_eq!(compile("a = b\nc\n").unwrap_err()[0].line, 2);
    }
}
