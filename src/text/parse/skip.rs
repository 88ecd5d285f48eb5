//! Reads past values of fields that have no descriptor, by their brackets alone.

use super::Parser;
use crate::error::Result;
use crate::text::MAX_DEPTH;
use crate::text::lexer::Token;

impl Parser<'_> {
    /// The value of a field that is not known: a message, a list, literals or one word.
    pub(super) fn skip(&mut self, depth: usize) -> Result<()> {
        self.accept(b':')?;
        if !self.accept(b'[')? {
            return self.skip_value(depth);
        }
        while !self.accept(b']')? {
            self.skip_value(depth)?;
            if !self.accept(b',')? && !self.is_at(b']') {
                return Err(self.lexer.expected("\",\" or \"]\""));
            }
        }
        Ok(())
    }

    fn skip_value(&mut self, depth: usize) -> Result<()> {
        let end = match self.lexer.token() {
            Token::Symbol(b'{') => b'}',
            Token::Symbol(b'<') => b'>',
            Token::Literal(_) => {
                while matches!(self.lexer.token(), Token::Literal(_)) {
                    self.lexer.advance()?;
                }
                return Ok(());
            }
            Token::Number("-") => {
                self.lexer.advance()?;
                return self.skip_value(depth);
            }
            Token::Name(_) | Token::Number(_) => return self.lexer.advance(),
            _ => return Err(self.lexer.expected("a value")),
        };
        let depth = depth.saturating_add(1);
        if depth > MAX_DEPTH {
            let place = self.lexer.place();
            return Err(self.lexer.error_at(place, "messages nested too deep"));
        }
        self.lexer.advance()?;
        while !self.accept(end)? {
            match self.lexer.token() {
                Token::Symbol(b'[') => drop(self.lexer.bracketed()?),
                Token::Name(_) | Token::Number(_) => self.lexer.advance()?,
                _ => return Err(self.lexer.expected("the name of a field")),
            }
            self.skip(depth)?;
            if !self.accept(b',')? {
                self.accept(b';')?;
            }
        }
        Ok(())
    }
}
