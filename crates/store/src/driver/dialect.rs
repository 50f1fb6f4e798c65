//! Renders the one SQL text we write into the text of an engine.
//!
//! Purely textual and run once per text and connection. Knows the two dialects; must not know any
//! table. The token language is described in `crates/store/README.md`.

use std::fmt::Write as _;

use crate::{Error, Result};

/// The engine to render for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A rendered statement.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) sql: String,
    /// How many columns `{keys(..)}` names; 0 without that token.
    pub(super) keys: usize,
}

/// Renders one statement.
pub(super) fn statement(sql: &str, dialect: Dialect) -> Result<Text> {
    let mut renderer = Renderer::new(dialect, false);
    renderer.render(sql)?;
    if renderer.keys > 0 && renderer.parameters {
        return Err(wrong(
            "a text with {keys(..)} takes no further parameters",
            sql,
        ));
    }
    Ok(Text {
        sql: renderer.out,
        keys: renderer.keys,
    })
}

/// Renders a script of data definition: also replaces the type names that strict tables refuse.
pub(super) fn script(sql: &str, dialect: Dialect) -> Result<String> {
    let mut renderer = Renderer::new(dialect, true);
    renderer.render(sql)?;
    Ok(renderer.out)
}

struct Renderer {
    dialect: Dialect,
    definition: bool,
    out: String,
    keys: usize,
    parameters: bool,
}

impl Renderer {
    fn new(dialect: Dialect, definition: bool) -> Renderer {
        Renderer {
            dialect,
            definition,
            out: String::new(),
            keys: 0,
            parameters: false,
        }
    }

