//! Names and secrets of clients: text that nobody can guess.

/// A client before its secret is hashed. Not `Debug`: it must not get into logs.
#[expect(missing_debug_implementations, reason = "it holds a secret")]
pub struct Minted {
    /// What the client calls itself: `kc_` and 20 characters.
    pub id: String,
    /// Its secret: 260 bits.
    pub secret: String,
}

/// How many random characters follow `kc_`.
const ID_CHARS: usize = 20;
/// The characters of the secret, five bits each.
const SECRET_CHARS: usize = 52;

/// Makes a client's name and secret.
pub fn client() -> Result<Minted, getrandom::Error> {
    let mut random = [0; ID_CHARS + SECRET_CHARS];
    getrandom::fill(&mut random)?;
    Ok(of(&random))
}

fn of(random: &[u8; ID_CHARS + SECRET_CHARS]) -> Minted {
    /// 32 characters that mean the same in a form, a URL and a shell.
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let text: String = random
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect();
    let (id, secret) = text.split_at(ID_CHARS);
    Minted {
        id: format!("kc_{id}"),
        secret: secret.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_a_name_and_a_long_secret() {
        let mut random = [0; ID_CHARS + SECRET_CHARS];
        random[0] = 255;
        random[ID_CHARS] = 33;
        let minted = of(&random);
        assert_eq!(minted.id, "kc_7aaaaaaaaaaaaaaaaaaa");
        assert_eq!(minted.secret, format!("b{}", "a".repeat(SECRET_CHARS - 1)));
        assert_ne!(client().unwrap().id, client().unwrap().id);
    }
}
