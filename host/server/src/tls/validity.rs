//! From when until when a certificate is valid: the one thing that is read here from a certificate itself, which is DER.

use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The first and the last instant, if the certificate says so in the way that RFC 5280 prescribes.
pub(super) fn of(certificate: &[u8]) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let (whole, _) = part(certificate, SEQUENCE)?;
    let (mut fields, _) = part(whole, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = part(fields, VERSION)?.1;
    }
    // The serial number, the algorithm of the signature, the issuer.
    for _ in 0..3 {
        fields = part(fields, *fields.first()?)?.1;
    }
    let (validity, _) = part(fields, SEQUENCE)?;
    let (begins, rest) = instant(validity)?;
    let (ends, _) = instant(rest)?;
    Some((begins, ends))
}

/// The content of the part that `bytes` begin with, and what follows it.
fn part(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(length & 0x7f)).filter(|(d, _)| d.len() <= 4)?;
        (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
    };
    if found == tag { rest.split_at_checked(length) } else { None }
}

fn instant(bytes: &[u8]) -> Option<(OffsetDateTime, &[u8])> {
    const FORMAT: &[FormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]Z");
    let tag = *bytes.first()?;
    let (text, rest) = part(bytes, tag)?;
    let text = std::str::from_utf8(text).ok()?;
    let century = match tag {
        GENERALIZED_TIME => "",
        UTC_TIME if text < "50" => "20",
        UTC_TIME => "19",
        _ => return None,
    };
    Some((PrimitiveDateTime::parse(&format!("{century}{text}"), FORMAT).ok()?.assume_utc(), rest))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x82, 0, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn certificate(begins: &[u8], ends: &[u8]) -> Vec<u8> {
        let validity = der(SEQUENCE, &[begins, ends].concat());
        let fields =
            [der(VERSION, &[2, 1, 2]), der(2, &[7]), der(SEQUENCE, &[]), der(SEQUENCE, &[]), validity];
        der(SEQUENCE, &der(SEQUENCE, &fields.concat()))
    }

    #[test]
    fn both_ways_of_writing_a_time_are_read() {
        let certificate =
            certificate(&der(UTC_TIME, b"491231235959Z"), &der(GENERALIZED_TIME, b"20500101000000Z"));
        let expected = (datetime!(2049-12-31 23:59:59 UTC), datetime!(2050-01-01 00:00:00 UTC));
        assert_eq!(of(&certificate), Some(expected));
    }

    #[test]
    fn what_is_no_certificate_has_no_validity() {
        let whole = certificate(&der(UTC_TIME, b"700101000000Z"), &der(UTC_TIME, b"200101000000Z"));
        assert!(of(&whole).is_some());
        for cut in 0..whole.len() {
            assert_eq!(of(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(of(&[SEQUENCE, 0xff, 0xff]), None);
        assert_eq!(of(&certificate(&der(UTC_TIME, b"never"), &der(UTC_TIME, b"200101000000Z"))), None);
    }
}
