//! How often something that can be guessed may be tried. Counted in the database, so that it holds for all nodes together.
//!
//! A try counts before it is made, and is taken back when it was right. Three counts bound it:
//!
//! - of an account from one address: a few tries are free, then each has to wait longer;
//! - of an address, whatever accounts it tries;
//! - of an account from everywhere, for addresses that its owner has never come from. So many machines together guess no
//!   faster, and the owner, who comes from a network where they have signed in before, is never kept out by them.

use std::{net::IpAddr, time::Duration};

use domain::{id::UserId, time::Timestamp};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use store::{Store, attempts::Tally};

use crate::{
    clock,
    manage::{Error, Result},
};

/// How many tries are free, and how long the others have to wait.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    free: i64,
    /// Before the first try that is not free. It doubles with each further one.
    first: Duration,
    most: Duration,
    /// After so long without a try all are forgotten.
    forget: Duration,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

const FROM_ONE_ADDRESS: Bound = Bound {
    free: 5,
    first: Duration::from_secs(5),
    most: Duration::from_secs(15 * MINUTE),
    forget: Duration::from_secs(24 * HOUR),
};
const OF_AN_ADDRESS: Bound = Bound {
    free: 30,
    first: Duration::from_secs(10),
    most: Duration::from_secs(15 * MINUTE),
    forget: Duration::from_secs(HOUR),
};
const FROM_EVERYWHERE: Bound = Bound {
    free: 50,
    first: Duration::from_secs(10),
    most: Duration::from_secs(15 * MINUTE),
    forget: Duration::from_secs(HOUR),
};
/// New accounts and forgotten passwords, of an address.
pub const ASKING: Bound = Bound {
    free: 20,
    first: Duration::from_secs(30),
    most: Duration::from_secs(15 * MINUTE),
    forget: Duration::from_secs(HOUR),
};
/// Letters to one mail address.
pub const LETTERS: Bound = Bound {
    free: 3,
    first: Duration::from_secs(20 * MINUTE),
    most: Duration::from_secs(HOUR),
    forget: Duration::from_secs(3 * HOUR),
};
/// When tallies are of no use any more, and when a network is not familiar any more.
pub const TALLIES_KEPT: Duration = Duration::from_secs(48 * HOUR);
pub const NETWORKS_KEPT: Duration = Duration::from_secs(180 * 24 * HOUR);

/// What is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Password,
    /// The code of a second factor.
    Code,
}

/// A try that was counted.
pub struct Try {
    /// The one that a success clears.
    own: Vec<u8>,
    /// Those in which a success takes back this one.
    shared: Vec<Vec<u8>>,
}

impl Bound {
    /// The count with one more try, or how long that has to wait.
    fn judge(self, tally: Tally, now: Timestamp) -> std::result::Result<i64, Duration> {
        let passed = now.since(tally.last_at);
        if passed >= self.forget {
            return Ok(1);
        }
        let wait = self.wait_after(tally.tries);
        if passed >= wait { Ok(tally.tries.saturating_add(1)) } else { Err(wait.saturating_sub(passed)) }
    }

    /// How long after the last of so many tries the next one may be made.
    fn wait_after(self, tries: i64) -> Duration {
        if tries < self.free {
            return Duration::ZERO;
        }
        let beyond = u32::try_from(tries - self.free).unwrap_or(u32::MAX);
        self.first.saturating_mul(2_u32.saturating_pow(beyond)).min(self.most)
    }
}

/// Counts a try of somebody's secret, before it is looked at. `account` is what they are called by, known or not.
///
/// # Errors
/// [`Error::TooMany`] when it may not be tried now.
pub async fn guess(store: &Store, secret: Secret, account: &str, user: Option<UserId>, address: IpAddr) -> Result<Try> {
    let kind = match secret {
        Secret::Password => "password",
        Secret::Code => "code",
    };
    let host = host_network(address);
    let own = key(&[kind, "from", account, &host]);
    let of_address = key(&["address", &host]);
    let mut keys = vec![own.clone(), of_address.clone()];
    let mut bounds = vec![FROM_ONE_ADDRESS, OF_AN_ADDRESS];
    let mut shared = vec![of_address];
    // Asked also of nobody, so that an unknown account takes as long.
    let somebody = user.unwrap_or(UserId::from_u128(0));
    if !store.is_familiar(somebody, &network(address)).await? {
        let everywhere = key(&[kind, "everywhere", account]);
        keys.push(everywhere.clone());
        bounds.push(FROM_EVERYWHERE);
        shared.push(everywhere);
    }
    count(store, &keys, &bounds).await?;
    Ok(Try { own, shared })
}

