//! `mining.submit` as nearly every rig writes it, read in one pass and without allocation.
//!
//! What is written in any other way (escapes, further keys, an id that is no plain number) is `None` here and goes to
//! [`super::request::parse`]: the two never disagree about a line that both read.

/// The parameters of `mining.submit` as they stand on the wire: texts, still unjudged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmitTexts<'a> {
    pub worker: &'a str,
    pub job: &'a str,
    pub extranonce2: &'a str,
    pub ntime: &'a str,
    pub nonce: &'a str,
    pub version_bits: Option<&'a str>,
}

/// A submission's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmitLine<'a> {
    /// A number, as it was written.
    pub id: &'a str,
    pub texts: SubmitTexts<'a>,
}

/// Longest id read here: it fits any integer type.
const ID_DIGITS: usize = 15;
/// Parameters at most: the sixth are rolled version bits.
const PARAMS: usize = 6;

/// Reads a line.
pub fn parse(line: &[u8]) -> Option<SubmitLine<'_>> {
    let mut text = Scanner(std::str::from_utf8(line).ok()?);
    let (mut id, mut texts, mut is_submit) = (None, None, false);
    text.expect(b'{')?;
    loop {
        let key = text.string()?;
        text.expect(b':')?;
        match key {
            "id" if id.is_none() => id = Some(text.number()?),
            "method" if !is_submit && text.string()? == "mining.submit" => is_submit = true,
            "params" if texts.is_none() => texts = Some(text.params()?),
            _ => return None,
        }
        match text.token()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    let line = SubmitLine { id: id?, texts: texts? };
    (is_submit && text.is_over()).then_some(line)
}

/// What is left of the line.
struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    /// The next byte that is no white space.
    fn token(&mut self) -> Option<u8> {
        self.skip_spaces();
        let first = *self.0.as_bytes().first()?;
        self.0 = self.0.get(1..)?;
        Some(first)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.token()? == byte).then_some(())
    }

    /// A text of printable ASCII without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        let text = self.take_while(is_plain)?;
        self.expect_now(b'"')?;
        Some(text)
    }

    /// A whole number without sign or leading zero.
    fn number(&mut self) -> Option<&'a str> {
        self.skip_spaces();
        let digits = self.take_while(u8::is_ascii_digit)?;
        let is_number = digits == "0" || !digits.starts_with('0');
        let goes_on = self.0.starts_with(['.', 'e', 'E']);
        (is_number && !goes_on && (1..=ID_DIGITS).contains(&digits.len())).then_some(digits)
    }

    /// Five or six texts in brackets.
    fn params(&mut self) -> Option<SubmitTexts<'a>> {
        self.expect(b'[')?;
        let (mut params, mut count) = ([""; PARAMS], 0);
        loop {
            *params.get_mut(count)? = self.string()?;
            count += 1;
            match self.token()? {
                b',' => {}
                b']' => break,
                _ => return None,
            }
        }
        let [worker, job, extranonce2, ntime, nonce, bits] = params;
        let version_bits = (count == PARAMS).then_some(bits);
        (count + 1 >= PARAMS).then_some(SubmitTexts { worker, job, extranonce2, ntime, nonce, version_bits })
    }

    fn expect_now(&mut self, byte: u8) -> Option<()> {
        let is_next = self.0.as_bytes().first() == Some(&byte);
        self.0 = self.0.get(1..)?;
        is_next.then_some(())
    }

    fn take_while(&mut self, wanted: impl Fn(&u8) -> bool) -> Option<&'a str> {
        let end = self.0.bytes().position(|byte| !wanted(&byte))?;
        let (taken, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(taken)
    }

    fn skip_spaces(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n', ..] = self.0.as_bytes() {
            self.0 = &self.0[1..];
        }
    }

    fn is_over(&mut self) -> bool {
        self.skip_spaces();
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
