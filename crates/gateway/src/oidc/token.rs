//! Whether an ID token is to be believed (OpenID Connect Core 1.0, section 3.1.3.7).

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde::Deserialize;

use super::{OidcError, Person};

/// What may sign a token: with keys of which the provider alone has the private half.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Seconds that clocks may differ.
const LEEWAY: u64 = 60;

/// What a token must say.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    nonce: Option<String>,
    aud: Audience,
    azp: Option<String>,
    email: Option<String>,
    /// Some send it as a text.
    email_verified: Option<serde_json::Value>,
    name: Option<String>,
    preferred_username: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The key that a token names is not among those that are known.
#[derive(Debug)]
pub enum Verdict {
    Believed(Person),
    UnknownKey,
}

pub fn verify(token: &str, keys: &JwkSet, expected: &Expected<'_>) -> Result<Verdict, OidcError> {
    let wrong = |error: jsonwebtoken::errors::Error| OidcError::Token(error.to_string());
    let header = jsonwebtoken::decode_header(token).map_err(wrong)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(OidcError::Token(format!("it is signed by {:?}", header.alg)));
    }
    let Some(key) = key_for(keys, header.kid.as_deref(), header.alg) else {
        return Ok(Verdict::UnknownKey);
    };
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY;
    let key = DecodingKey::from_jwk(key).map_err(wrong)?;
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(wrong)?.claims;
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(OidcError::Token("its nonce is another".to_owned()));
    }
    let audience = match claims.aud {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    };
    let is_for_others = claims.azp.is_none() && audience.iter().any(|to| to != expected.client_id);
    if is_for_others || claims.azp.as_ref().is_some_and(|azp| azp != expected.client_id) {
        return Err(OidcError::Token("it was given to another client".to_owned()));
    }
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err(OidcError::Token("its subject is no subject".to_owned()));
    }
    let is_verified = claims.email_verified.is_some_and(|said| said == true || said == "true");
    Ok(Verdict::Believed(Person {
        issuer: expected.issuer.to_owned(),
        subject: claims.sub,
        verified_email: claims.email.filter(|_| is_verified),
        name: claims.name.or(claims.preferred_username),
    }))
}

/// The key by its id, or the only one that fits where the token names none.
fn key_for<'a>(keys: &'a JwkSet, id: Option<&str>, algorithm: Algorithm) -> Option<&'a Jwk> {
    let fits = |key: &&Jwk| {
        let signs = key.common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
        signs && key.common.key_algorithm.is_none_or(|named| named == algorithm.into())
    };
    let mut fitting = keys.keys.iter().filter(fits);
    match id {
        Some(id) => fitting.find(|key| key.common.key_id.as_deref() == Some(id)),
        None => fitting.next().filter(|_| fitting.next().is_none()),
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
    };
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;
    use crate::clock;

    const EXPECTED: Expected<'_> = Expected { issuer: "https://login.test", client_id: "us", nonce: "n-1" };

    struct Signer {
        key: EncodingKey,
        keys: JwkSet,
    }

    fn signer(id: &str) -> Signer {
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).expect("a pair");
        let point = &pair.public_key().as_ref()[1..];
        let key = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id,
            "x": URL_SAFE_NO_PAD.encode(&point[..32]), "y": URL_SAFE_NO_PAD.encode(&point[32..]),
        });
        let keys = serde_json::from_value(json!({ "keys": [key] })).expect("a set of keys");
        Signer { key: EncodingKey::from_ec_der(document.as_ref()), keys }
    }

    fn claims(change: impl FnOnce(&mut Value)) -> Value {
        let now = clock::now().as_secs();
        let mut claims = json!({
            "iss": "https://login.test", "aud": "us", "sub": "248", "nonce": "n-1", "iat": now, "exp": now + 300,
            "email": "ana@example.com", "email_verified": true, "name": "Ana",
        });
        change(&mut claims);
        claims
    }

    fn token(signer: &Signer, claims: &Value) -> String {
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &signer.key).expect("a token")
    }

    #[test]
    fn a_token_that_is_right_says_who_it_is() {
        let signer = signer("k1");
        let person = |change: fn(&mut Value)| {
            let Ok(Verdict::Believed(person)) = verify(&token(&signer, &claims(change)), &signer.keys, &EXPECTED)
            else {
                panic!("it is right")
            };
            person
        };
        let ana = person(|_| {});
        assert_eq!((ana.subject.as_str(), ana.verified_email.as_deref()), ("248", Some("ana@example.com")));
        assert_eq!(person(|claims| claims["email_verified"] = json!(false)).verified_email, None);
        assert_eq!(person(|claims| claims["email_verified"] = json!("yes")).verified_email, None);
        assert_eq!(person(|claims| claims["email_verified"] = Value::Null).verified_email, None);
        person(|claims| claims["aud"] = json!(["us"]));
        person(|claims| {
            claims["aud"] = json!(["us", "them"]);
            claims["azp"] = json!("us");
        });
    }

    #[test]
    fn no_other_token_is_believed() {
        let signer = signer("k1");
        let changes: [fn(&mut Value); 11] = [
            |claims| claims["iss"] = json!("https://login.test/"),
            |claims| claims["aud"] = json!("them"),
            |claims| claims["aud"] = json!(["us", "them"]),
            |claims| claims["azp"] = json!("them"),
            |claims| claims["exp"] = json!(clock::now().as_secs() - 120),
            |claims| claims["nbf"] = json!(clock::now().as_secs() + 600),
            |claims| claims["nonce"] = json!("n-2"),
            |claims| claims["nonce"] = Value::Null,
            |claims| claims["sub"] = json!(""),
            |claims| {
                claims.as_object_mut().expect("an object").remove("exp");
            },
            |claims| {
                claims.as_object_mut().expect("an object").remove("sub");
            },
        ];
        for (place, change) in changes.into_iter().enumerate() {
            let claims = claims(change);
            assert!(
                matches!(verify(&token(&signer, &claims), &signer.keys, &EXPECTED), Err(OidcError::Token(_))),
                "{place}"
            );
        }
        // Another's key under the same id, and a key that is not known.
        let right = claims(|_| {});
        let forged = token(&super::tests::signer("k1"), &right);
        assert!(matches!(verify(&forged, &signer.keys, &EXPECTED), Err(OidcError::Token(_))));
        let other = super::tests::signer("k2");
        assert!(matches!(verify(&token(&signer, &right), &other.keys, &EXPECTED), Ok(Verdict::UnknownKey)));
        // Signed with what is public, or not at all.
        let header = Header { kid: Some("k1".to_owned()), ..Header::new(Algorithm::HS256) };
        let public = EncodingKey::from_secret(serde_json::to_string(&signer.keys).expect("JSON").as_bytes());
        let shared = jsonwebtoken::encode(&header, &right, &public).expect("a token");
        assert!(matches!(verify(&shared, &signer.keys, &EXPECTED), Err(OidcError::Token(_))));
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", encode(json!({ "alg": "none", "kid": "k1" })), encode(right));
        assert!(verify(&unsigned, &signer.keys, &EXPECTED).is_err());
        assert!(verify("nonsense", &signer.keys, &EXPECTED).is_err());
    }
}
