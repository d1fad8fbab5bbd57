//! What a registry asks for when it does not know who asks: `WWW-Authenticate` (RFC 9110), as far as registries use it.

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token, which this place gives.
    Bearer {
        /// Where.
        realm: String,
        /// For what.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads one header; nothing if it is of another kind or broken.
    pub(crate) fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=')?;
            let (value, after) = if let Some(quoted) = value.strip_prefix('"') {
                unquoted(quoted)?
            } else {
                let end = value.find(',').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            };
            match name.trim().to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                _ => {}
            }
            rest = after.trim().trim_start_matches(',').trim();
        }
        Some(Self::Bearer { realm: realm?, service })
    }
}

/// A quoted text, without the quote it began with, and what is behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    loop {
        match chars.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(chars.next()?.1),
            (_, c) => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_registries_ask_for_is_understood() {
        assert_eq!(Challenge::read("Basic realm=\"Registry\""), Some(Challenge::Basic));
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (header, expected) in [
            (
                "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a:pull\"",
                bearer("https://auth.example/token", Some("registry.example")),
            ),
            ("bearer realm=\"https://a/t\\\"x\" , scope=\"a,b\"", bearer("https://a/t\"x", None)),
            ("Bearer service=x, realm=https://a/t", bearer("https://a/t", Some("x"))),
            ("Bearer service=x", None),
            ("Bearer realm=\"x", None),
            ("Negotiate", None),
            ("", None),
        ] {
            assert_eq!(Challenge::read(header), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "(Bearer )?[\\PC=\",\\\\]{0,60}") {
            let _ = Challenge::read(&header);
        }
    }
}