/// Counts something that `who` asks for.
///
/// # Errors
/// [`Error::TooMany`] when it was asked for too often.
pub async fn ask(store: &Store, what: &str, who: &str, bound: Bound) -> Result<()> {
    count(store, &[key(&["ask", what, who])], &[bound]).await
}

impl Try {
    /// It was right.
    pub async fn succeeded(self, store: &Store) -> Result<()> {
        store.forget_tries(&self.own).await?;
        Ok(store.take_back_try(&self.shared).await?)
    }
}

async fn count(store: &Store, keys: &[Vec<u8>], bounds: &[Bound]) -> Result<()> {
    let now = clock::now();
    let judge = |tallies: &[Tally]| {
        let judged: Vec<_> = bounds.iter().zip(tallies).map(|(bound, tally)| bound.judge(*tally, now)).collect();
        match judged.iter().filter_map(|judged| judged.err()).max() {
            Some(wait) => Err(wait),
            None => Ok(judged.into_iter().filter_map(std::result::Result::ok).collect()),
        }
    };
    // Whoever has to wait costs no more than a look.
    let looked = judge(&store.tallies(keys).await?);
    let counted = match looked {
        Ok(_) => store.count_try(keys, now, judge).await?,
        Err(wait) => Err(wait),
    };
    counted.map_err(Error::TooMany)
}

/// The addresses that are one host's: of IPv6 a whole /64.
#[must_use]
pub fn host_network(address: IpAddr) -> String {
    truncated(address, 32, 64)
}

/// The addresses that are likely of the same place.
#[must_use]
pub fn network(address: IpAddr) -> String {
    truncated(address, 24, 48)
}

fn truncated(address: IpAddr, v4: u8, v6: u8) -> String {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { v4 } else { v6 };
    IpNet::new(address, bits).map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
}

fn key(parts: &[&str]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Bound =
        Bound { free: 3, first: Duration::from_secs(5), most: Duration::from_mins(1), forget: Duration::from_hours(1) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_wait_grows_to_its_end() {
        let waits: Vec<_> = (0..10).map(|tries| BOUND.wait_after(tries).as_secs()).collect();
        assert_eq!(waits, [0, 0, 0, 5, 10, 20, 40, 60, 60, 60]);
        assert_eq!(BOUND.wait_after(i64::MAX).as_secs(), 60);
    }

    #[test]
    fn a_try_is_judged_by_those_before_it() {
        let tally = |tries, last| Tally { tries, last_at: at(last) };
        assert_eq!(BOUND.judge(tally(0, 0), at(1)), Ok(1));
        assert_eq!(BOUND.judge(tally(2, 100), at(100)), Ok(3));
        assert_eq!(BOUND.judge(tally(3, 100), at(102)), Err(Duration::from_secs(3)));
        assert_eq!(BOUND.judge(tally(3, 100), at(105)), Ok(4));
        assert_eq!(BOUND.judge(tally(500, 100), at(160)), Ok(501));
        assert_eq!(BOUND.judge(tally(500, 100), at(3700)), Ok(1), "they are forgotten");
        assert_eq!(BOUND.judge(tally(3, 200), at(100)), Err(Duration::from_secs(5)), "another node's clock is ahead");
    }

    #[test]
    fn networks_are_of_hosts_and_places() {
        let of = |text: &str| {
            let address = text.parse().expect("an address");
            (host_network(address), network(address))
        };
        assert_eq!(of("203.0.113.9"), ("203.0.113.9/32".to_owned(), "203.0.113.0/24".to_owned()));
        assert_eq!(of("::ffff:203.0.113.9"), of("203.0.113.9"));
        assert_eq!(of("2001:db8:1:2:3::4"), ("2001:db8:1:2::/64".to_owned(), "2001:db8:1::/48".to_owned()));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
    }
}
