//! The browsers that CSS is written for, from a list such as `chrome 100, safari 15.4`.

use lightningcss::targets::{Browsers, Targets};
use prefab_sdk::Failure;

/// Reads the option `browsers`.
pub(crate) fn parse(list: &str) -> Result<Targets, Failure> {
    if matches!(list.trim(), "" | "none") {
        return Ok(Targets::default());
    }
    let mut browsers = Browsers::default();
    for each in list.split(',') {
        let wrong = || {
            Failure::Unsupported(format!(
                "the option `browsers` has `{}`; it is a list such as `chrome 100, safari 15.4` of android, chrome, edge, \
                 firefox, ie, ios, opera, safari and samsung",
                each.trim()
            ))
        };
        let (name, version) = each.trim().split_once(' ').ok_or_else(wrong)?;
        let version = parse_version(version.trim()).ok_or_else(wrong)?;
        let browser = match name.to_ascii_lowercase().as_str() {
            "android" => &mut browsers.android,
            "chrome" => &mut browsers.chrome,
            "edge" => &mut browsers.edge,
            "firefox" => &mut browsers.firefox,
            "ie" => &mut browsers.ie,
            "ios" | "ios_saf" => &mut browsers.ios_saf,
            "opera" => &mut browsers.opera,
            "safari" => &mut browsers.safari,
            "samsung" => &mut browsers.samsung,
            _ => return Err(wrong()),
        };
        // The oldest that is named is the one to write for.
        *browser = Some(browser.map_or(version, |other| version.min(other)));
    }
    Ok(Targets::from(browsers))
}

/// A version as lightningcss wants it: a byte each for its three parts.
fn parse_version(text: &str) -> Option<u32> {
    let mut parts = text.split('.');
    let mut version = 0;
    for shift in [16, 8, 0] {
        let Some(part) = parts.next() else { break };
        version |= u32::from(part.parse::<u8>().ok()?) << shift;
    }
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_browsers_is_read() {
        let browsers = parse("Chrome 100, safari 15.4,chrome 99").unwrap().browsers.unwrap();
        assert_eq!(browsers.chrome, Some(99 << 16));
        assert_eq!(browsers.safari, Some((15 << 16) | (4 << 8)));
        assert_eq!(browsers.firefox, None);
    }

    #[test]
    fn no_browsers_at_all_can_be_asked_for() {
        assert_eq!(parse("none").unwrap().browsers, None);
    }

    #[test]
    fn what_is_no_browser_is_refused_with_an_example() {
        for list in ["chrome", "chrome latest", "netscape 4", "chrome 1.2.3.4", "chrome 300"] {
            let Err(Failure::Unsupported(why)) = parse(list) else { panic!("{list} was taken") };
            assert!(why.contains("chrome 100"), "{why}");
        }
    }
}