    fn render(&mut self, sql: &str) -> Result<()> {
        let mut rest = sql;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '{' => {
                    let end = rest
                        .find('}')
                        .ok_or_else(|| wrong("a token is not closed", sql))?;
                    let token = &rest[1..end];
                    self.token(token).map_err(|message| wrong(&message, sql))?;
                    rest = &rest[end + 1..];
                    continue;
                }
                '$' => {
                    let length = 1 + run(&rest[1..], |c| c.is_ascii_digit());
                    self.parameters = true;
                    self.parameter(&rest[1..length]);
                    rest = &rest[length..];
                    continue;
                }
                // A doubled quote inside a literal reads as two literals side by side.
                '\'' | '"' => rest[1..]
                    .find(first)
                    .map(|end| end + 2)
                    .ok_or_else(|| wrong("a quote is not closed", sql))?,
                '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
                c if is_word(c) => {
                    let length = run(rest, is_word);
                    self.word(&rest[..length]);
                    rest = &rest[length..];
                    continue;
                }
                c => c.len_utf8(),
            };
            self.out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        Ok(())
    }

    fn parameter(&mut self, number: &str) {
        // `$1` is a named parameter in SQLite, numbered by first appearance; `?1` is not.
        self.out.push(match self.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        });
        self.out.push_str(number);
    }

    fn word(&mut self, word: &str) {
        let sqlite_definition = self.definition && self.dialect == Dialect::Sqlite;
        self.out.push_str(match word {
            "bigint" | "boolean" if sqlite_definition => "integer",
            word => word,
        });
    }

    fn token(&mut self, token: &str) -> Result<(), String> {
        let (sqlite, postgres) = match token {
            "uuid" => ("blob", "uuid"),
            "bytes" => ("blob", "bytea"),
            "json" => ("text", "jsonb"),
            "text" => ("text", "text collate \"C\""),
            "float" => ("real", "double precision"),
            "strict" => (" strict", ""),
            "clustered" => (" strict, without rowid", ""),
            "binary" => ("collate binary", "collate \"C\""),
            "hold" => ("", "for update"),
            "share" => ("", "for share"),
            "lock" => ("", "for update skip locked"),
            _ => {
                if let Some(number) = token.strip_prefix("in $") {
                    return self.list(number);
                }
                if let Some(columns) = token
                    .strip_prefix("keys(")
                    .and_then(|t| t.strip_suffix(')'))
                {
                    return self.key_table(columns);
                }
                if let Some(operands) = token
                    .strip_prefix("holds(")
                    .and_then(|t| t.strip_suffix(')'))
                {
                    return self.containment(operands);
                }
                return Err(format!("unknown token {{{token}}}"));
            }
        };
        self.out.push_str(match self.dialect {
            Dialect::Sqlite => sqlite,
            Dialect::Postgres => postgres,
        });
        Ok(())
    }

    /// `{in $n}`: one of a list given as one parameter.
    fn list(&mut self, number: &str) -> Result<(), String> {
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("{{in ${number}}} names no parameter"));
        }
        self.parameters = true;
        self.out.push_str(match self.dialect {
            Dialect::Sqlite => "in rarray(?",
            Dialect::Postgres => "= any($",
        });
        self.out.push_str(number);
        self.out.push(')');
        Ok(())
    }

    /// `{holds(column, $n)}`: a JSON object has every member of another one, whose values are texts.
    fn containment(&mut self, operands: &str) -> Result<(), String> {
        let (column, number) = operands
            .split_once(", $")
            .filter(|(column, number)| {
                column.chars().all(|c| is_word(c) || c == '.')
                    && !number.is_empty()
                    && number.bytes().all(|b| b.is_ascii_digit())
            })
            .ok_or_else(|| format!("`{operands}` is not `column, $n`"))?;
        self.parameters = true;
        // Writing to a String cannot fail.
        match self.dialect {
            Dialect::Sqlite => write!(
                self.out,
                "not exists (select 1 from json_each(?{number}) w where \
                 (select h.value from json_each({column}) h where h.key = w.key) is not w.value)"
            ),
            Dialect::Postgres => write!(self.out, "{column} @> ${number}"),
        }
        .map_err(|e| e.to_string())
    }

    /// `{keys(name type, ..)}`: a table expression. One row of parameters in `SQLite`, where the
    /// statement runs once per key; all rows at once in `PostgreSQL`.
    fn key_table(&mut self, columns: &str) -> Result<(), String> {
        if self.keys > 0 {
            return Err("only one {keys(..)} per text".to_owned());
        }
        let mut selected = String::new();
        let mut arrays = String::new();
        let mut names = String::new();
        for column in columns.split(',') {
            let (name, ty) = column
                .trim()
                .split_once(' ')
                .ok_or_else(|| format!("`{column}` is not `name type`"))?;
            let (array, cast) = match ty.trim() {
                "bigint" => ("bigint", ""),
                "float" => ("double precision", ""),
                "bool" => ("boolean", ""),
                // Equal to the collation of `{text}` columns, so that comparing and sorting agree.
                "text" => ("text", " collate \"C\""),
                "bytes" => ("bytea", ""),
                "uuid" => ("uuid", ""),
                // The client has no array of jsonb from texts.
                "json" => ("text", "::jsonb"),
                other => return Err(format!("unknown type of a key: {other}")),
            };
            let comma = if self.keys == 0 { "" } else { ", " };
            self.keys += 1;
            let number = self.keys;
            // Writing to a String cannot fail.
            match self.dialect {
                Dialect::Sqlite => write!(selected, "{comma}?{number} as {name}"),
                Dialect::Postgres => write!(selected, "{comma}u.{name}{cast} as {name}")
                    .and_then(|()| write!(arrays, "{comma}${number}::{array}[]"))
                    .and_then(|()| write!(names, "{comma}{name}")),
            }
            .map_err(|e| e.to_string())?;
        }
        match self.dialect {
            Dialect::Sqlite => write!(self.out, "(select {selected})"),
            Dialect::Postgres => {
                write!(
                    self.out,
                    "(select {selected} from unnest({arrays}) as u({names}))"
                )
            }
        }
        .map_err(|e| e.to_string())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length in bytes of the leading characters that fit.
fn run(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

/// A mistake in one of our own texts, found by the first test that runs it.
fn wrong(message: &str, sql: &str) -> Error {
    let start: String = sql.trim_start().chars().take(100).collect();
    Error::broken(format!("{message} in: {start}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, sqlite: &str, postgres: &str) {
        assert_eq!(statement(sql, Dialect::Sqlite).unwrap().sql, sqlite);
        assert_eq!(statement(sql, Dialect::Postgres).unwrap().sql, postgres);
    }

    #[test]
    fn parameters_are_numbered() {
        check(
            "a = $1 and b = $10",
            "a = ?1 and b = ?10",
            "a = $1 and b = $10",
        );
    }

    #[test]
    fn literals_and_comments_stay() {
        let sql = "select '{$1} it''s', \"$2\" -- {it's $3\n, /* $4 { */ 1";
        check(sql, sql, sql);
    }

    #[test]
    fn locks_and_lists() {
        check("x {in $2}", "x in rarray(?2)", "x = any($2)");
        check(
            "{hold}|{share}|{lock}",
            "||",
            "for update|for share|for update skip locked",
        );
        check(
            "order by a {binary}",
            "order by a collate binary",
            "order by a collate \"C\"",
        );
    }

    #[test]
    fn an_object_holds_another() {
        check(
            "{holds(u.attributes, $3)} and a = $1",
            "not exists (select 1 from json_each(?3) w where \
             (select h.value from json_each(u.attributes) h where h.key = w.key) is not w.value) \
             and a = ?1",
            "u.attributes @> $3 and a = $1",
        );
    }

    #[test]
    fn keys_are_a_table() {
        check(
            "select 1 from {keys(a bigint, b text, c json)} k",
            "select 1 from (select ?1 as a, ?2 as b, ?3 as c) k",
            "select 1 from (select u.a as a, u.b collate \"C\" as b, u.c::jsonb as c \
             from unnest($1::bigint[], $2::text[], $3::text[]) as u(a, b, c)) k",
        );
    }

    #[test]
    fn definitions() {
        let sql = "create table t (a bigint, b boolean, c {float}, d {text}, e {uuid}, f {bytes}, \
                   g {json}){strict}";
        assert_eq!(
            script(sql, Dialect::Sqlite).unwrap(),
            "create table t (a integer, b integer, c real, d text, e blob, f blob, g text) strict"
        );
        assert_eq!(
            script(sql, Dialect::Postgres).unwrap(),
            "create table t (a bigint, b boolean, c double precision, d text collate \"C\", \
             e uuid, f bytea, g jsonb)"
        );
    }

    #[test]
    fn mistakes_are_found() {
        for sql in [
            "{nonsense}",
            "{keys(a bigint)} {keys(b bigint)}",
            "{keys(a bigint)} $2",
            "{keys(a varchar)}",
            "{keys(a)}",
            "{in $}",
            "{holds(a)}",
            "{holds(a, $)}",
            "{holds(f(a), $1)}",
            "{hold",
            "'open",
        ] {
            assert!(statement(sql, Dialect::Sqlite).is_err(), "{sql}");
        }
    }
}
