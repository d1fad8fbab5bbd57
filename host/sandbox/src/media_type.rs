//! Media types by the ending of a path, for artifacts of compilers that do not say.

/// The media type of a file that is called so.
pub(crate) fn of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    match ending.as_str() {
        "css" => "text/css",
        "csv" => "text/csv",
        "htm" | "html" => "text/html",
        "js" | "cjs" | "mjs" => "text/javascript",
        "json" | "map" => "application/json",
        "md" => "text/markdown",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "toml" => "application/toml",
        "txt" => "text/plain",
        "wasm" => "application/wasm",
        "wgsl" => "text/wgsl",
        "woff2" => "font/woff2",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_of_the_last_part_counts() {
        assert_eq!(of("a.b/c.CSS"), "text/css");
        assert_eq!(
            (of("a.css/b"), of(".gitignore")),
            ("application/octet-stream", "application/octet-stream")
        );
    }
}
