//! A JSON Web Token: taken apart, with the complaint of jwt_verify_lib for what is wrong with it.
//!
//! Sources: RFC 7515 §7.1, RFC 7519; google/jwt_verify_lib `jwt.cc`, `status.cc`.

use crate::config::extension::Struct;
use serde_json::Value;

/// A token whose parts are well-formed; its signature is still to be verified.
#[derive(Debug, Clone)]
pub struct Token {
    pub alg: String,
    pub kid: String,
    pub iss: String,
    pub aud: Vec<String>,
    pub exp: u64,
    pub nbf: u64,
    pub header: Struct,
    pub payload: Struct,
    /// The payload as it was sent.
    pub payload_text: String,
    /// What the signature is of.
    pub signed: String,
    pub signature: Vec<u8>,
}

const ALGORITHMS: &[&str] = &[
    "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384",
    "PS512", "EdDSA",
];

impl Token {
    pub fn parse(text: &str) -> Result<Token, String> {
        let parts: Vec<&str> = text.split('.').collect();
        let [head, body, mark] = parts[..] else { return Err(bad_form()) };
        if head.is_empty() || body.is_empty() || mark.is_empty() {
            return Err(bad_form());
        }
        let header = part(head, "header")?;
        let alg = match header.get("alg") {
            Some(Value::String(alg)) => alg.clone(),
            _ => return Err("Jwt header [alg] field is required and must be a string".to_owned()),
        };
        if !ALGORITHMS.contains(&alg.as_str()) {
            return Err("Jwt header [alg] is not supported".to_owned());
        }
        let kid = text_of(&header, "kid", "header")?;
        let payload = part(body, "payload")?;
        let iss = text_of(&payload, "iss", "payload")?;
        text_of(&payload, "sub", "payload")?;
        number_of(&payload, "iat")?;
        let (nbf, exp) = (number_of(&payload, "nbf")?, number_of(&payload, "exp")?);
        text_of(&payload, "jti", "payload")?;
        let aud = audiences(&payload)?;
        let signature = base64url(mark).ok_or("Jwt signature is an invalid Base64url encoded")?;
        let (payload_text, signed) = (body.to_owned(), format!("{head}.{body}"));
        Ok(Token { alg, kid, iss, aud, exp, nbf, header, payload, payload_text, signed, signature })
    }

    /// Whether the token is in force; the clocks may differ by `skew`.
    pub fn check_time(&self, now: u64, skew: u64) -> Result<(), String> {
        if now.saturating_add(skew) < self.nbf {
            return Err("Jwt not yet valid".to_owned());
        }
        if self.exp > 0 && now > self.exp.saturating_add(skew) {
            return Err("Jwt is expired".to_owned());
        }
        Ok(())
    }

    /// A claim as a header shows it; nested ones are named with dots.
    pub fn claim(&self, name: &str) -> Option<String> {
        let mut names = name.split('.');
        let first = self.payload.get(name).or_else(|| self.payload.get(names.next()?));
        let found = match self.payload.get(name) {
            Some(found) => found,
            None => names.try_fold(first?, |value, name| value.get(name))?,
        };
        match found {
            Value::String(it) if !it.is_empty() => Some(it.clone()),
            Value::Bool(it) => Some(it.to_string()),
            Value::Number(it) => Some(it.as_u64().map_or_else(
                || format!("{:.6}", it.as_f64().unwrap_or_default()),
                |whole| whole.to_string(),
            )),
            _ => None,
        }
    }
}

fn bad_form() -> String {
    "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections".to_owned()
}

/// Base64 with the letters of URLs; padding may stand or not.
pub fn base64url(text: &str) -> Option<Vec<u8>> {
    if text.contains(['+', '/']) || text.trim_end_matches('=').len() % 4 == 1 {
        return None;
    }
    crate::source::base64(text)
}

fn part(text: &str, name: &str) -> Result<Struct, String> {
    let bytes = base64url(text).ok_or_else(|| format!("Jwt {name} is an invalid Base64url encoded"))?;
    serde_json::from_slice(&bytes).map_err(|_| format!("Jwt {name} is an invalid JSON"))
}

fn text_of(fields: &Struct, field: &str, part: &str) -> Result<String, String> {
    match fields.get(field) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("Jwt {part} [{field}] field is not a string")),
    }
}

fn number_of(payload: &Struct, field: &str) -> Result<u64, String> {
    match payload.get(field) {
        None => Ok(0),
        Some(Value::Number(number)) => {
            let whole =
                number.as_u64().or_else(|| number.as_f64().filter(|it| *it >= 0.0).map(|it| it as u64));
            whole.ok_or_else(|| format!("Jwt payload [{field}] field is not a positive 64 bit integer"))
        }
        Some(_) => Err(format!("Jwt payload [{field}] field is not an integer")),
    }
}

fn audiences(payload: &Struct) -> Result<Vec<String>, String> {
    let bad = || "Jwt payload [aud] field is not a string or string list".to_owned();
    match payload.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(all)) => {
            all.iter().map(|it| it.as_str().map(str::to_owned).ok_or_else(bad)).collect()
        }
        Some(_) => Err(bad()),
    }
}
